"""Alerts as pages show them: what stands about a patient, and about a gateway."""

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
    """What stands about this patient, as `dashboard/_alerts.html` documents: urgent readings first, the
    newest of them on top, then the unseen."""
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
    """The local dates of these readings. They are looked up only when there are any."""
    found = Measurement.objects.of_patient(patient).filter(id__in=readings) if readings else None
    return dict(found.values_list("id", "local_date")) if found is not None else {}


def _day_url(patient: Patient, alert: Alert, dates: dict[int, datetime.date]) -> str:
    assert alert.taken_at and alert.reading_id
    date = dates.get(alert.reading_id) or date_in(patient.zone, alert.taken_at)
    return (
        reverse("patient-day", args=[patient.clinic.slug, patient.id, date]) + f"#reading-{alert.reading_id}"
    )


@dataclass(frozen=True, slots=True)
class Urgent:
    """Readings of one clinic that nobody has seen: how many, and the newest of them."""

    count: int
    rows: tuple[dict[str, Any], ...]


def urgent_readings(clinic: Clinic) -> Urgent:
    """What `dashboard/patients.html` shows on top. Two queries, one when there is nothing."""
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
    """For each of these patients with something unseen: its words, when it was taken (None for a gateway),
    and how many more there are. Urgent readings come first. One query at most."""
    wanted = list(patient_ids)
    if not wanted:
        return {}
    unseen = Alert.objects.for_clinic(clinic).unseen().filter(patient_id__in=wanted)
    found: dict[uuid.UUID, dict[str, Any]] = {}
    for alert in unseen.order_by(F("taken_at").desc(nulls_last=True), "raised_at", "id"):
        first = found.setdefault(
            alert.patient_id, {"words": alert.words, "taken_at": alert.taken_at, "more": -1}
        )
        first["more"] += 1
    return found


def alerts_version(patient: Patient) -> str:
    """Another text once `alerts_of` would say something else."""
    standing = Alert.objects.for_clinic(patient.clinic).standing().filter(patient=patient)
    said = standing.order_by("id").values_list("id", "words", "acknowledged_at")
    return f"{zlib.crc32(repr(list(said)).encode()):x}"
