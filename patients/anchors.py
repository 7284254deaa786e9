"""Stores from which date a patient's 30-day periods are counted. The rules are in `patients.periods`.

The caller holds the patient's lock: an anchor is written once, whoever needs it first.
"""

from __future__ import annotations

import uuid

from clinics.models import Clinic
from patients.models import Enrollment, Patient, PeriodAnchor
from patients.periods import Adopted, Anchor, Change, Episode, at_entry


def store_anchor(
    clinic: Clinic, patient_id: uuid.UUID, program: str, change: Change, *, days_before: int = 0
) -> None:
    """Store one change that `patients.periods` asks for. An adopted anchor keeps date and source."""
    rows = PeriodAnchor.objects.for_clinic(clinic)
    if isinstance(change, Adopted):
        mine = rows.filter(patient=patient_id, program=program, anchor_on=change.anchor_on)
        mine.update(enrollment=change.enrollment)
        return
    rows.create(
        clinic=clinic,
        patient_id=patient_id,
        program=program,
        enrollment_id=change.enrollment,
        anchor_on=change.anchor_on,
        source=change.source,
        days_before=days_before,
    )


def anchor_new_enrollment(enrollment: Enrollment) -> list[Change]:
    """Store and return what a new enrolment changes at once about the periods of its program."""
    patient, program = enrollment.patient, enrollment.program
    episodes = Enrollment.objects.for_clinic(patient.clinic).filter(patient=patient, program=program)
    changes = at_entry(
        stored_anchors(patient, program),
        [Episode(*facts) for facts in episodes.values_list("id", "starts_on", "ends_on")],
        patient.today(),
    )
    for change in changes:
        store_anchor(patient.clinic, patient.id, program, change)
    return changes


def stored_anchors(patient: Patient, program: str) -> list[Anchor]:
    """Return the anchors of a patient in one program, by date."""
    rows = PeriodAnchor.objects.for_clinic(patient.clinic).filter(patient=patient, program=program)
    facts = rows.order_by("anchor_on").values_list("enrollment_id", "anchor_on", "source")
    return [Anchor(*fact) for fact in facts]
