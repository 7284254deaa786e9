"""Write the dates from which 30-day periods are counted, once, from the first day that counts.

`write_due_anchors` is called by the first that needs them: the scheduler, an export, the page of a
patient's periods. It is safe to call from several processes at once. The rules are in `patients.periods`.
"""

from __future__ import annotations

import datetime
import itertools
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from billing.report import Key
from clinics.models import Clinic
from common.formats import full_date
from measurements.models import VitalDay
from patients.anchors import Due, store_anchors
from patients.models import Enrollment, Patient, PeriodAnchor, Program
from patients.periods import Anchor, Episode, due
from patients.today import todays_of

AT_ONCE = 200
"""Patients who are locked together while their anchors are written."""
HISTORY_COMES_WITHIN = datetime.timedelta(days=1)
"""So long the scheduler waits for a device's history that is being fetched for the first time: its days come
in any order, and the first of them is the anchor."""

DUE = """
WITH zones AS (
    SELECT * FROM unnest(%(zones)s::text[], %(todays)s::date[]) AS zone (timezone, today)
), anchored AS (
    SELECT a.patient_id, a.program,
           max(ARRAY[e.starts_on - DATE '2000-01-01', e.id]) FILTER (WHERE e.id IS NOT NULL) AS newest,
           bool_or(a.enrollment_id IS NULL) AS is_free
    FROM patients_periodanchor a LEFT JOIN patients_enrollment e ON e.id = a.enrollment_id
    WHERE a.clinic_id = %(clinic)s GROUP BY a.patient_id, a.program
), fetching AS MATERIALIZED (
    SELECT c.device_id
    FROM measurements_devicecheck c JOIN measurements_reconciliation r ON r.id = c.reconciliation_id
    WHERE c.clinic_id = %(clinic)s AND c.state = 'waiting' AND r.started_at > %(fetching_since)s
      AND NOT EXISTS (SELECT FROM measurements_verification v WHERE v.device_id = c.device_id)
), enrolled AS (
    SELECT patient_id, program, min(starts_on) AS first,
           max(ARRAY[starts_on - DATE '2000-01-01', id]) AS newest
    FROM patients_enrollment WHERE clinic_id = %(clinic)s GROUP BY patient_id, program
)
SELECT p.id
FROM patients_patient p
JOIN zones z USING (timezone)
CROSS JOIN unnest(%(programs)s::text[]) AS k (program)
LEFT JOIN anchored a ON a.patient_id = p.id AND a.program = k.program
LEFT JOIN enrolled e ON e.patient_id = p.id AND e.program = k.program
WHERE p.clinic_id = %(clinic)s AND (%(patient)s::uuid IS NULL OR p.id = %(patient)s)
  AND CASE WHEN a.patient_id IS NULL
      THEN EXISTS (SELECT FROM measurements_vitalday d
                   WHERE d.patient_id = p.id AND d.program = k.program AND d.readings > 0
                     AND d.local_date BETWEEN coalesce(e.first, '-infinity') AND z.today)
           AND NOT EXISTS (SELECT FROM fetching f JOIN devices_assignment h USING (device_id)
                           WHERE h.patient_id = p.id)
      ELSE (a.is_free AND e.first IS NOT NULL) OR e.newest > a.newest END
GROUP BY p.id ORDER BY p.id
"""
"""Patients of whom an anchor may be missing. For who has none yet, one look by key into the days. Of two
enrolments that begin on one date the one entered later is the newer, as in `patients.periods`."""

QUESTIONS = """
SELECT f.patient_id, f.program, f.anchor_on, d.days, d.earliest, f.is_gone
FROM (SELECT DISTINCT ON (a.patient_id, a.program) a.patient_id, a.program, a.anchor_on, a.days_before,
             a.source <> 'person' AND NOT EXISTS (
                 SELECT FROM measurements_vitalday d
                 WHERE d.patient_id = a.patient_id AND d.program = a.program AND d.local_date = a.anchor_on
                   AND d.readings > 0) AS is_gone
      FROM patients_periodanchor a
      WHERE a.clinic_id = %(clinic)s AND (%(patient)s::uuid IS NULL OR a.patient_id = %(patient)s)
      ORDER BY a.patient_id, a.program, a.anchor_on) f
CROSS JOIN LATERAL (
    SELECT count(*) AS days, min(d.local_date) AS earliest FROM measurements_vitalday d
    WHERE d.patient_id = f.patient_id AND d.program = f.program AND d.readings > 0
      AND d.local_date < f.anchor_on) d
WHERE d.days > f.days_before OR f.is_gone
"""


@dataclass(frozen=True)
class Question:
    """A question for billing staff: where a patient's periods begin.

    `days` counted days lie before `anchor_on`, the first of them on `earliest`; `is_gone`: the day of the
    anchor counts no more.
    """

    anchor_on: datetime.date
    days: int
    earliest: datetime.date | None
    is_gone: bool

    @property
    def words(self) -> str:
        sentences = []
        if self.days and self.earliest:
            since = full_date(self.earliest)
            sentences.append(
                f"{self.days} counted days, from {since} on, lie before the first period and are in none."
                if self.days > 1
                else f"One counted day, {since}, lies before the first period and is in none."
            )
        if self.is_gone:
            sentences.append(
                f"{full_date(self.anchor_on)}, from which they are counted, does not count any more."
            )
        return " ".join(sentences)


def write_due_anchors(
    clinic: Clinic, now: datetime.datetime, patient: Patient | None = None, *, awaits_history: bool = True
) -> int:
    """Write the anchors that are due in a clinic, or of one patient.

    Returns how many were written or adopted. `awaits_history`: leave patients for later whose first
    readings are just being fetched. Locks the patients, a few at a time and in one order.
    """
    todays = todays_of(clinic, now)
    parameters: dict[str, Any] = {
        "clinic": clinic.id,
        "patient": patient.id if patient else None,
        "programs": Program.values,
        "fetching_since": now - HISTORY_COMES_WITHIN if awaits_history else now + HISTORY_COMES_WITHIN,
        "zones": list(todays),
        "todays": list(todays.values()),
    }
    with connection.cursor() as cursor:
        cursor.execute(DUE, parameters)
        ids = [patient_id for (patient_id,) in cursor.fetchall()]
    return sum(_write(clinic, ids[n : n + AT_ONCE], now) for n in range(0, len(ids), AT_ONCE))


def questions(clinic: Clinic, patient: Patient | None = None) -> dict[Key, Question]:
    """Return the open questions about anchors of a clinic, or of one patient, by patient and program."""
    with connection.cursor() as cursor:
        cursor.execute(QUESTIONS, {"clinic": clinic.id, "patient": patient.id if patient else None})
        return {(who, program): Question(*facts) for who, program, *facts in cursor.fetchall()}


@transaction.atomic
def _write(clinic: Clinic, patient_ids: list[uuid.UUID], now: datetime.datetime) -> int:
    patients = Patient.objects.for_clinic(clinic).filter(id__in=patient_ids).order_by("id").locked()
    todays = {patient.id: patient.today(now) for patient in patients.select_related("clinic")}
    anchors = _by_key(
        PeriodAnchor.objects.for_clinic(clinic).filter(patient__in=patient_ids),
        ("enrollment_id", "anchor_on", "source"),
    )
    episodes = _by_key(
        Enrollment.objects.for_clinic(clinic).filter(patient__in=patient_ids), ("id", "starts_on", "ends_on")
    )
    counted = _by_key(
        VitalDay.objects.for_clinic(clinic)
        .filter(patient__in=patient_ids, readings__gt=0)
        .order_by("local_date"),
        ("local_date",),
    )
    changes: list[Due] = []
    for patient_id, program in itertools.product(todays, Program.values):
        key, today = (patient_id, program), todays[patient_id]
        dates = [date for (date,) in counted[key] if date <= today]
        stored = [Anchor(*facts) for facts in anchors[key]]
        for change in due(stored, [Episode(*facts) for facts in episodes[key]], dates, today):
            before = 0 if stored else sum(date < change.anchor_on for date in dates)
            changes.append(Due(patient_id, program, change, before))
    return store_anchors(clinic, changes)


def _by_key(rows: Any, columns: Iterable[str]) -> defaultdict[Key, list[tuple[Any, ...]]]:
    by_key: defaultdict[Key, list[tuple[Any, ...]]] = defaultdict(list)
    for patient_id, program, *facts in rows.values_list("patient_id", "program", *columns):
        by_key[patient_id, program].append(tuple(facts))
    return by_key
