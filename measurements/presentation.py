"""Readings in words: value, remarks, and why one counts or not. The same on chart, table and day."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal

from measurements.models import LocalDateRule, Measurement
from tenovi import catalogue

LATE_AFTER = datetime.timedelta(hours=24)
WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
HALVES = {1: "AM", 2: "PM"}
MEAL_CONTEXTS = {"pre-prandial": "before meal", "post-prandial": "after meal", "fasting": "fasting"}


def metric_of(name: str, kind: str, sensor_code: str = "") -> catalogue.Metric:
    return catalogue.meaning(name, kind, sensor_code)


def meaning_of(reading: Measurement) -> catalogue.Metric:
    """What this reading means, by its device's kind. `reading.device` must be at hand."""
    return catalogue.meaning(
        reading.metric, reading.device.kind, reading.sensor_code or reading.device.sensor_code
    )


def value_text(metric: catalogue.Metric, value_1: Decimal, value_2: Decimal | None) -> str:
    """The value without its unit: `131/82`, `98.6`, `Monday AM`, `installed`."""
    if metric.name == "blood_pressure" and value_2 is not None:
        return f"{value_1:.0f}/{value_2:.0f}"
    if metric.name in ("pillbox_opened", "pillbox_refilled"):
        return f"{WEEKDAYS[int(value_1) - 1]} {HALVES.get(int(value_2 or 0), '')}".strip()
    if metric.value_1.meaning == "always 1":
        return "yes"
    if named := _named_flag(metric.value_1.meaning, value_1):
        return named
    if not metric.known:
        return " / ".join(f"{value.normalize():f}" for value in (value_1, value_2) if value is not None)
    return f"{value_1:.{metric.value_1.decimals}f}"


def unit_text(metric: catalogue.Metric) -> str:
    return {"beats/min": "bpm", "degF": "°F"}.get(metric.value_1.unit, metric.value_1.unit)


def marks_of(reading: Measurement) -> list[str]:
    """What is unusual about a reading: keys of `clinics.presentation.MARKS`."""
    found = {
        "estimated": reading.estimated,
        "late": reading.received_at - reading.taken_at > LATE_AFTER,
        "excluded": reading.excluded,
        "conflict": reading.conflict,
        "above_range": reading.context.get("alert") == "sensor_result_above_range",
    }
    return [mark for mark, present in found.items() if present]


def context_of(reading: Measurement) -> str:
    """What the person said when measuring: `before meal`, `control solution`."""
    if reading.control:
        return "control solution"
    return MEAL_CONTEXTS.get(str(reading.context.get("meal_context", "")), "")


def rule_text(reading: Measurement) -> str:
    """Which clock placed the reading on its date, in words."""
    label = LocalDateRule(reading.local_date_rule).label
    if reading.local_date_rule == LocalDateRule.OFFSET and reading.timezone_offset is not None:
        minutes = int(reading.timezone_offset * 60)
        sign = "−" if minutes < 0 else "+"
        return f"{label} (UTC{sign}{abs(minutes) // 60}:{abs(minutes) % 60:02})"
    return label


def why_text(reading: Measurement, metric: catalogue.Metric) -> str:
    """Why this reading counts toward a day, or why it does not."""
    if reading.counts:
        return "vital reading"
    if reading.excluded:
        return "excluded by a person"
    if reading.control:
        return "control solution tests the meter, not the patient"
    if not metric.known:
        return "a metric we do not know is never counted"
    if reading.vital is None:
        return "the vendor does not say that it is vital"
    if metric.name == "battery_percentage":
        return "a battery level is not vital"
    return "not a vital metric by the vendor’s rule"


def _named_flag(meaning: str, value: Decimal) -> str:
    """The vendor writes flags as `1 installed, 0 removed`; the words for this value, or ""."""
    words = dict(re.findall(r"(?:^|, )([0-9]) ([^,0-9]+)", meaning))
    return words.get(str(int(value)), "").strip() if len(words) == 2 else ""
