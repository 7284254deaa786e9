"""Which charts a patient's page draws, and what each says in words."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, Max, Min
from django.urls import reverse
from django.utils.http import urlencode

from clinics.presentation import exact
from measurements.models import Measurement
from measurements.presentation import metric_of, unit_text, value_text
from patients.models import Patient

DRAWN = (
    "blood_pressure",
    "glucose",
    "weight",
    "spO2",
    "pulse",
    "temperature",
    "peak_expiratory_flow",
    "forced_expiratory_volume",
)
OVERLAYS = {"blood_pressure": "pulse"}
"""Drawn as a line within another chart instead of a chart of its own."""


def charts(patient: Patient, start: datetime.datetime, end: datetime.datetime) -> list[dict[str, Any]]:
    """One entry per chart, for `dashboard/_charts.html`, for every drawn metric the patient ever sent."""
    figures = _figures(patient, start, end)
    drawn = [name for name in DRAWN if name in figures]
    overlaid = {overlay for name, overlay in OVERLAYS.items() if name in drawn}
    return [_chart(patient, name, figures, start, end) for name in drawn if name not in overlaid]


def _figures(patient: Patient, start: datetime.datetime, end: datetime.datetime) -> dict[str, dict[str, Any]]:
    readings = Measurement.objects.of_patient(patient).filter(metric__in=DRAWN, excluded=False, control=False)
    ever = readings.order_by("metric", "-taken_at").distinct("metric").values_list("metric", "device__kind")
    found: dict[str, dict[str, Any]] = {metric: {"kind": kind, "count": 0} for metric, kind in ever}
    within = readings.taken_between(start, end).order_by()
    for row in within.values("metric").annotate(
        count=Count("id"),
        lowest=Min("value_1"),
        highest=Max("value_1"),
        lowest_2=Min("value_2"),
        highest_2=Max("value_2"),
    ):
        found[row["metric"]] |= row
    newest = within.order_by("metric", "-taken_at", "-id").distinct("metric")
    for latest in newest.values("metric", "value_1", "value_2", "taken_at"):
        found[latest["metric"]]["latest"] = latest
    return found


def _chart(
    patient: Patient,
    name: str,
    figures: dict[str, dict[str, Any]],
    start: datetime.datetime,
    end: datetime.datetime,
) -> dict[str, Any]:
    metric = metric_of(name, figures[name]["kind"])
    overlay = OVERLAYS.get(name, "")
    overlay = overlay if overlay in figures else ""
    return {
        "metric": name,
        "title": f"{metric.label} and pulse" if overlay else metric.label,
        "summary": _summary(patient, name, figures[name]),
        "decimals": metric.value_1.decimals,
        "unit": unit_text(metric),
        "src": _series_url(patient, name, start, end),
        "overlay_src": _series_url(patient, overlay, start, end) if overlay else "",
        "overlay_label": metric_of(overlay, figures[overlay]["kind"]).label if overlay else "",
        "overlay_unit": unit_text(metric_of(overlay, figures[overlay]["kind"])) if overlay else "",
    }


def _series_url(patient: Patient, metric: str, start: datetime.datetime, end: datetime.datetime) -> str:
    address = reverse("api-series", args=[patient.clinic.slug, patient.external_id])
    query = {"metric": metric, "from": _utc(start), "to": _utc(end)}
    return f"{address}?{urlencode(query)}"


def _utc(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _summary(patient: Patient, name: str, figures: dict[str, Any]) -> str:
    """What the chart shows, for people who cannot see it."""
    if not figures["count"]:
        return "No readings in these days."
    metric = metric_of(name, figures["kind"])

    def text(value_1: Decimal, value_2: Decimal | None) -> str:
        return value_text(metric, value_1, value_2)

    latest = figures["latest"]
    lowest = text(figures["lowest"], figures["lowest_2"])
    highest = text(figures["highest"], figures["highest_2"])
    noun = "reading" if figures["count"] == 1 else "readings"
    taken = exact(latest["taken_at"], patient.zone, latest["taken_at"])
    return (
        f"{figures['count']} {noun}, {lowest} to {highest} {unit_text(metric)}; "
        f"latest {text(latest['value_1'], latest['value_2'])} on {taken}."
    )
