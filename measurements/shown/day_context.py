"""One date of one patient: every reading, the rule that placed it there, and why it counts or not.

Shared by the care manager's page, which shows values, and the billing page, which must not.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from common.formats import long_date
from common.iso_dates import FIRST, LAST
from measurements.models import Measurement
from measurements.shown.day_evidence import evidence
from measurements.shown.presentation import (
    marks_of,
    meaning_of,
    received_by_vendor,
    remarks_of,
    rule_text,
    sent_with,
    unit_text,
    value_text,
    why_text,
)
from measurements.shown.uses import TableRow, table_rows, uses_of
from patients.models import Alert, Patient

DayUrl = Callable[[datetime.date], str]
SAME_DELIVERY = datetime.timedelta(minutes=1)
"""Receipts within it are shown once: the vendor may send each reading of a use by itself."""


def day_context(patient: Patient, day: datetime.date, *, url_of: DayUrl, with_values: bool) -> dict[str, Any]:
    """Build the context of the day templates. Without `with_values` no value and no remark leaves this function."""
    readings = list(
        Measurement.objects.of_patient(patient)
        .filter(local_date=day)
        .select_related("device", "excluded_by")
        .order_by("taken_at", "metric", "id")
    )
    alerts = _alerts_of(patient, readings) if with_values else {}
    uses = {reading.id: use for use in uses_of(readings) for reading in use}
    return {
        "patient": patient,
        "zone": patient.zone,
        "day": {
            "date": day,
            "title": long_date(day),
            "previous": url_of(day - datetime.timedelta(1)) if day > FIRST else "",
            "next": url_of(day + datetime.timedelta(1)) if day < LAST else "",
            "verdicts": _verdicts(patient, day),
        },
        "readings": [_row(row, uses, alerts, with_values=with_values) for row in table_rows(readings)],
    }


def _row(
    row: TableRow, uses: dict[int, list[Measurement]], alerts: dict[int, Alert], *, with_values: bool
) -> dict[str, Any]:
    """Describe a reading and its `parts`; each part says whether its verdict differs from the reading's."""
    head, *parts = (
        _reading(reading, uses.get(reading.id, []), with_values=with_values)
        | {"alert": alerts.get(reading.id)}
        for reading in (row.reading, *row.parts)
    )
    verdict = ("counts", "why", "excluded_by", "exclusion_reason")
    return head | {
        "parts": [
            part
            | {
                "sent_with": [] if part.get("sent_with") == head.get("sent_with") else part["sent_with"],
                "has_own_verdict": any(part.get(name) != head.get(name) for name in verdict),
                "has_own_rule": part["rule"] != head["rule"],
                "came_apart": abs(part["received_at"] - head["received_at"]) > SAME_DELIVERY,
            }
            for part in parts
        ]
    }


def _alerts_of(patient: Patient, readings: list[Measurement]) -> dict[int, Alert]:
    """Return the alerts about these readings of the patient, by the ids of the readings."""
    alerts = Alert.objects.for_clinic(patient.clinic).about_readings().filter(patient=patient)
    rows = alerts.filter(reading_id__in=[reading.id for reading in readings])
    return {alert.reading_id or 0: alert for alert in rows.select_related("acknowledged_by")}


def _verdicts(patient: Patient, day: datetime.date) -> list[dict[str, str]]:
    programs = evidence(patient, day, day)
    if not programs:
        return [{"program": "", "state": "none", "sentence": "No readings: the date does not count."}]
    return [
        {
            "program": program.program,
            "state": "counted" if program.counted else "uncounted",
            "sentence": f"{program.words[:1].upper()}{program.words[1:]}.",
        }
        for program in programs
    ]


def _reading(reading: Measurement, use: list[Measurement], *, with_values: bool) -> dict[str, Any]:
    metric = meaning_of(reading)
    row: dict[str, Any] = {
        "id": reading.id,
        "at": reading.taken_at,
        "received_at": reading.received_at,
        "vendor_received_at": received_by_vendor(reading),
        "label": metric.label,
        "marks": marks_of(reading),
        "device": reading.device.name,
        "counts": reading.counts,
        "why": why_text(reading, metric),
        "rule": rule_text(reading),
    }
    if with_values:
        row |= {
            "value": value_text(metric, reading.value_1, reading.value_2),
            "unit": unit_text(metric),
            "remarks": remarks_of(reading, metric),
            "sent_with": sent_with(reading),
            "excluded_by": reading.excluded_by,
            "excluded_at": reading.excluded_at,
            "exclusion_reason": reading.exclusion_reason,
            "may_count": metric.shape != "status",
            "together": [
                meaning_of(other).label.lower()
                for other in use
                if other.id != reading.id and other.excluded == reading.excluded
            ],
        }
    else:
        row["marks"] = [mark for mark in row["marks"] if mark != "above_range"]  # says something of the value
    return row
