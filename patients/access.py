"""Give views the patients of their clinic: the only way a view obtains one."""

from __future__ import annotations

import uuid

from django.shortcuts import get_object_or_404

from clinics.access import ClinicAccess
from patients.models import Alert, Enrollment, Patient


def patient_for(access: ClinicAccess, patient_id: uuid.UUID) -> Patient:
    """Return this clinic's patient. Raises 404 on a miss."""
    return get_object_or_404(
        Patient.objects.for_clinic(access.clinic).select_related("clinic"), id=patient_id
    )


def patient_with_external_id(access: ClinicAccess, external_id: str) -> Patient:
    """Return this clinic's patient by external id, ignoring case. Raises 404 on a miss."""
    return get_object_or_404(
        Patient.objects.for_clinic(access.clinic).with_external_id(external_id).select_related("clinic")
    )


def alert_for(access: ClinicAccess, patient_id: uuid.UUID, alert_id: uuid.UUID) -> Alert:
    """Return a standing alert of this clinic's patient. Raises 404 on a miss."""
    alerts = Alert.objects.for_clinic(access.clinic).standing().select_related("clinic", "patient")
    return get_object_or_404(alerts, id=alert_id, patient=patient_id)


def enrollment_for(patient: Patient, enrollment_id: int) -> Enrollment:
    """Return one of this patient's enrolments. Raises 404 on a miss."""
    rows = Enrollment.objects.for_clinic(patient.clinic).filter(patient=patient).select_related("patient")
    return get_object_or_404(rows, id=enrollment_id)
