"""Days and latest values, derived again from the readings that are stored.

The store statement keeps them along with every new reading; this is for everything that changes
readings afterwards (an assignment made later, an exclusion, another time zone), and for proving
that nothing has drifted.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from typing import Any

from django.db import connection, transaction

from clinics.models import Clinic
from common.locks import hold_what
from devices.models import Assignment
from measurements.models import Measurement
from measurements.store import Corrected

EXPECTED_DAYS = """
SELECT clinic_id, patient_id, program, local_date,
       count(*) FILTER (WHERE counts) AS readings,
       count(*) FILTER (WHERE counts AND estimated) AS estimated_readings,
       count(*) AS vendor_readings
FROM measurements_measurement
WHERE clinic_id = %(clinic)s AND patient_id IS NOT NULL AND vital AND NOT is_repeat
  AND (%(patients)s::uuid[] IS NULL OR patient_id = ANY(%(patients)s::uuid[]))
GROUP BY clinic_id, patient_id, program, local_date
"""

EXPECTED_LATEST = """
SELECT DISTINCT ON (patient_id, metric)
       clinic_id, patient_id, metric, device_id, value_1, value_2, taken_at, identity, estimated
FROM measurements_measurement
WHERE clinic_id = %(clinic)s AND patient_id IS NOT NULL AND NOT control AND NOT excluded AND NOT is_repeat
  AND NOT is_invalid
  AND (%(patients)s::uuid[] IS NULL OR patient_id = ANY(%(patients)s::uuid[]))
ORDER BY patient_id, metric, taken_at DESC, identity DESC, device_id DESC
"""

WHOSE = "clinic_id = %(clinic)s AND patient_id = ANY(%(patients)s::uuid[])"
RECOUNT = (
    f"DELETE FROM measurements_vitalday WHERE {WHOSE}",
    f"""INSERT INTO measurements_vitalday
        (clinic_id, patient_id, program, local_date, readings, estimated_readings, vendor_readings)
        {EXPECTED_DAYS}""",
    f"DELETE FROM measurements_latestreading WHERE {WHOSE}",
    f"""INSERT INTO measurements_latestreading
        (clinic_id, patient_id, metric, device_id, value_1, value_2, taken_at, identity, estimated)
        {EXPECTED_LATEST}""",
)

GIVEN_DAYS = "SELECT * FROM unnest(%(patients)s::uuid[], %(programs)s::text[], %(dates)s::date[])"
GIVEN_METRICS = "SELECT * FROM unnest(%(patients)s::uuid[], %(metrics)s::text[])"
CORRECT = (
    f"""DELETE FROM measurements_vitalday
        WHERE clinic_id = %(clinic)s AND (patient_id, program, local_date) IN ({GIVEN_DAYS})""",
    f"""INSERT INTO measurements_vitalday
        (clinic_id, patient_id, program, local_date, readings, estimated_readings, vendor_readings)
        SELECT * FROM ({EXPECTED_DAYS}) expected
        WHERE (patient_id, program, local_date) IN ({GIVEN_DAYS})""",
    f"""DELETE FROM measurements_latestreading
        WHERE clinic_id = %(clinic)s AND (patient_id, metric) IN ({GIVEN_METRICS})""",
    f"""INSERT INTO measurements_latestreading AS l
        (clinic_id, patient_id, metric, device_id, value_1, value_2, taken_at, identity, estimated)
        SELECT * FROM ({EXPECTED_LATEST}) expected WHERE (patient_id, metric) IN ({GIVEN_METRICS})
        ON CONFLICT (patient_id, metric) DO UPDATE SET
            device_id = excluded.device_id, value_1 = excluded.value_1, value_2 = excluded.value_2,
            taken_at = excluded.taken_at, identity = excluded.identity, estimated = excluded.estimated
        WHERE (excluded.taken_at, excluded.identity, excluded.device_id) >= (l.taken_at, l.identity, l.device_id)""",
)
"""Each deletion waits for whoever moves the same row along, so that what follows sees their reading."""

DRIFTED = f"""
WITH days AS (
    (SELECT patient_id FROM ({EXPECTED_DAYS} EXCEPT ALL
        SELECT clinic_id, patient_id, program, local_date, readings, estimated_readings, vendor_readings
        FROM measurements_vitalday WHERE clinic_id = %(clinic)s) missing)
    UNION ALL
    (SELECT patient_id FROM (
        SELECT clinic_id, patient_id, program, local_date, readings, estimated_readings, vendor_readings
        FROM measurements_vitalday WHERE clinic_id = %(clinic)s EXCEPT ALL {EXPECTED_DAYS}) extra)
), latest AS (
    SELECT patient_id FROM (
        (({EXPECTED_LATEST}) EXCEPT ALL
         SELECT clinic_id, patient_id, metric, device_id, value_1, value_2, taken_at, identity, estimated
         FROM measurements_latestreading WHERE clinic_id = %(clinic)s)
        UNION ALL
        (SELECT clinic_id, patient_id, metric, device_id, value_1, value_2, taken_at, identity, estimated
         FROM measurements_latestreading WHERE clinic_id = %(clinic)s
         EXCEPT ALL ({EXPECTED_LATEST}))) wrong
)
SELECT patient_id FROM days UNION SELECT patient_id FROM latest ORDER BY patient_id
"""


def lock_patient(clinic: Clinic, patient_id: uuid.UUID) -> None:
    """Until this transaction ends, no reading of any device this patient ever had is stored."""
    lock_patients(clinic, [patient_id])


def lock_patients(clinic: Clinic, patient_ids: Collection[uuid.UUID], *devices: uuid.UUID) -> None:
    """The same for several patients at once, and for further devices by their vendor's ids.

    The patients' own names are held too: whoever gives a first device to one of them waits.
    """
    hold_what(clinic.id, lambda: names_of(clinic, patient_ids) | {device.bytes for device in devices})


def names_of(clinic: Clinic, patient_ids: Collection[uuid.UUID]) -> set[bytes]:
    """What to hold so that nobody changes whose the readings of these patients are."""
    assigned = Assignment.objects.for_clinic(clinic).filter(patient_id__in=patient_ids)
    measured = Measurement.objects.for_clinic(clinic).filter(patient_id__in=patient_ids)
    devices = {
        *assigned.values_list("device__hwi_device_id", flat=True),
        *measured.values_list("hwi_device_id", flat=True).distinct(),
    }
    return {one.bytes for one in devices.union(patient_ids)}


@transaction.atomic
def recount(clinic: Clinic, patient_id: uuid.UUID) -> None:
    """Derive this patient's days and latest values again. The caller's changes to readings belong
    in the same transaction, after `lock_patient`."""
    lock_patient(clinic, patient_id)
    derive(clinic, [patient_id])


def derive(clinic: Clinic, patient_ids: Collection[uuid.UUID]) -> None:
    """The same for some patients at once, whose devices the caller has locked."""
    with connection.cursor() as cursor:
        for statement in RECOUNT:
            cursor.execute(statement, {"clinic": clinic.id, "patients": list(patient_ids)})


def correct(clinic: Clinic, corrected: Iterable[Corrected]) -> None:
    """Derive days and latest values again where readings were corrected, in the same transaction.

    Other devices of the patients need not be locked: only the rows concerned are written.
    """
    known = [each for each in corrected if each.patient_id]
    parameters: dict[str, Any] = {
        "clinic": clinic.id,
        "patients": [each.patient_id for each in known],
        "programs": [each.program for each in known],
        "dates": [each.local_date for each in known],
        "metrics": [each.metric for each in known],
    }
    with connection.cursor() as cursor:
        for statement in CORRECT if known else ():
            cursor.execute(statement, parameters)


def drifted_patients(clinic: Clinic) -> list[uuid.UUID]:
    """Patients whose stored days or latest values differ from what their readings say."""
    with connection.cursor() as cursor:
        cursor.execute(DRIFTED, {"clinic": clinic.id, "patients": None})
        return [patient_id for (patient_id,) in cursor.fetchall()]


def recount_all(clinic: Clinic, patient_ids: Iterable[uuid.UUID]) -> int:
    """Recount each patient in a transaction of its own; how many."""
    done = 0
    for patient_id in patient_ids:
        recount(clinic, patient_id)
        done += 1
    return done
