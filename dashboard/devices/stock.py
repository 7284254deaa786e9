"""Devices that lie at the clinic: activated, and handed to nobody yet."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db.models import Exists, OuterRef

from clinics.models import Clinic
from devices.models import Assignment
from fulfillment.models import Order


def in_stock(clinic: Clinic, device_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Tell which of these devices were activated into stock and nobody has had since. One query.

    One that came back is not among them: "nobody has it" is also said of what is lost.
    """
    decided = Assignment.periods.for_clinic(clinic).filter(device=OuterRef("device"))
    stocked = Order.objects.for_clinic(clinic).into_stock().filter(device__in=list(device_ids))
    return {each for each in stocked.exclude(Exists(decided)).values_list("device_id", flat=True) if each}
