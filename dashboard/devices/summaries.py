"""Summarise what the readings say about devices: last use, battery, readings without a patient."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Case, Count, IntegerField, OuterRef, Subquery, When
from django.db.models.functions import Coalesce

from clinics.models import Clinic
from devices.models import Device
from measurements.models import Measurement
from measurements.shown.presentation import metric_of, value_text
from tenovi import catalogue

BATTERY_SPAN = datetime.timedelta(days=45)
"""An older word about a battery says nothing of today's."""
LOW_BATTERY = 20  # percent
WARNING_SPAN = datetime.timedelta(days=14)
"""A device that warns of its battery never says that it was charged, so a warning is let go after a while."""
WARNING = "low_battery_event"
WARNING_KINDS = [kind.slug for kind in catalogue.kinds() if WARNING in kind.metrics]


@dataclass(frozen=True)
class DeviceSummary:
    """`last_reading_at` is when a patient last measured with it, `last_signal_at` when it last sent
    anything, a battery level included. `battery` is in percent; `battery_warning` is `low` or `critical`
    from a device that knows no percent. `unclaimed` counts readings that belong to no patient, except where
    a person decided so."""

    last_reading_at: datetime.datetime | None = None
    last_signal_at: datetime.datetime | None = None
    battery: Decimal | None = None
    battery_warning: str = ""
    unclaimed: int = 0

    @property
    def battery_words(self) -> str:
        """Return `80 %`, `15 %, low`, `critical`, or "" for a device that has not said."""
        if self.battery is None:
            return self.battery_warning
        return f"{self.battery:.0f} %" + (", low" if self.is_low else "")

    @property
    def is_low(self) -> bool:
        if self.battery is None:
            return bool(self.battery_warning)
        return self.battery <= LOW_BATTERY


def warning_word(kind: str, sensor_code: str, value: Decimal | None) -> str:
    """Return a `low_battery_event` of this value in a word, "" for None.

    It is 1 for critical on one kind of device, always 1 on another.
    """
    if value is None:
        return ""
    return value_text(metric_of(WARNING, kind, sensor_code), value, None)


def summaries_of(
    clinic: Clinic, device_ids: Iterable[uuid.UUID], now: datetime.datetime
) -> dict[uuid.UUID, DeviceSummary]:
    """Return the summary of each of these devices. One query."""
    readings = readings_of_each(clinic)
    percent = readings.filter(metric="battery_percentage", taken_at__gt=now - BATTERY_SPAN)
    unclaimed = (
        Measurement.objects.for_clinic(clinic)
        .unassigned()
        .filter(device=OuterRef("pk"))
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
            Subquery(readings.of_use().values("taken_at")[:1]),
            Subquery(readings.values("taken_at")[:1]),
            Subquery(percent.values("value_1")[:1]),
            Coalesce(Subquery(unclaimed, output_field=IntegerField()), 0),
            "kind",
            "sensor_code",
            newest_warning(readings, "kind", now),
        )
    )
    return {
        device_id: DeviceSummary(last, signal, battery, warning_word(*warning), unclaimed)
        for device_id, last, signal, battery, unclaimed, *warning in rows
    }


def newest_warning(newest: Any, kind: str, now: datetime.datetime) -> Case:
    """Return the value of the last `low_battery_event` that is not too old, as an expression.

    `newest` are readings with the newest first, of an outer query whose field `kind` is the kind of the
    device: other kinds are not searched.
    """
    warnings = newest.filter(metric=WARNING, taken_at__gt=now - WARNING_SPAN).values("value_1")[:1]
    return Case(When(**{f"{kind}__in": WARNING_KINDS}, then=Subquery(warnings)))


def readings_of_each(clinic: Clinic) -> Any:
    """Return the readings of the device that an outer query is about, newest first.

    They are found by the key under which readings are stored.
    """
    return (
        Measurement.objects.for_clinic(clinic)
        .filter(hwi_device_id=OuterRef("hwi_device_id"))
        .order_by("-taken_at")
    )
