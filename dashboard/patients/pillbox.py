"""The times a patient had a pillbox in use: only then does a shut compartment say something."""

from __future__ import annotations

from typing import Any

from django.db.models import OuterRef, Subquery

from devices.models import Assignment
from measurements.models import Measurement
from patients.models import Patient


def pillbox_held(patient: Patient, opened: str) -> list[tuple[int, int | None]]:
    """Return spans in whole seconds since 1970, each from the first opening of a pillbox to when the patient
    gave it back, None while it is theirs. One query.

    `opened` is the metric of an opening. A pillbox in a parcel on its way has no missed dose.
    """
    openings = Measurement.objects.of_patient(patient).filter(
        metric=opened, excluded=False, device=OuterRef("device")
    )
    held: Any = (
        Assignment.objects.for_clinic(patient.clinic)
        .of_patient(patient)
        .annotate(first_opened=Subquery(openings.order_by("taken_at").values("taken_at")[:1]))
        .filter(first_opened__isnull=False)
        .order_by("starts_at")
    )
    return [
        (
            int(
                (
                    assignment.first_opened
                    if assignment.reaches_back
                    else max(assignment.first_opened, assignment.starts_at)
                ).timestamp()
            ),
            int(assignment.ends_at.timestamp()) if assignment.ends_at else None,
        )
        for assignment in held
    ]
