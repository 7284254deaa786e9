"""The only way a view obtains a reading."""

from __future__ import annotations

import datetime

from django.shortcuts import get_object_or_404

from measurements.models import Measurement
from patients.models import Patient


def reading_for(patient: Patient, day: datetime.date, reading_id: int) -> Measurement:
    """Return this reading of the patient's date. Raises 404 on a miss."""
    readings = Measurement.objects.of_patient(patient).select_related("clinic", "device")
    return get_object_or_404(readings, local_date=day, id=reading_id)
