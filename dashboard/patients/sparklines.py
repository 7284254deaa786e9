"""A month of one metric as a line the size of a word."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from clinics.models import Clinic
from measurements.shown.daily_values import DailyValue, daily_values
from measurements.shown.metrics import display_of
from measurements.shown.presentation import metric_of, unit_text, value_text
from tenovi import catalogue

DAYS = 30


@dataclass(frozen=True)
class Sparkline:
    """A line the size of a word.

    `points` are day (0 to `DAYS` - 1, the last is today), value, and the lower end of a range or None. `bars`
    stand on 0. `low` and `high` bound the scale; `words` say the same as the line. A line joins points up to
    `joins` days apart: longer gaps stay open.
    """

    points: tuple[tuple[int, float, float | None], ...]
    bars: bool
    low: float
    high: float
    words: str
    joins: int = 2


def sparklines(
    clinic: Clinic, metrics: Mapping[uuid.UUID, str], today: datetime.date
) -> dict[uuid.UUID, Sparkline]:
    """Return, by patient, the last `DAYS` days of one metric. One query."""
    first = today - datetime.timedelta(DAYS - 1)
    values = daily_values(clinic, metrics, first, today)
    return {
        patient_id: sparkline(metric_of(metrics[patient_id], ""), days, first)
        for patient_id, days in values.items()
    }


def sparkline(metric: catalogue.Metric, days: list[DailyValue], first: datetime.date) -> Sparkline:
    """Return the line of a metric; `days` are at least one date from `first` on."""
    display = display_of(metric.name)
    bars = bool(display.daily and display.daily.bars)
    points = [((day.date - first).days, *_heights(metric, day)) for day in days]
    lowest = min(low if low is not None else value for _, value, low in points)
    highest = max(value for _, value, _ in points)
    missing = max(display.least_span - (highest - lowest), 0) / 2
    return Sparkline(
        tuple(points),
        bars,
        0 if bars else lowest - missing,
        highest if bars else highest + missing,
        _words(metric, days, lowest, highest),
    )


def _heights(metric: catalogue.Metric, day: DailyValue) -> tuple[float, float | None]:
    """Return the number of a date, and the lower end of a pair or None."""
    display = display_of(metric.name)
    match display.daily.takes if display.daily else "last":
        case "sum":
            return float(day.total), None
        case "count":
            return float(day.count), None
        case "mean":
            return float(day.total / day.count), None
    lower = day.last_2 if metric.is_pair else None
    return float(day.last_1), None if lower is None else float(lower)


def _words(metric: catalogue.Metric, days: list[DailyValue], lowest: float, highest: float) -> str:
    daily = display_of(metric.name).daily
    if daily and daily.words:
        first = min(_heights(metric, day)[0] for day in days)
        span = f"{first:,.0f} to {highest:,.0f} {daily.words}"
    else:
        lows = [day.last_1 for day in days], [day.last_2 or Decimal(0) for day in days]
        low, high = (value_text(metric, pick(lows[0]), pick(lows[1])) for pick in (min, max))
        span = f"{low} to {high} {unit_text(metric)}".strip()
    return f"{metric.label}, {DAYS} days: {span} on {len(days)} day{'s' * (len(days) != 1)}"
