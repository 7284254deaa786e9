"""What each chart shows, in sentences: for people who cannot see it, and for a glance by all others."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from common.wording import exact
from dashboard.patients.metric_summaries import Figures
from measurements.shown.presentation import unit_text, value_text
from patients.models import Patient


def summary(patient: Patient, layers: list[Figures], gained: Decimal | None) -> str:
    """`layers` are the metrics of one chart, the leading one first; `gained` is the change of weight."""
    if not any(layer.rows for layer in layers):
        return "No readings in these days."
    sentences = []
    for place, layer in enumerate(layers):
        if layer.count and not (place and layer.metric.name == "pulse"):
            sentences.append(SENTENCES.get(layer.metric.name, _values)(patient, layer))
    if gained is not None:
        sentences.append(_change(gained))
    if excluded := sum(layer.left_out for layer in layers):
        sentences.append(f"{excluded} excluded.")
    return " ".join(sentences)


def _counted(number: int, noun: str, plural: str = "") -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _taken(patient: Patient, layer: Figures) -> str:
    assert layer.latest
    return exact(layer.latest.taken_at, patient.zone, layer.latest.taken_at)


def _range(layer: Figures) -> str:
    assert layer.lowest is not None and layer.highest is not None
    lowest = value_text(layer.metric, layer.lowest, layer.lowest_2)
    highest = value_text(layer.metric, layer.highest, layer.highest_2)
    return f"{lowest} to {highest} {unit_text(layer.metric)}".strip()


def _values(patient: Patient, layer: Figures, noun: str = "reading") -> str:
    assert layer.latest
    latest = value_text(layer.metric, layer.latest.value_1, layer.latest.value_2)
    return f"{_counted(layer.count, noun)}, {_range(layer)}; latest {latest} on {_taken(patient, layer)}."


def _change(gained: Decimal) -> str:
    if not gained:
        return "The same as 7 days before."
    return f"{abs(gained):.1f} lb {'more' if gained > 0 else 'less'} than 7 days before."


def _irregular(patient: Patient, layer: Figures) -> str:
    return f"Irregular heartbeat detected {_counted(layer.count, 'time')}, last on {_taken(patient, layer)}."


def _compartments(patient: Patient, layer: Figures) -> str:
    assert layer.latest
    latest = value_text(layer.metric, layer.latest.value_1, layer.latest.value_2)
    strays = f", {layer.strays} of them not on the compartment’s own day" if layer.strays else ""
    opened = _counted(layer.count, "compartment")
    return f"{opened} opened{strays}; latest {latest} on {_taken(patient, layer)}."


def _refills(patient: Patient, layer: Figures) -> str:
    return f"Refilled on {_counted(layer.days, 'day')}, last on {_taken(patient, layer)}."


def _doses(patient: Patient, layer: Figures) -> str:
    days = _counted(layer.days, "day")
    return f"{_counted(layer.count, 'dose')} on {days}; latest on {_taken(patient, layer)}."


def _openings(patient: Patient, layer: Figures) -> str:
    return f"Opened {_counted(layer.ones, 'time')} on {_counted(layer.days, 'day')}; latest event on {_taken(patient, layer)}."


def _nothing(patient: Patient, layer: Figures) -> str:
    return f"Reported {_counted(layer.count, 'time')} that nothing was measured."


def _steps(patient: Patient, layer: Figures) -> str:
    return f"{layer.total or 0:,.0f} steps in {_counted(layer.count, 'hour')}; latest hour began on {_taken(patient, layer)}."


SENTENCES: dict[str, Callable[[Patient, Figures], str]] = {
    "irregular_heartbeat": _irregular,
    "pillbox_opened": _compartments,
    "pillbox_refilled": _refills,
    "pillbox_refill_initiated": lambda patient, layer: "",
    "hailie_medication_event": _doses,
    "hailie_respiratory_flow_log": lambda patient, layer: f"Maximum flow {_range(layer)}.",
    "hailie_respiratory_timing_log": lambda patient, layer: _values(patient, layer, "breath"),
    "patchcap_open_close_event": _openings,
    "no_measurement_event": _nothing,
    "steps": _steps,
    "heart_rate_statistics": lambda patient, layer: _values(patient, layer, "hour"),
    "sleep": lambda patient, layer: _values(patient, layer, "sleep"),
}
