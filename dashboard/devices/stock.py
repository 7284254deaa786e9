"""Find the devices in stock: activated, and assigned to no patient yet."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db.models import Exists, OuterRef

from clinics.models import Clinic
from devices.models import Assignment
from fulfillment.models import Order


def in_stock(clinic: Clinic, device_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Return which of these devices were activated into stock and assigned to no patient since. One query.

    A device that came back is not among them: "no patient has it" is also recorded of what is lost.
    """
    decided = Assignment.periods.for_clinic(clinic).filter(device=OuterRef("device"))
    stocked = Order.objects.for_clinic(clinic).into_stock().filter(device__in=list(device_ids))
    return {
        device_id
        for device_id in stocked.exclude(Exists(decided)).values_list("device_id", flat=True)
        if device_id
    }
