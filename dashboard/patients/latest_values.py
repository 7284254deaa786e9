"""A patient's latest values as lists and heads of pages show them."""

from __future__ import annotations

import datetime
import uuid
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db.models import Max, Q

from clinics.models import Clinic
from measurements.models import LatestReading
from measurements.shown.metrics import display_of
from measurements.shown.presentation import metric_of, unit_text, value_text
from patients.models import Patient
from tenovi import catalogue


def latest_values(clinic: Clinic, patient_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[dict[str, Any]]]:
    """Return by patient the latest value of each metric worth showing, most important first. One query."""
    latest: defaultdict[uuid.UUID, list[dict[str, Any]]] = defaultdict(list)
    rows = (
        LatestReading.objects.for_clinic(clinic)
        .filter(patient_id__in=list(patient_ids))
        .select_related("device")
    )
    for row in sorted(rows, key=lambda row: (display_of(row.metric).rank, row.metric)):
        metric = metric_of(row.metric, row.device.kind, row.device.sensor_code)
        display = display_of(metric.name)
        if display.is_latest:
            latest[row.patient_id].append(
                {
                    "metric": metric.name,
                    "label": display.latest_label or metric.label,
                    "numbers": (row.value_1, row.value_2),
                    "value": value_text(metric, row.value_1, row.value_2),
                    "unit": unit_text(metric),
                    "at": row.taken_at,
                    "marks": ["estimated"] if row.estimated else [],
                    "came_with": (row.device_id, row.taken_at),
                }
            )
    return dict(latest)


def irregular_pressure(latest: list[dict[str, Any]]) -> datetime.datetime | None:
    """Return when the latest pressure was taken if an irregular heartbeat came with it: from the same device,
    at the same time. None otherwise: a later pressure without one is what counts now."""
    uses = {item["metric"]: item["came_with"] for item in latest}
    pressure = uses.get("blood_pressure")
    return pressure[1] if pressure and pressure == uses.get("irregular_heartbeat") else None


def last_heard(patient: Patient) -> tuple[datetime.datetime | None, datetime.datetime | None]:
    """Return when the patient last measured something, and when a device of theirs last sent anything."""
    latest = LatestReading.objects.for_clinic(patient.clinic).filter(patient=patient)
    of_use = ~Q(metric__in=catalogue.signal_names())
    times = latest.aggregate(reading=Max("taken_at", filter=of_use), signal=Max("taken_at"))
    return times["reading"], times["signal"]
