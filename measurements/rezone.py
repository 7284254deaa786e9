"""Another time zone of a clinic or a patient puts readings on other dates: works them all out anew.

The clinic's row remembers the zone its readings were judged by, and a patient's row that judging is
due. Until that is put right the work is due, so it survives everything that may interrupt it.
"""

from __future__ import annotations

from django.db.models import F

from clinics.models import Clinic
from measurements.actions import judge_again, rejudge_patient
from measurements.models import Measurement
from patients.models import Patient


def follow_time_zones() -> int:
    """Judge again what was judged by another zone; how many clinics and patients were brought up to date."""
    due = Clinic.objects.exclude(judged_timezone=F("timezone"))
    patients = Patient.objects.across_clinics().filter(judging_due=True).select_related("clinic")
    return sum(_follow(clinic) for clinic in due) + sum(_follow_patient(patient) for patient in patients)


def _follow_patient(patient: Patient) -> int:
    rejudge_patient(patient.clinic, patient)
    # Unless the record was changed once more in the meantime.
    unchanged = Patient.objects.for_clinic(patient.clinic).filter(id=patient.id, version=patient.version)
    return unchanged.update(judging_due=False)


def _follow(clinic: Clinic) -> int:
    for patient in Patient.objects.for_clinic(clinic).order_by("id"):
        rejudge_patient(clinic, patient)
    nobodys = Measurement.objects.for_clinic(clinic).filter(patient__isnull=True)
    judge_again(clinic, nobodys.select_related("device", "patient"))
    # Unless somebody changed it once more in the meantime.
    return Clinic.objects.filter(pk=clinic.pk, timezone=clinic.timezone).update(
        judged_timezone=clinic.timezone
    )
