"""The only way a view obtains a device."""

from __future__ import annotations

import uuid

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone

from clinics.access import Visit
from devices.models import Assignment, Device


def devices_for(visit: Visit) -> QuerySet[Device]:
    """This clinic's devices; `held_by` is the external id of the patient who has it now, or None."""
    now = Assignment.objects.for_clinic(visit.clinic).in_force_at(timezone.now())
    holder = now.filter(device=OuterRef("pk")).values("patient__external_id")[:1]
    return Device.objects.for_clinic(visit.clinic).annotate(held_by=Subquery(holder))


def device_with_hwi_id(visit: Visit, hwi_device_id: str) -> Device:
    """This clinic's device with the vendor's id, in any spelling of a UUID; 404 on a miss."""
    try:
        key = uuid.UUID(hwi_device_id)
    except ValueError:
        raise Http404 from None
    return get_object_or_404(devices_for(visit), hwi_device_id=key)
