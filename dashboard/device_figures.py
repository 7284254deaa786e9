"""What the readings say about devices: when each was last used, its battery, what has no patient."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce

from clinics.models import Clinic
from devices.models import Device
from measurements.models import Measurement

BATTERY_SPAN = datetime.timedelta(days=45)
"""An older word about a battery says nothing of today's."""
LOW_BATTERY = 20  # percent


@dataclass(frozen=True)
class DeviceFigures:
    """`last_reading_at` is when the newest reading was taken, a battery's included; `battery` is in
    percent; `unclaimed` counts readings that belong to no patient."""

    last_reading_at: datetime.datetime | None = None
    battery: Decimal | None = None
    unclaimed: int = 0

    @property
    def battery_words(self) -> str:
        """`80 %`, `15 %, low`, or "" for a device that has not said."""
        if self.battery is None:
            return ""
        return f"{self.battery:.0f} %" + (", low" if self.is_low else "")

    @property
    def is_low(self) -> bool:
        return self.battery is not None and self.battery <= LOW_BATTERY


def figures_of(
    clinic: Clinic, device_ids: Iterable[uuid.UUID], now: datetime.datetime
) -> dict[uuid.UUID, DeviceFigures]:
    """Figures of each of these devices. One query."""
    readings = readings_of_each(clinic)
    battery = readings.filter(metric="battery_percentage", taken_at__gt=now - BATTERY_SPAN)
    unclaimed = (
        Measurement.objects.for_clinic(clinic)
        .filter(device=OuterRef("pk"), patient__isnull=True)
        .order_by()
        .values("device")
        .annotate(n=Count("id"))
        .values("n")
    )
    rows = (
        Device.objects.for_clinic(clinic)
        .filter(id__in=list(device_ids))
        .values_list(
            "id",
            Subquery(readings.values("taken_at")[:1]),
            Subquery(battery.values("value_1")[:1]),
            Coalesce(Subquery(unclaimed, output_field=IntegerField()), 0),
        )
    )
    return {device_id: DeviceFigures(*figures) for device_id, *figures in rows}


def readings_of_each(clinic: Clinic) -> Any:
    """The readings of the device that an outer query is about, newest first, found by the key under
    which readings are stored."""
    return (
        Measurement.objects.for_clinic(clinic)
        .filter(hwi_device_id=OuterRef("hwi_device_id"))
        .order_by("-taken_at")
    )
