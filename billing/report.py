"""How many vital days each patient has in a window, per program: the numbers claims rest on."""

from __future__ import annotations

import datetime
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection

from billing.windows import Window
from clinics.models import Clinic
from devices.models import Assignment
from patients.models import Enrollment, Patient
from tenovi import catalogue

RULES_VERSION = "days-1"
"""Changes whenever the same readings would give other days. Part of every export."""

FULL_DAYS, SHORT_DAYS = 16, 2  # 16–30 days and 2–15 days pay different codes (see docs/billing.md)


@dataclass(frozen=True)
class ReportRow:
    """One patient and program in one window. Dates are the patient's local dates, sorted."""

    patient_id: uuid.UUID
    external_id: str
    patient_name: str
    program: str
    window: Window
    dates: tuple[datetime.date, ...] = ()
    estimated_only: tuple[datetime.date, ...] = ()
    vendor_dates: tuple[datetime.date, ...] = ()

    @property
    def days(self) -> int:
        return len(self.dates)


@dataclass(frozen=True)
class Days:
    """Local dates with vital readings, sorted: those that count, those among them that rest on
    estimated times alone, and those with any reading the vendor marks vital."""

    counted: list[datetime.date]
    estimated_only: list[datetime.date]
    vendor: list[datetime.date]


DAYS = """
WITH people AS MATERIALIZED (
    SELECT id, (%(now)s::timestamptz AT TIME ZONE coalesce(nullif(timezone, ''), %(zone)s))::date AS today
    FROM patients_patient
    WHERE clinic_id = %(clinic)s AND (%(patient)s::uuid IS NULL OR id = %(patient)s::uuid)
)
SELECT d.patient_id, d.program,
       bit_or(1::bigint << (d.local_date - %(first)s::date)) FILTER (WHERE d.readings > 0),
       bit_or(1::bigint << (d.local_date - %(first)s::date))
           FILTER (WHERE d.readings > 0 AND d.estimated_readings = d.readings),
       bit_or(1::bigint << (d.local_date - %(first)s::date))
FROM measurements_vitalday d
JOIN people p ON p.id = d.patient_id
WHERE d.clinic_id = %(clinic)s AND d.local_date BETWEEN %(first)s AND %(last)s AND d.local_date <= p.today
  AND (%(patient)s::uuid IS NULL OR d.patient_id = %(patient)s::uuid)
GROUP BY d.patient_id, d.program
"""
"""Sets of dates are bits of a number, the lowest for the first date: a window is never longer than two
months, and lists of dates would have to be sorted there and read here."""


def vital_days(
    clinic: Clinic, window: Window, *, now: datetime.datetime, patient: Patient | None = None
) -> list[ReportRow]:
    """A row per patient and program, zeros included, sorted by external id and program.

    Everybody assigned a device or enrolled in the window has a row. A date that has not begun
    where the patient lives does not count yet, whatever a device's clock says.
    """
    days = _days(clinic, window, now, patient)
    programs = expected_programs(clinic, window, patient)
    for patient_id, program in days:
        programs[patient_id].add(program)
    people = Patient.objects.for_clinic(clinic).filter(id__in=programs).only("external_id", "name")
    rows = [
        report_row(person, program, window, days.get((person.id, program)))
        for person in people
        for program in programs[person.id] or {"RPM"}
    ]
    return sorted(rows, key=lambda row: (row.external_id, row.program))


def report_row(person: Patient, program: str, window: Window, days: Days | None) -> ReportRow:
    """The row of one patient and program; without `days` it holds zeros."""
    days = days or Days([], [], [])
    return ReportRow(
        person.id,
        person.external_id,
        person.name,
        program,
        window,
        tuple(days.counted),
        tuple(days.estimated_only),
        tuple(days.vendor),
    )


def _days(
    clinic: Clinic, window: Window, now: datetime.datetime, patient: Patient | None
) -> dict[tuple[uuid.UUID, str], Days]:
    dates = window.dates

    @cache
    def dates_of(bits: int | None) -> list[datetime.date]:
        return [date for place, date in enumerate(dates) if (bits or 0) >> place & 1]

    with connection.cursor() as cursor:
        cursor.execute(DAYS, days_parameters(clinic, window, now, patient))
        return {(row[0], row[1]): Days(*map(dates_of, row[2:])) for row in cursor.fetchall()}


def days_parameters(
    clinic: Clinic, window: Window, now: datetime.datetime, patient: Patient | None = None
) -> dict[str, Any]:
    """What `DAYS` is run with."""
    return {
        "clinic": clinic.id,
        "zone": clinic.timezone,
        "first": window.first,
        "last": window.last,
        "now": now,
        "patient": patient.id if patient else None,
    }


def expected_programs(
    clinic: Clinic, window: Window, patient: Patient | None
) -> defaultdict[uuid.UUID, set[str]]:
    """The programs each patient assigned or enrolled in the window should have a row for."""
    programs: defaultdict[uuid.UUID, set[str]] = defaultdict(set)
    enrolled = Enrollment.objects.for_clinic(clinic).during(window.first, window.last)
    assigned = Assignment.objects.for_clinic(clinic).during(*window.moments(clinic))
    if patient:
        enrolled, assigned = enrolled.filter(patient=patient), assigned.filter(patient=patient)
    for patient_id, program in enrolled.values_list("patient_id", "program"):
        programs[patient_id].add(program)
    for patient_id, kind in assigned.values_list("patient_id", "device__kind"):
        programs[patient_id] |= catalogue.programs_of(kind)
    return programs


def totals(rows: Iterable[ReportRow]) -> tuple[int, int, int]:
    """How many rows have 16 days or more, 2 to 15, and fewer than 2."""
    counts = [row.days for row in rows]
    full = sum(days >= FULL_DAYS for days in counts)
    short = sum(SHORT_DAYS <= days < FULL_DAYS for days in counts)
    return full, short, len(counts) - full - short
