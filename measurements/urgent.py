"""Readings that a person must see, whatever is measured after them.

A pressure above 180/120 is what the American Heart Association calls a hypertensive crisis; a glucose
below 54 mg/dL is level 2 hypoglycemia of the American Diabetes Association. Above 400 mg/dL is ours. The
meter's own flag comes from the vendor: "only included if an out-of-range reading is detected".
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from clinics.models import Clinic
from measurements.models import Measurement, Source
from measurements.row import Row
from measurements.shown.presentation import unit_text, value_text
from patients.alerts import UrgentReading, raise_reading_alerts, resolve_alert
from patients.models import Alert
from tenovi import catalogue

HISTORY_AFTER = datetime.timedelta(days=30)
"""What we fetch so long after it was taken is history, of a new clinic for example: shown, never raised."""
NO_FLAG = frozenset({"", "none", "null", "na", "no", "false", "0", "[]", "{}"})


@dataclass(frozen=True, slots=True)
class Within:
    """Bounds in `unit`; a value on a bound is not urgent."""

    unit: str
    low: Decimal | None = None
    high: Decimal | None = None

    def beyond(self, value: Decimal | None) -> str:
        """`above 400`, `below 54`, or "" within."""
        if value is not None and self.high is not None and value > self.high:
            return f"above {self.high}"
        if value is not None and self.low is not None and value < self.low:
            return f"below {self.low}"
        return ""


SAFE = {
    "blood_pressure": (Within("mmHg", high=Decimal(180)), Within("mmHg", high=Decimal(120))),
    "glucose": (Within("mg/dL", Decimal(54), Decimal(400)), None),
}
"""By metric, for its first and second value, in the units of the catalogue."""


def urgency_of(metric: catalogue.Metric, row: Row | Measurement) -> str:
    """Say in words why a person must see this reading: `systolic above 180`. "" for any other."""
    if metric.shape == "status":
        return ""
    first, second = SAFE.get(metric.name, (None, None))
    if metric.name == "blood_pressure" and first and second:
        found = {"systolic": first.beyond(row.value_1), "diastolic": second.beyond(row.value_2)}
        told = [f"{name} {words}" for name, words in found.items() if words]
    else:
        told = [words] if first and (words := first.beyond(row.value_1)) else []
    return ", ".join([*told, *_flagged(row.context)])


def _flagged(context: Mapping[str, Any]) -> list[str]:
    """What the meter itself said: the vendor writes `sensor_result_above_range`."""
    said = re.sub(r"[\s_-]+", "", str(context.get("alert") or "")).casefold()
    if said in NO_FLAG:
        return []
    for side in ("above", "below"):
        if side in said:
            return [f"{side} what the meter can measure"]
    return ["out of range by the meter"]


def urgent_among(rows: Iterable[tuple[Row, int]]) -> list[int]:
    """The numbers of the readings just stored that may need an alert."""
    return [
        number for row, number in rows if urgency_of(catalogue.meaning(row.metric, "", row.sensor_code), row)
    ]


def follow(clinic: Clinic, readings: Iterable[Measurement]) -> None:
    """Raise and end the alerts of these readings by what they are now; safe to repeat.

    `readings` need `device` at hand. Call it in the transaction that stored or changed them, also when
    they changed hands: an alert never stays with somebody whose reading it is not.
    """
    known = {reading.id: reading for reading in readings}
    standing = Alert.objects.for_clinic(clinic).standing().about_readings()
    for alert in standing.filter(reading_id__in=known).select_related("clinic").order_by("id"):
        reading = known[alert.reading_id or 0]
        over = (
            "the reading is another patient’s" if reading.patient_id != alert.patient_id else _over(reading)
        )
        if over:
            resolve_alert(alert, over)
    urgent = (_urgent(reading) for reading in known.values())
    raise_reading_alerts(clinic=clinic, found=[one for one in urgent if one])


def follow_numbers(clinic: Clinic, numbers: Iterable[int]) -> None:
    """The same for stored readings by their numbers."""
    follow(
        clinic, Measurement.objects.for_clinic(clinic).filter(id__in=list(numbers)).select_related("device")
    )


def _over(reading: Measurement) -> str:
    """Why this reading is not the patient's own value, "" when it is."""
    if reading.excluded:
        return "the reading was excluded"
    if reading.is_repeat:
        return "the device had sent it before"
    return "it was control solution" if reading.control else ""


def _urgent(reading: Measurement) -> UrgentReading | None:
    metric = catalogue.meaning(
        reading.metric, reading.device.kind, reading.sensor_code or reading.device.sensor_code
    )
    why = urgency_of(metric, reading)
    is_history = reading.source == Source.FETCH and reading.received_at - reading.taken_at > HISTORY_AFTER
    if not why or not reading.patient_id or _over(reading) or is_history:
        return None
    value = f"{value_text(metric, reading.value_1, reading.value_2)} {unit_text(metric)}".strip()
    return UrgentReading(
        reading_id=reading.id,
        patient_id=reading.patient_id,
        metric=metric.name,
        value_1=reading.value_1,
        value_2=reading.value_2,
        taken_at=reading.taken_at,
        words=f"{metric.label[:60]} {value[:60]}: {why}"[:200],
    )
