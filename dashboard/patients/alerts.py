"""Alerts about patients and their gateways, as pages show them."""

from __future__ import annotations

import datetime
import uuid
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import F
from django.urls import reverse

from clinics.models import Clinic
from common.local_day import date_in
from measurements.models import Measurement
from patients.models import Alert, Patient

URGENT_SHOWN = 5


def alerts_of(patient: Patient) -> list[dict[str, Any]]:
    """Return the alerts that stand about a patient, as `dashboard/_alerts.html` documents.

    Urgent readings come first, the newest of them on top, then the unseen.
    """
    standing = Alert.objects.for_clinic(patient.clinic).standing().filter(patient=patient)
    alerts = list(
        standing.select_related("acknowledged_by").order_by(
            F("taken_at").desc(nulls_last=True), "-acknowledged_at", "raised_at", "id"
        )
    )
    place = patient.clinic.slug
    dates = _dates_of(patient, [alert.reading_id for alert in alerts if alert.reading_id])
    return [
        {
            "words": alert.words,
            "taken_at": alert.taken_at,
            "raised_at": alert.raised_at,
            "seen_at": alert.acknowledged_at,
            "seen_by": alert.acknowledged_by,
            "gateway_url": reverse("gateway", args=[place, alert.about]) if alert.about else "",
            "day_url": _day_url(patient, alert, dates) if alert.reading_id else "",
            "seen_url": reverse("alert-seen", args=[place, patient.id, alert.id]),
        }
        for alert in alerts
    ]


def _dates_of(patient: Patient, readings: list[int]) -> dict[int, datetime.date]:
    """Return the local dates of these readings by their ids; no query where there are none."""
    if not readings:
        return {}
    rows = Measurement.objects.of_patient(patient).filter(id__in=readings)
    return dict(rows.values_list("id", "local_date"))


def _day_url(patient: Patient, alert: Alert, dates: dict[int, datetime.date]) -> str:
    assert alert.taken_at and alert.reading_id
    date = dates.get(alert.reading_id) or date_in(patient.zone, alert.taken_at)
    return (
        reverse("patient-day", args=[patient.clinic.slug, patient.id, date]) + f"#reading-{alert.reading_id}"
    )


@dataclass(frozen=True, slots=True)
class Urgent:
    """Number and newest of a clinic's urgent readings that no person has seen."""

    count: int
    rows: tuple[dict[str, Any], ...]


def urgent_readings(clinic: Clinic) -> Urgent:
    """Return what `dashboard/patients.html` shows on top. Two queries, one where there are few."""
    unseen = Alert.objects.for_clinic(clinic).unseen().about_readings()
    newest = list(unseen.select_related("patient__clinic").order_by("-taken_at", "id")[: URGENT_SHOWN + 1])
    count = len(newest) if len(newest) <= URGENT_SHOWN else unseen.count()
    return Urgent(
        count,
        tuple(
            {
                "url": reverse("patient", args=[clinic.slug, alert.patient_id]),
                "name": str(alert.patient),
                "words": alert.words,
                "taken_at": alert.taken_at,
                "zone": alert.patient.zone,
            }
            for alert in newest[:URGENT_SHOWN]
        ),
    )


def words_about_patients(clinic: Clinic, patient_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, dict[str, Any]]:
    """Return, by patient, the first unseen alert: `words`, `taken_at` (None for a gateway) and how many `more`.

    Urgent readings come first. One query at most.
    """
    ids = list(patient_ids)
    if not ids:
        return {}
    unseen = Alert.objects.for_clinic(clinic).unseen().filter(patient_id__in=ids)
    alerts: dict[uuid.UUID, dict[str, Any]] = {}
    for alert in unseen.order_by(F("taken_at").desc(nulls_last=True), "raised_at", "id"):
        first = alerts.setdefault(
            alert.patient_id, {"words": alert.words, "taken_at": alert.taken_at, "more": -1}
        )
        first["more"] += 1
    return alerts


def alerts_version(patient: Patient) -> str:
    """Return a token that changes whenever `alerts_of` would."""
    standing = Alert.objects.for_clinic(patient.clinic).standing().filter(patient=patient)
    rows = standing.order_by("id").values_list("id", "words", "acknowledged_at")
    return f"{zlib.crc32(repr(list(rows)).encode()):x}"
