"""A month of one metric as a line the size of a word."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from clinics.models import Clinic
from measurements.shown.daily_values import DailyValue, daily_values
from measurements.shown.presentation import COMPARTMENTS, LEAST_SPAN, metric_of, unit_text, value_text
from tenovi import catalogue

DAYS = 30
SUMS = {
    "steps": "steps a day",
    "hailie_medication_event": "doses a day",
    "patchcap_open_close_event": "openings a day",
}
COUNTS = dict.fromkeys(COMPARTMENTS, "openings a day")
"""Metrics of which a day is summed up, or counted, and what the number then is."""


@dataclass(frozen=True)
class Sparkline:
    """`points` are day (0 to `DAYS` - 1, the last is today), value, and the lower end of a range or
    None. `bars` stand on 0. `low` and `high` bound the scale; `words` say it all. A line joins
    points up to `joins` days apart: longer gaps stay open."""

    points: tuple[tuple[int, float, float | None], ...]
    bars: bool
    low: float
    high: float
    words: str
    joins: int = 2


def sparklines(
    clinic: Clinic, metrics: Mapping[uuid.UUID, str], today: datetime.date
) -> dict[uuid.UUID, Sparkline]:
    """For each of these patients the last `DAYS` days of one metric. One query."""
    first = today - datetime.timedelta(DAYS - 1)
    found = daily_values(clinic, metrics, first, today)
    return {
        patient_id: sparkline(metric_of(metrics[patient_id], ""), days, first)
        for patient_id, days in found.items()
    }


def sparkline(metric: catalogue.Metric, days: list[DailyValue], first: datetime.date) -> Sparkline:
    """`days` are at least one date from `first` on."""
    is_sum, is_count = metric.name in SUMS, metric.name in COUNTS
    points = [((day.date - first).days, *_heights(metric, day)) for day in days]
    lowest = min(low if low is not None else value for _, value, low in points)
    highest = max(value for _, value, _ in points)
    bars = is_sum or is_count or metric.name == "sleep"
    missing = max(LEAST_SPAN.get(metric.name, 1) - (highest - lowest), 0) / 2
    return Sparkline(
        tuple(points),
        bars,
        0 if bars else lowest - missing,
        highest if bars else highest + missing,
        _words(metric, days, lowest, highest),
    )


def _heights(metric: catalogue.Metric, day: DailyValue) -> tuple[float, float | None]:
    if metric.name in SUMS:
        return float(day.total), None
    if metric.name in COUNTS:
        return float(day.count), None
    if metric.name == "heart_rate_statistics":
        return float(day.total / day.count), None
    is_range = metric.name == "blood_pressure" and day.last_2 is not None
    return float(day.last_1), float(day.last_2) if is_range and day.last_2 is not None else None


def _words(metric: catalogue.Metric, days: list[DailyValue], lowest: float, highest: float) -> str:
    unit = SUMS.get(metric.name) or COUNTS.get(metric.name)
    if unit or metric.name == "heart_rate_statistics":
        first = min(_heights(metric, day)[0] for day in days)
        span = f"{first:,.0f} to {highest:,.0f} {unit or 'bpm on average'}"
    else:
        lows = [day.last_1 for day in days], [day.last_2 or Decimal(0) for day in days]
        low, high = (value_text(metric, pick(lows[0]), pick(lows[1])) for pick in (min, max))
        span = f"{low} to {high} {unit_text(metric)}".strip()
    return f"{metric.label}, {DAYS} days: {span} on {len(days)} day{'s' * (len(days) != 1)}"
