"""Describe each chart in sentences: for people who cannot see it, and for a glance by all others.

Which sentence a metric has is a template in `measurements.shown.metrics`, filled here.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from common.formats import exact
from dashboard.patients.metric_summaries import Latest, MetricSummary, week_change
from measurements.shown.metrics import display_of
from measurements.shown.presentation import unit_text, value_text
from patients.models import Patient


class Count(int):
    """A number that brings its noun: `{count:reading}` is `1 reading` or `1,204 readings`."""

    def __format__(self, noun: str) -> str:
        return f"{int(self):,} {noun if self == 1 else noun + 's'}" if noun else f"{int(self):,}"


def summary(patient: Patient, layers: list[MetricSummary]) -> str:
    """Sum up the metrics of one chart, the leading one first."""
    if not any(layer.rows for layer in layers):
        return "No readings in these days."
    return " ".join(sentence for sentence in _sentences(patient, layers) if sentence)


def _sentences(patient: Patient, layers: list[MetricSummary]) -> Iterator[str]:
    for place, layer in enumerate(layers):
        display = display_of(layer.metric.name)
        if layer.latest and not (place and display.is_silent_beside):
            yield display.sentence.format(**_places(patient, layer, layer.latest))
    lead = layers[0]
    if lead.latest and display_of(lead.metric.name).compares_week:
        yield _change(lead, week_change(patient, lead.metric, lead.latest))
    if excluded := sum(layer.left_out for layer in layers):
        yield f"{excluded} excluded."


def _places(patient: Patient, layer: MetricSummary, latest: Latest) -> dict[str, Any]:
    """Return what the places of a sentence stand for."""
    return {
        "count": Count(layer.count),
        "days": Count(layer.days),
        "ones": Count(layer.ones),
        "total": f"{layer.total or 0:,.0f}",
        "range": _range(layer),
        "latest": value_text(layer.metric, latest.value_1, latest.value_2),
        "when": exact(latest.taken_at, patient.zone, latest.taken_at),
        "strays": f", {layer.strays} of them not on the compartment’s own day" if layer.strays else "",
    }


def _range(layer: MetricSummary) -> str:
    assert layer.lowest is not None and layer.highest is not None
    lowest = value_text(layer.metric, layer.lowest, layer.lowest_2)
    highest = value_text(layer.metric, layer.highest, layer.highest_2)
    return f"{lowest} to {highest} {unit_text(layer.metric)}".strip()


def _change(layer: MetricSummary, gained: Decimal | None) -> str:
    if gained is None:
        return ""
    if not gained:
        return "The same as 7 days before."
    size = f"{abs(gained):.{layer.metric.value_1.decimals}f} {unit_text(layer.metric)}"
    return f"{size} {'more' if gained > 0 else 'less'} than 7 days before."
