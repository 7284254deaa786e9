"""Enrol patients in programs, and end that.

Peak-flow readings follow the program, and so are classified again after a change.
"""

from __future__ import annotations

import datetime

from django.db import transaction
from django.db.models import F, Q

from clinics import audit
from clinics.models import User
from patients.anchors import anchor_new_enrollment
from patients.models import Enrollment, Patient
from tenovi.outbound.wakeup import wake_worker

JUDGE = "measurements.follow_time_zones"
"""The task that judges readings anew; by name, because it belongs to a room above."""


class AlreadyEnrolled(Exception):
    """The patient is in this program on some of the dates; `other` is that enrolment."""

    def __init__(self, other: Enrollment) -> None:
        super().__init__("Already in this program.")
        self.other = other


@transaction.atomic
def enroll(
    *, patient: Patient, by: User, program: str, starts_on: datetime.date, therapeutic_area: str = ""
) -> Enrollment:
    """Enrol the patient from that date on.

    30-day periods that are counted already keep their dates. Raises AlreadyEnrolled.
    """
    Patient.objects.for_clinic(patient.clinic).locked().get(id=patient.id)  # one at a time
    enrollments = Enrollment.objects.for_clinic(patient.clinic).filter(patient=patient, program=program)
    if other := enrollments.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=starts_on)).first():
        raise AlreadyEnrolled(other)
    enrollment = Enrollment.objects.create(
        clinic=patient.clinic,
        patient=patient,
        program=program,
        starts_on=starts_on,
        therapeutic_area=therapeutic_area,
    )
    detail = {"program": program, "starts_on": [None, str(starts_on)], "therapeutic_area": therapeutic_area}
    if changes := anchor_new_enrollment(enrollment):
        detail["periods_from"] = str(changes[-1].anchor_on)
    audit.record("program_started", by=by, clinic=patient.clinic, target=patient, detail=detail)
    _judge_again(patient)
    return enrollment


@transaction.atomic
def end_enrollment(*, enrollment: Enrollment, by: User, ends_on: datetime.date) -> None:
    """Make that date the last one of the enrolment, at the earliest its first.

    Raises AlreadyEnrolled where the next enrolment in the same program has begun by then.
    """
    patient, before = enrollment.patient, enrollment.ends_on
    Patient.objects.for_clinic(patient.clinic).locked().get(id=patient.id)  # one at a time
    enrollments = Enrollment.objects.for_clinic(patient.clinic).filter(
        patient=patient, program=enrollment.program
    )
    later = enrollments.exclude(id=enrollment.id).filter(
        starts_on__gt=enrollment.starts_on, starts_on__lte=ends_on
    )
    if other := later.first():
        raise AlreadyEnrolled(other)
    enrollment.ends_on = ends_on
    enrollment.save(update_fields=["ends_on"])
    detail = {"program": enrollment.program, "ends_on": [before and str(before), str(ends_on)]}
    audit.record("program_ended", by=by, clinic=patient.clinic, target=patient, detail=detail)
    _judge_again(patient)


def end_enrollments(*, patient: Patient, on: datetime.date) -> int:
    """End the programs the patient is enrolled in on that date. Returns how many that changes.

    One that would have begun later is left alone.
    """
    running = Enrollment.objects.for_clinic(patient.clinic).filter(patient=patient, starts_on__lte=on)
    ended = running.filter(Q(ends_on__isnull=True) | Q(ends_on__gt=on)).update(ends_on=on)
    if ended:
        _judge_again(patient)
    return ended


def _judge_again(patient: Patient) -> None:
    rows = Patient.objects.for_clinic(patient.clinic).filter(id=patient.id)
    rows.update(judging_due=True, version=F("version") + 1)
    wake_worker(JUDGE)
