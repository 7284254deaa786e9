"""Sum up each metric of a patient over a span: number of readings, range, the latest."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Max, Min, Q, Sum
from django.db.models.functions import ExtractWeekDay

from measurements.models import LatestReading, Measurement
from measurements.shown.presentation import metric_of
from patients.models import Patient
from tenovi import catalogue

GOOD = Q(excluded=False, control=False, is_repeat=False, is_invalid=False)


@dataclass(frozen=True)
class Latest:
    value_1: Decimal
    value_2: Decimal | None
    taken_at: datetime.datetime


@dataclass(frozen=True)
class MetricSummary:
    """One metric in a span.

    Everything but `rows`, `left_out` (the excluded) and `controls` leaves out excluded readings and control
    solution. `ones` counts the readings whose first value is 1. `strays` counts those whose first value is not the
    weekday they were taken on (1 Sunday to 7 Saturday).
    """

    metric: catalogue.Metric
    rows: int = 0
    count: int = 0
    left_out: int = 0
    controls: int = 0
    days: int = 0
    ones: int = 0
    strays: int = 0
    total: Decimal | None = None
    lowest: Decimal | None = None
    highest: Decimal | None = None
    lowest_2: Decimal | None = None
    highest_2: Decimal | None = None
    latest: Latest | None = None


FOUND: dict[str, Any] = {
    "rows": Count("id", filter=Q(is_repeat=False)),
    "count": Count("id", filter=GOOD),
    "left_out": Count("id", filter=Q(excluded=True, is_repeat=False)),
    "controls": Count("id", filter=Q(control=True)),
    "days": Count("local_date", filter=GOOD, distinct=True),
    "ones": Count("id", filter=GOOD & Q(value_1=1)),
    "strays": Count("id", filter=GOOD & ~Q(value_1=ExtractWeekDay("local_date"))),
    "total": Sum("value_1", filter=GOOD),
    "lowest": Min("value_1", filter=GOOD),
    "highest": Max("value_1", filter=GOOD),
    "lowest_2": Min("value_2", filter=GOOD),
    "highest_2": Max("value_2", filter=GOOD),
}


def summaries_of(
    patient: Patient, start: datetime.datetime, end: datetime.datetime
) -> dict[str, MetricSummary]:
    """Sum up every metric the patient ever sent, also those without a reading in the span."""
    ever = LatestReading.objects.for_clinic(patient.clinic).filter(patient=patient).select_related("device")
    summaries = {
        row.metric: MetricSummary(metric_of(row.metric, row.device.kind, row.device.sensor_code))
        for row in ever
    }
    within = Measurement.objects.of_patient(patient).taken_between(start, end)
    latest = _latest(within)
    device: dict[str, Any] = {
        "kind": Max("device__kind"),
        "kind_of_pairs": Max("device__kind", filter=Q(value_2__isnull=False)),
        "sensor_code": Max("device__sensor_code"),
    }
    rows: Any = within.order_by().values("metric").annotate(**device, **FOUND)
    for row in rows:
        name = row["metric"]
        known = summaries.get(name)
        metric = known.metric if known else metric_of(name, row["kind"], row["sensor_code"])
        if row["kind_of_pairs"] and not metric.value_2:  # a cuff has no deviation, the oximeter beside it has
            metric = metric_of(name, row["kind_of_pairs"], row["sensor_code"])
        summaries[name] = MetricSummary(metric, **{key: row[key] for key in FOUND}, latest=latest.get(name))
    return summaries


def _latest(within: Any) -> dict[str, Latest]:
    newest = within.filter(GOOD).order_by("metric", "-taken_at", "-id").distinct("metric")
    rows = newest.values_list("metric", "value_1", "value_2", "taken_at")
    return {metric: Latest(*values) for metric, *values in rows}


def week_change(patient: Patient, metric: catalogue.Metric, latest: Latest) -> Decimal | None:
    """Return the change since the last reading at least 7 days before, None when that is over two weeks old."""
    change: Decimal | None = (
        Measurement.objects.of_patient(patient)
        .filter(GOOD, metric=metric.name)
        .taken_between(
            latest.taken_at - datetime.timedelta(days=14), latest.taken_at - datetime.timedelta(days=7)
        )
        .order_by("-taken_at")
        .annotate(gained=latest.value_1 - F("value_1"))
        .values_list("gained", flat=True)
        .first()
    )
    return change
