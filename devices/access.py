"""Give views the devices and gateways of their clinic: the only way a view obtains one."""

from __future__ import annotations

import uuid

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone

from clinics.access import ClinicAccess
from devices.hardware import normal_hardware_id
from devices.models import Assignment, Device, Gateway


def devices_for(access: ClinicAccess) -> QuerySet[Device]:
    """Return this clinic's devices; `held_by` is the external id of the patient who has it now, or None."""
    now = Assignment.objects.for_clinic(access.clinic).in_force_at(timezone.now())
    holder = now.filter(device=OuterRef("pk")).values("patient__external_id")[:1]
    return Device.objects.for_clinic(access.clinic).annotate(held_by=Subquery(holder))


def device_with_hwi_id(access: ClinicAccess, hwi_device_id: str) -> Device:
    """Return this clinic's device with the vendor's id, in any spelling of a UUID. Raises 404 on a miss."""
    try:
        key = uuid.UUID(hwi_device_id)
    except ValueError:
        raise Http404 from None
    return get_object_or_404(devices_for(access), hwi_device_id=key)


def device_for(access: ClinicAccess, device_id: uuid.UUID) -> Device:
    """Return this clinic's device. Raises 404 on a miss."""
    return get_object_or_404(Device.objects.for_clinic(access.clinic).select_related("clinic"), id=device_id)


def gateways_for(access: ClinicAccess) -> QuerySet[Gateway]:
    """Return this clinic's gateways; `devices` are the vendor's ids of the devices behind each."""
    behind = Device.objects.for_clinic(access.clinic).filter(hardware_uuid=OuterRef("gateway_id"))
    ids = behind.order_by("hwi_device_id").values("hwi_device_id")
    return Gateway.objects.for_clinic(access.clinic).annotate(devices=ArraySubquery(ids))


def gateway_called(access: ClinicAccess, gateway_id: str) -> Gateway:
    """Return this clinic's gateway of that Gateway ID, in any spelling. Raises 404 on a miss."""
    return get_object_or_404(gateways_for(access), gateway_id=normal_hardware_id(gateway_id))


def gateway_for(access: ClinicAccess, gateway_id: uuid.UUID) -> Gateway:
    """Return this clinic's gateway by our own id. Raises 404 on a miss."""
    return get_object_or_404(
        Gateway.objects.for_clinic(access.clinic).select_related("clinic"), id=gateway_id
    )
