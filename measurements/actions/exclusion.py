"""Changing readings after they were stored: excluding them, attaching them to a patient, judging
them again."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from clinics import audit
from clinics.models import User
from common.locks import hold_what
from measurements import urgent
from measurements.models import Measurement
from measurements.reclassify import CLASSIFIED, _classifications
from measurements.recount import names_of, recount

EXCLUSION = ("excluded", "excluded_by", "excluded_at", "exclusion_reason")


@transaction.atomic
def exclude_reading(*, reading: Measurement, by: User, reason: str) -> None:
    """Let this reading and its copies count for nothing and be nobody's latest value, until restored.

    `reason` is not empty. Nothing happens to a reading that is excluded already.
    """
    _decide(reading, by, reason, (True, by, timezone.now(), reason))


@transaction.atomic
def restore_reading(*, reading: Measurement, by: User, reason: str) -> None:
    """Take an exclusion back. Who had excluded the reading and why stays in the record."""
    _decide(reading, by, reason, (False, None, None, None))


def _decide(reading: Measurement, by: User, reason: str, exclusion: tuple[object, ...]) -> None:
    clinic = reading.clinic
    _lock_with_copies(reading)
    stored = Measurement.objects.for_clinic(clinic).select_related("device", "patient").get(id=reading.id)
    if stored.excluded == exclusion[0]:
        return
    copies = Measurement.objects.for_clinic(clinic).copies_of(stored).select_related("device", "patient")
    concerned = [stored, *copies.exclude(excluded=bool(exclusion[0])).exclude(id=stored.id)]
    for reading in concerned:
        for field, value in zip(EXCLUSION, exclusion, strict=True):
            setattr(reading, field, value)
    for reading, judgement in _classifications(clinic, concerned):
        for field in CLASSIFIED:
            setattr(reading, field, getattr(judgement, field))
    Measurement.objects.for_clinic(clinic).bulk_update(concerned, [*EXCLUSION, *CLASSIFIED])
    for patient_id in sorted({reading.patient_id for reading in concerned if reading.patient_id}):
        recount(clinic, patient_id)
    urgent.follow(clinic, concerned)
    audit.record(
        "reading_excluded" if stored.excluded else "reading_restored",
        by=by,
        clinic=clinic,
        target=stored,
        detail={
            "patient": str(stored.patient_id or ""),
            "metric": stored.metric,
            "date": str(stored.local_date),
            "reason": reason,
        },
    )


def _lock_with_copies(reading: Measurement) -> None:
    """Hold the device, and all devices of the patients whose this reading and its copies are by then."""
    clinic = reading.clinic

    def names() -> set[bytes]:
        copies = Measurement.objects.for_clinic(clinic).copies_of(reading)
        stored = Measurement.objects.for_clinic(clinic).filter(id=reading.id)
        owners = {*copies.values_list("patient", flat=True), *stored.values_list("patient", flat=True)}
        return names_of(clinic, owners - {None}) | {reading.hwi_device_id.bytes}

    hold_what(clinic.id, names)
