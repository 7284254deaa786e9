"""A token of a patient's readings, made without reading them."""

from __future__ import annotations

from django.db import connection

from patients.models import Patient

_VERSION = """
SELECT md5(concat(
    (SELECT string_agg(concat_ws(' ', metric, taken_at, identity, value_1, value_2), ',' ORDER BY metric)
     FROM measurements_latestreading WHERE clinic_id = %s AND patient_id = %s),
    (SELECT concat_ws(' ', count(*), sum(readings), sum(estimated_readings), sum(vendor_readings))
     FROM measurements_vitalday WHERE clinic_id = %s AND patient_id = %s)
))
"""


def readings_version(patient: Patient) -> str:
    """Return a token that changes with each reading that is new, changed, excluded or restored.

    It has to be vital or the newest of its metric. One query over rows that are few for any history.
    """
    with connection.cursor() as cursor:
        cursor.execute(_VERSION, [patient.clinic_id, patient.id] * 2)
        version: str = cursor.fetchone()[0]
    return version
