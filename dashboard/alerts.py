"""Alerts as pages show them: what stands about a patient, and about a gateway."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Iterable
from typing import Any

from django.urls import reverse

from clinics.models import Clinic
from patients.models import Alert, Patient


def alerts_of(patient: Patient) -> list[dict[str, Any]]:
    """What stands about this patient, the unseen first, as `dashboard/_alerts.html` documents."""
    alerts = Alert.objects.for_clinic(patient.clinic).standing().filter(patient=patient)
    place = patient.clinic.slug
    return [
        {
            "words": alert.words,
            "raised_at": alert.raised_at,
            "seen_at": alert.acknowledged_at,
            "seen_by": alert.acknowledged_by,
            "gateway_url": reverse("gateway", args=[place, alert.about]),
            "seen_url": reverse("alert-seen", args=[place, patient.id, alert.id]),
        }
        for alert in alerts.select_related("acknowledged_by").order_by("-acknowledged_at", "raised_at", "id")
    ]


def alerts_version(patient: Patient) -> str:
    """Another text once `alerts_of` would say something else."""
    standing = Alert.objects.for_clinic(patient.clinic).standing().filter(patient=patient)
    said = standing.order_by("id").values_list("id", "words", "acknowledged_at")
    return f"{zlib.crc32(repr(list(said)).encode()):x}"


def words_about(clinic: Clinic, gateway_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """What stands about each of these gateways, the same for every patient behind it. One query."""
    alerts = Alert.objects.for_clinic(clinic).standing().filter(about__in=list(gateway_ids))
    return dict(alerts.order_by("raised_at", "id").values_list("about", "words"))
