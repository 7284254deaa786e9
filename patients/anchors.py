"""Store from which date a patient's 30-day periods are counted. The rules are in `patients.periods`.

Must be called with the patient's lock held, so that an anchor is written once.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from typing import NamedTuple

from clinics.models import Clinic
from patients.models import Enrollment, Patient, PeriodAnchor
from patients.periods import Anchor, Change, Episode, at_entry


class Due(NamedTuple):
    """A change of one patient and program. `days_before` are the counted days before a new anchor."""

    patient_id: uuid.UUID
    program: str
    change: Change
    days_before: int = 0


def store_anchors(clinic: Clinic, changes: Sequence[Due]) -> int:
    """Store these changes. Returns how many. An adopted anchor keeps date and source."""
    rows = PeriodAnchor.objects.for_clinic(clinic)
    created: dict[tuple[uuid.UUID, str, datetime.date], PeriodAnchor] = {}
    for patient_id, program, change, days_before in changes:
        key = patient_id, program, change.anchor_on
        if isinstance(change, Anchor):
            created[key] = PeriodAnchor(
                clinic=clinic,
                patient_id=patient_id,
                program=program,
                enrollment_id=change.enrollment,
                anchor_on=change.anchor_on,
                source=change.source,
                days_before=days_before,
            )
        elif key in created:
            created[key].enrollment_id = change.enrollment
        else:
            anchors = rows.filter(patient=patient_id, program=program, anchor_on=change.anchor_on)
            anchors.update(enrollment=change.enrollment)
    rows.bulk_create(created.values())
    return len(changes)


def anchor_new_enrollment(enrollment: Enrollment) -> list[Change]:
    """Store and return what a new enrolment changes at once about the periods of its program."""
    patient, program = enrollment.patient, enrollment.program
    episodes = Enrollment.objects.for_clinic(patient.clinic).filter(patient=patient, program=program)
    changes = at_entry(
        stored_anchors(patient, program),
        [Episode(*facts) for facts in episodes.values_list("id", "starts_on", "ends_on")],
        patient.today(),
    )
    store_anchors(patient.clinic, [Due(patient.id, program, change) for change in changes])
    return changes


def stored_anchors(patient: Patient, program: str) -> list[Anchor]:
    """Return the anchors of a patient in one program, by date."""
    rows = PeriodAnchor.objects.for_clinic(patient.clinic).filter(patient=patient, program=program)
    facts = rows.order_by("anchor_on").values_list("enrollment_id", "anchor_on", "source")
    return [Anchor(*fact) for fact in facts]
