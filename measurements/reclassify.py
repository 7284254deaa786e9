"""Classify stored readings again: whose they are, and on which date they count."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Collection, Iterable, Iterator

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from clinics.models import Clinic
from devices.locks import lock_devices
from devices.models import Assignment
from measurements import urgent
from measurements.interpretation import Classification, classify, program_enrolled_in
from measurements.models import Measurement
from measurements.recount import derive, lock_patient, lock_patients, recount
from patients.models import Patient
from tenovi import catalogue

CLASSIFIED = ("local_date", "local_date_rule", "program", "vital", "counts")


def claim_readings() -> int:
    """Attach readings stored before their assignment was known; how many were attached."""
    waiting = Assignment.objects.across_clinics().filter(claimed_at__isnull=True).order_by("id")
    return sum(_claim(assignment_id) for assignment_id in list(waiting.values_list("id", flat=True)))


@transaction.atomic
def _claim(assignment_id: int) -> int:
    waiting = Assignment.objects.across_clinics().filter(id=assignment_id, claimed_at__isnull=True)
    waiting = waiting.select_related("clinic", "device", "patient")
    seen = waiting.first()
    if seen is None:
        return 0
    # Devices before assignments, as everybody locks them: a handover would wait for us, and we for it.
    lock_patients(seen.clinic, [seen.holder.id], seen.device.hwi_device_id)
    assignment = waiting.locked().first()
    if assignment is None:
        return 0
    claimed = list(_claimable(assignment))
    for reading in claimed:
        reading.patient = assignment.patient
    Measurement.objects.for_clinic(assignment.clinic).bulk_update(claimed, ["patient"], batch_size=1000)
    reclassify(assignment.clinic, claimed)
    if claimed:
        recount(assignment.clinic, assignment.holder.id)
        urgent.follow(assignment.clinic, claimed)
    assignment.claimed_at = Now()
    assignment.save(update_fields=["claimed_at"])
    return len(claimed)


def _claimable(assignment: Assignment) -> Iterable[Measurement]:
    """Readings of the device without a patient that this assignment covers. One that names
    somebody else stays without a patient: a person has to look. So does one of a time in which a
    person has said that nobody had the device."""
    external_id = assignment.holder.external_id
    covered = Q(taken_at__gte=assignment.starts_at)
    if assignment.ends_at:
        covered &= Q(taken_at__lt=assignment.ends_at)
    mine = covered & (Q(named_patient="") | Q(named_patient__iexact=external_id))
    if assignment.reaches_back:
        mine |= Q(taken_at__lt=assignment.starts_at, named_patient__iexact=external_id)
    return (
        Measurement.objects.for_clinic(assignment.clinic)
        .unassigned()
        .select_related("device")
        .filter(mine, device=assignment.device)
    )


def reclassify(clinic: Clinic, readings: Iterable[Measurement]) -> list[Measurement]:
    """Bring date, program and worth of these readings up to date; those that changed.

    The caller recounts the patients concerned. Readings need `device` and `patient` at hand.
    """
    changed = []
    for reading, judgement in _classifications(clinic, readings):
        if any(getattr(reading, field) != getattr(judgement, field) for field in CLASSIFIED):
            for field in CLASSIFIED:
                setattr(reading, field, getattr(judgement, field))
            changed.append(reading)
    Measurement.objects.for_clinic(clinic).bulk_update(changed, CLASSIFIED, batch_size=1000)
    return changed


def misclassified(clinic: Clinic) -> Iterator[uuid.UUID | None]:
    """For each stored reading that would be judged differently today, its patient's id."""
    readings = (
        Measurement.objects.for_clinic(clinic).select_related("device", "patient").order_by("patient_id")
    )
    for reading, judgement in _classifications(clinic, readings.iterator(chunk_size=5000)):
        if any(getattr(reading, field) != getattr(judgement, field) for field in CLASSIFIED):
            yield reading.patient_id


@transaction.atomic
def reclassify_patient(clinic: Clinic, patient: Patient) -> int:
    """Judge all readings of a patient again and recount; how many readings changed."""
    lock_patient(clinic, patient.id)
    readings = Measurement.objects.of_patient(patient).select_related("device", "patient")
    changed = reclassify(clinic, readings)
    if changed:
        derive(clinic, [patient.id])
    return len(changed)


@transaction.atomic
def reclassify_unassigned(clinic: Clinic, hwi_device_ids: Collection[uuid.UUID]) -> int:
    """Judge the readings again that these devices sent and nobody has; how many changed."""
    lock_devices(clinic, hwi_device_ids)
    readings = Measurement.objects.for_clinic(clinic).filter(
        hwi_device_id__in=hwi_device_ids, patient__isnull=True
    )
    return len(reclassify(clinic, readings.select_related("device", "patient")))


def _classifications(
    clinic: Clinic, readings: Iterable[Measurement]
) -> Iterator[tuple[Measurement, Classification]]:
    zone = Clinic.objects.get(pk=clinic.pk).zone  # as it is now, with the readings locked
    for patient_id, group in itertools.groupby(readings, key=lambda reading: reading.patient_id):
        for reading in group:
            device = reading.device
            metric = catalogue.meaning(reading.metric, device.kind, reading.sensor_code or device.sensor_code)
            yield (
                reading,
                classify(
                    metric,
                    reading.taken_at,
                    reading.timezone_offset,
                    patient_id=patient_id,
                    timezone=reading.patient.timezone if reading.patient else "",
                    clinic_zone=zone,
                    never_counts=reading.control
                    or reading.excluded
                    or reading.is_repeat
                    or reading.is_invalid,
                    program_of=program_enrolled_in,
                ),
            )
