"""30-day windows: the supply clock that most payers use, one per patient and program.

Windows are contiguous blocks of exactly 30 local dates. The first begins with the first counted
reading on or after set-up (the start of the earliest enrolment in the program, when there is
one), so a patient's windows never shift with adherence. Without any counted reading they begin
with set-up itself, else with the first assignment of a device.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from django.db import connection

from billing.report import NO_DAYS, Key, ReportRow, days_of, expected_programs, people_of, report_row
from billing.windows import Window
from clinics.models import Clinic

LENGTH = 30

ANCHORS = """
SELECT k.patient_id, k.program, coalesce(
    (SELECT min(d.local_date) FROM measurements_vitalday d
     WHERE d.patient_id = k.patient_id AND d.program = k.program AND d.readings > 0
       AND d.local_date BETWEEN coalesce(e.starts_on, '-infinity') AND %(last)s),
    e.starts_on,
    (SELECT (min(a.starts_at) AT TIME ZONE %(zone)s)::date FROM devices_assignment a
     WHERE a.clinic_id = %(clinic)s AND a.patient_id = k.patient_id))
FROM unnest(%(patients)s::uuid[], %(programs)s::text[]) AS k (patient_id, program)
LEFT JOIN (SELECT patient_id, program, min(starts_on) AS starts_on FROM patients_enrollment
           WHERE clinic_id = %(clinic)s GROUP BY patient_id, program) e USING (patient_id, program)
"""
"""Given patients of the clinic. Days are looked up by patient alone, so that one look finds the first,
however long the history is."""


def windows_ending_in(month: Window, anchor: datetime.date) -> Iterator[Window]:
    """The 30-day windows counted from `anchor` whose last date lies in `month`: none, one or two."""
    blocks_over = max((month.first - anchor).days // LENGTH, 0)
    for block in range(blocks_over, blocks_over + 3):
        first = anchor + datetime.timedelta(block * LENGTH)
        window = Window(first, first + datetime.timedelta(LENGTH - 1))
        if month.first <= window.last <= month.last:
            yield window


def thirty_day_rows(clinic: Clinic, month: Window, *, now: datetime.datetime) -> list[ReportRow]:
    """A row per patient, program and 30-day window that ends in `month`, zeros included, sorted by
    external id, program and window."""
    reach = Window(month.first - datetime.timedelta(LENGTH - 1), month.last)
    people = people_of(clinic, now)
    days = days_of(clinic, reach, people)
    anchors = _anchors(clinic, reach, set(days))
    rows = [
        report_row(
            people[patient_id],
            program,
            window,
            days.get((patient_id, program), NO_DAYS).cut((window.first - reach.first).days, LENGTH),
        )
        for (patient_id, program), anchor in anchors.items()
        if patient_id in people
        for window in windows_ending_in(month, anchor)
    ]
    return sorted(rows, key=lambda row: (row.external_id, row.program, row.window.first))


def _anchors(clinic: Clinic, reach: Window, with_days: set[Key]) -> dict[Key, datetime.date]:
    """The date from which each patient's windows are counted, for everybody who has a row."""
    expected = expected_programs(clinic, reach, None)
    keys = with_days | {
        (patient_id, program) for patient_id in expected for program in expected[patient_id] or {"RPM"}
    }
    values: dict[str, Any] = {
        "clinic": clinic.id,
        "zone": clinic.timezone,
        "last": reach.last,
        "patients": [patient_id for patient_id, _ in keys],
        "programs": [program for _, program in keys],
    }
    with connection.cursor() as cursor:
        cursor.execute(ANCHORS, values)
        return {(patient_id, program): anchor for patient_id, program, anchor in cursor.fetchall() if anchor}
