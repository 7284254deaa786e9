"""Record what billing staff decide."""

from __future__ import annotations

import datetime

from django.db import transaction
from django.db.models.functions import Now

from clinics import audit
from clinics.models import User
from common.formats import full_date
from common.iso_dates import FIRST
from measurements.models import VitalDay
from patients.models import AnchorSource, Enrollment, Patient, PeriodAnchor


class NoSuchDate(Exception):
    """Periods cannot be counted from this date; the text says why."""


@transaction.atomic
def set_anchor(
    *,
    patient: Patient,
    program: str,
    by: User,
    anchor_on: datetime.date,
    reason: str,
    anchor_id: int | None = None,
) -> PeriodAnchor:
    """Count a patient's 30-day periods in a program from `anchor_on`, in place of an earlier anchor or as
    the first.

    `reason` is not empty. The present date again confirms it and answers its question. Locks the patient.
    Raises NoSuchDate.
    """
    clinic = patient.clinic
    Patient.objects.for_clinic(clinic).locked().get(id=patient.id)
    anchors = PeriodAnchor.objects.for_clinic(clinic).filter(patient=patient, program=program)
    stored = list(anchors.order_by("anchor_on"))
    changed = next((anchor for anchor in stored if anchor.id == anchor_id), None)
    if changed is None and (stored or anchor_id is not None):
        raise NoSuchDate("Somebody else has just changed this. Look again.")
    _check(anchor_on, patient, [anchor.anchor_on for anchor in stored], changed)
    counted = VitalDay.objects.of_patient(patient).filter(program=program, readings__gt=0)
    is_first = changed is None or changed == stored[0]
    facts = {
        "anchor_on": anchor_on,
        "source": AnchorSource.PERSON,
        "set_by": by,
        "set_at": Now(),
        "reason": reason,
        "days_before": counted.filter(local_date__lt=anchor_on).count() if is_first else 0,
    }
    if changed is None:
        enrollment = Enrollment.objects.for_clinic(clinic).filter(patient=patient, program=program)
        anchor = PeriodAnchor.objects.create(
            clinic=clinic,
            patient=patient,
            program=program,
            enrollment=enrollment.order_by("-starts_on", "-id").first(),
            **facts,
        )
    else:
        anchors.filter(id=changed.id).update(**facts)
        anchor = anchors.get(id=changed.id)
    detail = {
        "program": program,
        "anchor_on": [changed and str(changed.anchor_on), str(anchor_on)],
        "source": [changed and changed.source, AnchorSource.PERSON.value],
        "reason": reason,
    }
    audit.record("periods_set", by=by, clinic=clinic, target=patient, detail=detail)
    return anchor


def _check(
    anchor_on: datetime.date, patient: Patient, stored: list[datetime.date], changed: PeriodAnchor | None
) -> None:
    """Refuse a date by which two anchors would change places, or that lies in the future."""
    if anchor_on > patient.today():
        raise NoSuchDate("This day has not come yet.")
    if anchor_on < FIRST:
        raise NoSuchDate(f"Say a day from {full_date(FIRST)} on.")
    if changed:
        before = [date for date in stored if date < changed.anchor_on]
        after = [date for date in stored if date > changed.anchor_on]
        if before and anchor_on <= before[-1]:
            raise NoSuchDate(f"Earlier periods are counted from {full_date(before[-1])}. Say a later day.")
        if after and anchor_on >= after[0]:
            raise NoSuchDate(f"The next periods are counted from {full_date(after[0])}. Say an earlier day.")
