"""The limits a person sets for a patient's readings: which metrics may have them, and what they say.

They colour and count. No reading is ever refused or left out for them.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q

from measurements.models import Measurement, Threshold
from measurements.shown.metrics import display_of, limited_metrics
from measurements.shown.presentation import number_text, unit_word
from patients.models import Patient
from tenovi import catalogue

Limits = tuple[Decimal | None, Decimal | None]  # lowest and highest value that is within


@dataclass(frozen=True)
class Limited:
    """One number that may have limits: the first or second value of a metric."""

    metric: str
    number: int
    value: catalogue.Value

    @property
    def key(self) -> str:
        return f"{self.metric}_{self.number}"

    @property
    def label(self) -> str:
        return self.value.meaning.capitalize()

    @property
    def unit(self) -> str:
        return unit_word(self.value)


def limited() -> Iterator[Limited]:
    """Yield every number that may have limits."""
    for entry in limited_metrics():
        metric = catalogue.meaning(entry.name, "")
        yield Limited(entry.name, 1, metric.value_1)
        if metric.is_pair and metric.value_2:
            yield Limited(entry.name, 2, metric.value_2)


def thresholds_of(patient: Patient) -> dict[str, Threshold]:
    """Return the limits of a patient by metric."""
    rows = Threshold.objects.for_clinic(patient.clinic).filter(patient=patient).select_related("set_by")
    return {row.metric: row for row in rows}


def limits_of(thresholds: Mapping[str, Threshold]) -> dict[str, Limits]:
    """Return lowest and highest by `Limited.key`, for every number that may have limits."""
    return {one.key: _limits(thresholds.get(one.metric), one.number) for one in limited()}


def version_of(thresholds: Mapping[str, Threshold]) -> str:
    """Return a token that changes with any limit."""
    rows = sorted((key, *map(str, limits)) for key, limits in limits_of(thresholds).items())
    return hashlib.blake2b(repr(rows).encode(), digest_size=8).hexdigest()


def sentence(threshold: Threshold) -> str:
    """Say which limits hold: `Limits: 90 to 140 / 60 to 90 mmHg.`"""
    numbers = [number for number in limited() if number.metric == threshold.metric]
    spans = [_span(*_limits(threshold, number.number), number.value.decimals) for number in numbers]
    words = " / ".join(span or "none" for span in spans) if any(spans) else "none"
    return f"{display_of(threshold.metric).limits}: {words} {numbers[0].unit}".strip() + "."


def outside(patient: Patient, threshold: Threshold, start: datetime.datetime, end: datetime.datetime) -> int:
    """Count the readings of that span beyond a limit, without excluded ones and control solution."""
    beyond = Q()
    for number in (1, 2):
        low, high = _limits(threshold, number)
        if low is not None:
            beyond |= Q(**{f"value_{number}__lt": low})
        if high is not None:
            beyond |= Q(**{f"value_{number}__gt": high})
    readings = Measurement.objects.of_patient(patient).taken_between(start, end)
    return readings.filter(
        beyond, metric=threshold.metric, excluded=False, control=False, is_repeat=False, is_invalid=False
    ).count()


def beyond_words(threshold: Threshold | None, value_1: Decimal, value_2: Decimal | None) -> str:
    """Say which limit a reading lies beyond: `above 140`, "" when it lies within all of them."""
    words = []
    for number, value in ((1, value_1), (2, value_2)):
        low, high = _limits(threshold, number)
        if value is not None and low is not None and value < low:
            words.append(f"below {low.normalize():f}")
        if value is not None and high is not None and value > high:
            words.append(f"above {high.normalize():f}")
    return ", ".join(words)


def _limits(threshold: Threshold | None, number: int) -> Limits:
    if threshold is None:
        return None, None
    return getattr(threshold, f"low_{number}"), getattr(threshold, f"high_{number}")


def _span(low: Decimal | None, high: Decimal | None, decimals: int) -> str:
    if low is not None and high is not None:
        return f"{number_text(low, decimals)} to {number_text(high, decimals)}"
    if low is not None:
        return f"{number_text(low, decimals)} and more"
    return f"up to {number_text(high, decimals)}" if high is not None else ""
