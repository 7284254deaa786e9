"""Which charts a patient's page draws, and from which series."""

from __future__ import annotations

import datetime
import json
import zlib
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.text import slugify

from dashboard.patients.chart_summaries import summary
from dashboard.patients.metric_summaries import Figures, weight_change
from dashboard.patients.pillbox import OPENED, pillbox_held
from measurements.limits import outside, sentence
from measurements.models import Threshold
from measurements.shown.presentation import LEAST_SPAN, readout_of
from patients.models import Patient


@dataclass(frozen=True)
class ChartPlan:
    """Metrics that share one chart, the leading one first; `size` is its height ("tall", "low", "")."""

    metrics: tuple[str, ...]
    title: str = ""
    size: str = ""


PLANS = (
    ChartPlan(("blood_pressure", "pulse", "irregular_heartbeat"), size="tall"),
    ChartPlan(("glucose",)),
    ChartPlan(("weight",)),
    ChartPlan(("spO2",)),
    ChartPlan(("perfusion_index",)),
    ChartPlan(("temperature",)),
    ChartPlan(("peak_expiratory_flow",), "Peak expiratory flow (PEF)"),
    ChartPlan(("forced_expiratory_volume",), "Forced expiratory volume (FEV)"),
    ChartPlan(("pillbox_opened", "pillbox_refilled", "pillbox_refill_initiated"), "Pillbox"),
    ChartPlan(
        ("hailie_respiratory_flow_log", "hailie_medication_event"), "Inhaler: doses and flow of breath"
    ),
    ChartPlan(("hailie_respiratory_timing_log",), "Inhaler: length of breath"),
    ChartPlan(("patchcap_open_close_event", "no_measurement_event"), "Bottle cap", "low"),
    ChartPlan(("steps",), "Hourly steps"),
    ChartPlan(("heart_rate_statistics",), "Hourly heart rate"),
    ChartPlan(("sleep",)),
)
"""In the order of the page. A chart is drawn when the patient ever sent any of its metrics."""
LAYER_LABELS = {
    "blood_pressure": "",
    "pulse": "pulse",
    "irregular_heartbeat": "irregular heartbeat",
    "pillbox_opened": "",
    "pillbox_refilled": "",
    "pillbox_refill_initiated": "refill",
    "hailie_medication_event": "inhaler",
    "hailie_respiratory_flow_log": "flow",
    "patchcap_open_close_event": "",
}
UNKNOWN_CHARTS = 12  # further metrics that nobody knows are in the table only
DRAWN = frozenset(metric for plan in PLANS for metric in plan.metrics)
ELSEWHERE = frozenset({"battery_percentage"})
"""Beside the devices, neither on a chart nor in the table."""


def charts(
    patient: Patient,
    figures: dict[str, Figures],
    thresholds: dict[str, Threshold],
    start: datetime.datetime,
    end: datetime.datetime,
) -> list[dict[str, Any]]:
    """One entry per chart, for `dashboard/_charts.html`."""
    planned = [(plan, [figures[name] for name in plan.metrics if name in figures]) for plan in PLANS]
    planned += [
        (ChartPlan((name,), size="low"), [figures[name]])
        for name in sorted(_unknown(figures))[:UNKNOWN_CHARTS]
    ]
    return [_chart(patient, plan, layers, thresholds, start, end) for plan, layers in planned if layers]


def table_only(figures: dict[str, Figures]) -> list[tuple[str, int]]:
    """What the span holds and no chart draws: labels and numbers of rows."""
    drawn = DRAWN | ELSEWHERE | set(sorted(_unknown(figures))[:UNKNOWN_CHARTS])
    rest = sorted((one.metric.label, one.rows) for name, one in figures.items() if name not in drawn)
    controls = sum(one.controls for one in figures.values())
    return [item for item in (*rest, ("Control solution", controls)) if item[1]]


def _unknown(figures: dict[str, Figures]) -> list[str]:
    return [name for name, one in figures.items() if not one.metric.known]


def _chart(
    patient: Patient,
    plan: ChartPlan,
    layers: list[Figures],
    thresholds: dict[str, Threshold],
    start: datetime.datetime,
    end: datetime.datetime,
) -> dict[str, Any]:
    lead = layers[0].metric
    names = [layer.metric.name for layer in layers]
    is_weight = lead.name == "weight" and layers[0].latest
    gained = weight_change(patient, layers[0].latest) if is_weight and layers[0].latest else None
    return {
        "id": slugify(lead.name) if lead.known else f"other-{zlib.crc32(lead.name.encode()):x}",
        "title": plan.title or _title(lead.label, names),
        "size": plan.size if lead.name == plan.metrics[0] else "",
        "summary": summary(patient, layers, gained),
        "metrics": names,
        "limits": [
            _limits(patient, layer, thresholds[layer.metric.name], start, end)
            for layer in layers
            if layer.metric.name in thresholds
        ],
        "layers": [
            _layer(patient, layer, start, end, alone=len(layers) == 1)
            | {"limits": _limit_texts(thresholds.get(layer.metric.name))}
            | {"held": json.dumps(pillbox_held(patient) if layer.metric.name == OPENED else [])}
            for layer in layers
        ],
    }


def _limits(
    patient: Patient, layer: Figures, threshold: Threshold, start: datetime.datetime, end: datetime.datetime
) -> str:
    """Which limits hold, and how many readings lie beyond them."""
    told = sentence(threshold)
    if layer.metric.name == "pulse":
        told = told.replace("Limits", "Pulse limits", 1)
    beyond = outside(patient, threshold, start, end)
    return f"{told} {beyond:,} of {layer.count:,} beyond." if layer.count else told


def _limit_texts(threshold: Threshold | None) -> str:
    """Lowest and highest of both values, separated by blanks; `-` where there is no limit."""
    if threshold is None:
        return ""
    limits = (threshold.low_1, threshold.high_1, threshold.low_2, threshold.high_2)
    return " ".join("-" if limit is None else str(limit) for limit in limits)


def _title(label: str, names: list[str]) -> str:
    return f"{label} and pulse" if names[:2] == ["blood_pressure", "pulse"] else label


def _layer(
    patient: Patient, layer: Figures, start: datetime.datetime, end: datetime.datetime, *, alone: bool
) -> dict[str, Any]:
    metric = layer.metric
    words = readout_of(metric)
    return {
        "metric": metric.name,
        "src": _series_url(patient, metric.name, start, end),
        "label": "" if alone else LAYER_LABELS.get(metric.name, metric.label.lower()),
        "words": words.value,
        "zero": words.zero,
        "second": words.second,
        "least": LEAST_SPAN.get(metric.name, 1),
        "decimals": metric.value_1.decimals,
        "decimals_2": metric.value_2.decimals if metric.value_2 else metric.value_1.decimals,
    }


def _series_url(patient: Patient, metric: str, start: datetime.datetime, end: datetime.datetime) -> str:
    address = reverse("api-series", args=[patient.clinic.slug, patient.external_id])
    query = {"metric": metric, "from": _utc(start), "to": _utc(end)}
    return f"{address}?{urlencode(query)}"


def _utc(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
