"""Another time zone of a clinic puts readings on other dates: works them all out anew.

The clinic's row remembers the zone its readings were judged by. Until that is the present one the
work is due, so it survives everything that may interrupt it.
"""

from __future__ import annotations

from django.db.models import F

from clinics.models import Clinic
from measurements.actions import judge_again, rejudge_patient
from measurements.models import Measurement
from patients.models import Patient


def follow_time_zones() -> int:
    """Judge again what was judged by another zone; how many clinics were brought up to date."""
    due = Clinic.objects.exclude(judged_timezone=F("timezone"))
    return sum(_follow(clinic) for clinic in due)


def _follow(clinic: Clinic) -> int:
    for patient in Patient.objects.for_clinic(clinic).order_by("id"):
        rejudge_patient(clinic, patient)
    nobodys = Measurement.objects.for_clinic(clinic).filter(patient__isnull=True)
    judge_again(clinic, nobodys.select_related("device", "patient"))
    # Unless somebody changed it once more in the meantime.
    return Clinic.objects.filter(pk=clinic.pk, timezone=clinic.timezone).update(
        judged_timezone=clinic.timezone
    )
