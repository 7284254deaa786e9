"""Show one date of a patient as a cell that leads to its readings."""

from __future__ import annotations

import datetime

from django.urls import reverse

from clinics.access import ClinicAccess
from common.wording import DayCell
from measurements.shown.day_evidence import DateEvidence
from patients.models import Patient


def day_cell(
    access: ClinicAccess,
    patient: Patient,
    date: datetime.date,
    found: DateEvidence | None,
    today: datetime.date,
) -> DayCell:
    """Return the cell of a date; `today` is the patient's, `found` is None for a date without data."""
    route = "patient-day" if access.may_view_patients else "billing-day"
    return DayCell.of(
        date,
        url=reverse(route, args=[access.clinic.slug, patient.id, date]),
        today=today,
        counted=bool(found and found.counted),
        words=found.words if found else "",
    )
