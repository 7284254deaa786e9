"""A metric that no device has yet, added the way a new one is: to the catalogue, and as one entry."""

from __future__ import annotations

from decimal import Decimal

import pytest

from measurements.shown.display import Chart, Look, MetricDisplay
from measurements.shown.metrics import METRICS
from tenovi import catalogue

GRIP = catalogue.Metric(
    "grip_strength",
    "Grip strength",
    "measurement",
    catalogue.Value("grip strength", "kg", 1, Decimal(0), None),
    None,
    vital=True,
    program="RPM",
)
DISPLAY = MetricDisplay(
    GRIP.name,
    chart=Chart(size="low"),
    look=Look("line", "chart-weight"),
    least_span=10,
    key=(("line", "grip"), ("normal", "other")),
    rank=15,
    limits="Grip limits",
)


def add_made_up_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalogue._DEFAULTS, GRIP.name, GRIP)
    monkeypatch.setitem(METRICS, GRIP.name, DISPLAY)
