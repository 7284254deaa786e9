"""Count in 30-day windows: the supply clock that most payers use, one per patient and program.

Windows are contiguous blocks of exactly 30 local dates, counted from a stored date (`PeriodAnchor`), so
that no reading, exclusion or correction ever moves one. Where none is stored yet nothing has counted.
Windows without a day are then counted from set-up (the start of the earliest enrolment in the program),
else from the first assignment of a device.
"""

from __future__ import annotations

import datetime
import uuid
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.db import connection

from billing.anchors import write_due_anchors
from billing.report import NO_DAYS, Key, ReportRow, days_of, expected_programs, people_of, report_row
from billing.windows import Window
from clinics.models import Clinic
from patients.models import PeriodAnchor
from patients.periods import LENGTH, Span, periods_ending_in

WITHOUT_DAYS = """
SELECT k.patient_id, k.program, coalesce(
    e.starts_on,
    (SELECT (min(a.starts_at) AT TIME ZONE %(zone)s)::date FROM devices_assignment a
     WHERE a.clinic_id = %(clinic)s AND a.patient_id = k.patient_id))
FROM unnest(%(patients)s::uuid[], %(programs)s::text[]) AS k (patient_id, program)
LEFT JOIN (SELECT patient_id, program, min(starts_on) AS starts_on FROM patients_enrollment
           WHERE clinic_id = %(clinic)s GROUP BY patient_id, program) e USING (patient_id, program)
"""
"""From where windows without a day are counted, given patients of the clinic."""


def windows_ending_in(month: Window, *anchors: datetime.date) -> Iterator[Window]:
    """Return the 30-day windows counted from these anchors whose last date lies in `month`, in order."""
    return (Window(*period) for period in periods_ending_in(Span(month.first, month.last), anchors))


def thirty_day_rows(clinic: Clinic, month: Window, *, now: datetime.datetime) -> list[ReportRow]:
    """Return a row per patient, program and 30-day window that ends in `month`, zeros included.

    Sorted by external id, program and window. Writes the anchors that are due.
    """
    write_due_anchors(clinic, now, awaits_history=False)
    reach = Window(month.first - datetime.timedelta(LENGTH - 1), month.last)
    people = people_of(clinic, now)
    days = days_of(clinic, reach, people)
    rows = [
        report_row(
            people[patient_id],
            program,
            window,
            days.get((patient_id, program), NO_DAYS).cut(
                (window.first - reach.first).days, len(window.dates)
            ),
        )
        for (patient_id, program), anchors in _anchors(clinic, reach, set(days)).items()
        if patient_id in people
        for window in windows_ending_in(month, *anchors)
    ]
    return sorted(rows, key=lambda row: (row.external_id, row.program, row.window.first))


def _anchors(clinic: Clinic, reach: Window, with_days: set[Key]) -> dict[Key, list[datetime.date]]:
    """Return the dates from which windows are counted, for all patients that have a row."""
    expected = expected_programs(clinic, reach, None)
    keys = with_days | {
        (patient_id, program) for patient_id in expected for program in expected[patient_id] or {"RPM"}
    }
    stored: defaultdict[Key, list[datetime.date]] = defaultdict(list)
    rows = PeriodAnchor.objects.for_clinic(clinic).values_list("patient_id", "program", "anchor_on")
    for patient_id, program, anchor_on in rows:
        stored[patient_id, program].append(anchor_on)
    return {key: stored[key] for key in keys & stored.keys()} | _without_days(clinic, keys - stored.keys())


def _without_days(clinic: Clinic, keys: set[Key]) -> dict[Key, list[datetime.date]]:
    values: dict[str, Any] = {
        "clinic": clinic.id,
        "zone": clinic.timezone,
        "patients": [patient_id for patient_id, _ in keys],
        "programs": [program for _, program in keys],
    }
    rows: list[tuple[uuid.UUID, str, datetime.date | None]]
    with connection.cursor() as cursor:
        cursor.execute(WITHOUT_DAYS, values)
        rows = cursor.fetchall()
    return {(patient_id, program): [anchor] for patient_id, program, anchor in rows if anchor}
