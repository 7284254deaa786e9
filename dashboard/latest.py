"""A patient's latest values as lists and heads of pages show them."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from clinics.models import Clinic
from measurements.models import LatestReading
from measurements.presentation import metric_of, unit_text, value_text

FIRST = ("blood_pressure", "pulse", "glucose", "weight", "spO2", "temperature", "peak_expiratory_flow")
SHOWN_AS_VALUE = ("measurement", "event", "hourly_bin")
QUIET = {"irregular_heartbeat", "perfusion_index", "pillbox_refill_initiated"}
"""Shown on the patient's page, but not worth a place among the latest values."""


def latest_values(clinic: Clinic, patient_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[dict[str, Any]]]:
    """Per patient, the latest value of each metric worth showing, most important first. One query."""
    found: defaultdict[uuid.UUID, list[dict[str, Any]]] = defaultdict(list)
    rows = (
        LatestReading.objects.for_clinic(clinic)
        .filter(patient_id__in=list(patient_ids))
        .select_related("device")
    )
    for row in sorted(rows, key=lambda row: (_rank(row.metric), row.metric)):
        metric = metric_of(row.metric, row.device.kind, row.device.sensor_code)
        if metric.shape in SHOWN_AS_VALUE and metric.name not in QUIET:
            found[row.patient_id].append(
                {
                    "metric": metric.name,
                    "label": metric.label,
                    "value": value_text(metric, row.value_1, row.value_2),
                    "unit": unit_text(metric),
                    "at": row.taken_at,
                    "marks": ["estimated"] if row.estimated else [],
                }
            )
    return dict(found)


def _rank(metric: str) -> int:
    return FIRST.index(metric) if metric in FIRST else len(FIRST)
