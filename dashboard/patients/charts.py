"""The charts of a patient's page and the series they draw."""

from __future__ import annotations

import datetime
import json
import zlib
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.text import slugify

from dashboard.patients.chart_summaries import summary
from dashboard.patients.metric_summaries import MetricSummary
from dashboard.patients.pillbox import pillbox_held
from measurements.limits import outside, sentence
from measurements.models import Threshold
from measurements.shown.display import Chart
from measurements.shown.metrics import charts_in_order, display_of
from measurements.shown.presentation import readout_of
from patients.models import Patient

UNKNOWN_CHARTS = 12  # further metrics that nobody knows are in the table only


def charts(
    patient: Patient,
    summaries: dict[str, MetricSummary],
    thresholds: dict[str, Threshold],
    start: datetime.datetime,
    end: datetime.datetime,
) -> list[dict[str, Any]]:
    """Describe each chart for `dashboard/_charts.html`: layer is drawn when the patient ever sent any of its metrics."""
    drawn = [*charts_in_order(), *([name] for name in _unknown(summaries)[:UNKNOWN_CHARTS])]
    return [
        _chart(patient, layers, thresholds, start, end, is_whole=layers[0].metric.name == names[0])
        for names in drawn
        if (layers := [summaries[name] for name in names if name in summaries])
    ]


def table_only(summaries: dict[str, MetricSummary]) -> list[tuple[str, int]]:
    """Return labels and numbers of rows of what the span holds and no chart draws."""
    further = _unknown(summaries)[UNKNOWN_CHARTS:]
    rest = sorted(
        (layer.metric.label, layer.rows)
        for name, layer in summaries.items()
        if name in further or not (display_of(name).chart or display_of(name).is_beside_device)
    )
    controls = sum(layer.controls for layer in summaries.values())
    return [item for item in (*rest, ("Control solution", controls)) if item[1]]


def _unknown(summaries: dict[str, MetricSummary]) -> list[str]:
    """Return the metrics that the catalogue does not know, by name."""
    return sorted(name for name, layer in summaries.items() if not layer.metric.known)


def _chart(
    patient: Patient,
    layers: list[MetricSummary],
    thresholds: dict[str, Threshold],
    start: datetime.datetime,
    end: datetime.datetime,
    *,
    is_whole: bool,
) -> dict[str, Any]:
    """Describe layer chart; `is_whole` says whether the first of all its metrics leads."""
    lead = layers[0].metric
    chart = display_of(lead.name).chart or Chart()
    beside = "".join(display_of(layer.metric.name).adds_to_title for layer in layers[1:])
    return {
        "id": slugify(lead.name) if lead.known else f"other-{zlib.crc32(lead.name.encode()):x}",
        "title": chart.title or lead.label + beside,
        "size": chart.size if is_whole else "",
        "summary": summary(patient, layers),
        "metrics": [layer.metric.name for layer in layers],
        "limits": [
            _limits(patient, layer, thresholds[layer.metric.name], start, end)
            for layer in layers
            if layer.metric.name in thresholds
        ],
        "layers": [
            _layer(patient, layer, start, end, alone=len(layers) == 1)
            | {"limits": _limit_texts(thresholds.get(layer.metric.name))}
            | {"held": json.dumps(_held(patient, layer.metric.name))}
            for layer in layers
        ],
    }


def _limits(
    patient: Patient,
    layer: MetricSummary,
    threshold: Threshold,
    start: datetime.datetime,
    end: datetime.datetime,
) -> str:
    """Say which limits hold, and how many readings lie beyond them."""
    which = sentence(threshold)
    beyond = outside(patient, threshold, start, end)
    return f"{which} {beyond:,} of {layer.count:,} beyond." if layer.count else which


def _limit_texts(threshold: Threshold | None) -> str:
    """Join lowest and highest of both values by blanks; `-` where there is no limit."""
    if threshold is None:
        return ""
    limits = (threshold.low_1, threshold.high_1, threshold.low_2, threshold.high_2)
    return " ".join("-" if limit is None else str(limit) for limit in limits)


def _held(patient: Patient, metric: str) -> list[tuple[int, int | None]]:
    return pillbox_held(patient, metric) if display_of(metric).has_own_day else []


def _layer(
    patient: Patient, layer: MetricSummary, start: datetime.datetime, end: datetime.datetime, *, alone: bool
) -> dict[str, Any]:
    metric = layer.metric
    display = display_of(metric.name)
    words = readout_of(metric)
    return {
        "metric": metric.name,
        "src": _series_url(patient, metric.name, start, end),
        "label": "" if alone else metric.label.lower() if display.layer is None else display.layer,
        "words": words.value,
        "zero": words.zero,
        "second": words.second,
        "least": display.least_span,
        "decimals": metric.value_1.decimals,
        "decimals_2": metric.value_2.decimals if metric.value_2 else metric.value_1.decimals,
    }


def _series_url(patient: Patient, metric: str, start: datetime.datetime, end: datetime.datetime) -> str:
    address = reverse("api-series", args=[patient.clinic.slug, patient.external_id])
    query = {"metric": metric, "from": _utc(start), "to": _utc(end)}
    return f"{address}?{urlencode(query)}"


def _utc(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
