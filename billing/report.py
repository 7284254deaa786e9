"""Count how many vital days each patient has in a window, per program: the numbers claims rest on."""

from __future__ import annotations

import datetime
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import connection

from billing.windows import Window
from clinics.models import Clinic
from common.wording import FULL_PERIOD, SHORT_PERIOD
from devices.models import Assignment
from patients.models import Enrollment, Patient
from patients.today import todays_in
from tenovi import catalogue

RULES_VERSION = "days-1"
"""Changes whenever the same readings would give other days. Part of every export."""


class Days(NamedTuple):
    """Local dates with vital readings: those that count, those among them with estimated times only, and
    those with any reading the vendor marks vital.

    Each set is the bits of a number, the lowest for the first date of a span.
    """

    counted: int = 0
    estimated_only: int = 0
    vendor: int = 0

    def cut(self, start: int, length: int) -> Days:
        """Return the part that begins `start` dates later and has at most `length` dates."""
        whole = (1 << max(length, 0)) - 1
        return Days(*(dates >> start & whole for dates in self))


@dataclass(frozen=True)
class ReportRow:
    """One patient and program in one window. Dates are the patient's local dates, sorted."""

    patient_id: uuid.UUID
    external_id: str
    patient_name: str
    program: str
    window: Window
    sets: Days
    """Beginning with the window."""
    today: datetime.date
    """The patient's, when this was counted."""

    @property
    def days(self) -> int:
        return self.sets.counted.bit_count()

    @property
    def vendor_days(self) -> int:
        return self.sets.vendor.bit_count()

    @property
    def dates(self) -> tuple[datetime.date, ...]:
        return _dates(self.window.first, self.sets.counted)

    @property
    def estimated_only(self) -> tuple[datetime.date, ...]:
        return _dates(self.window.first, self.sets.estimated_only)


@lru_cache(maxsize=10_000)
def _dates(first: datetime.date, bits: int) -> tuple[datetime.date, ...]:
    return tuple(first + datetime.timedelta(n) for n in range(bits.bit_length()) if bits >> n & 1)


class Person(NamedTuple):
    """A patient's part of a row, and the date it is where the patient lives."""

    id: uuid.UUID
    external_id: str
    name: str
    today: datetime.date


Key = tuple[uuid.UUID, str]  # patient and program
NO_DAYS = Days()

DAYS = """
SELECT patient_id, program,
       coalesce(bit_or(1::bigint << (local_date - %(first)s::date)) FILTER (WHERE readings > 0), 0),
       coalesce(bit_or(1::bigint << (local_date - %(first)s::date))
                FILTER (WHERE readings > 0 AND estimated_readings = readings), 0),
       bit_or(1::bigint << (local_date - %(first)s::date))
FROM measurements_vitalday
WHERE clinic_id = %(clinic)s AND local_date BETWEEN %(first)s AND %(last)s
GROUP BY patient_id, program
"""
"""Dates as bits: a window is never longer than two months, and lists of dates would have to be sorted
there and read here. Nothing is joined, so that the database may share the work among its processes."""
DAYS_OF_ONE = DAYS.replace("GROUP BY", "AND patient_id = %(patient)s GROUP BY")
"""Another statement, or one plan would have to do for one patient and for all."""


def vital_days(
    clinic: Clinic, window: Window, *, now: datetime.datetime, patient: Patient | None = None
) -> list[ReportRow]:
    """Return a row per patient and program, zeros included, sorted by external id and program.

    All patients assigned a device or enrolled in the window have a row. A date that has not begun where the
    patient lives does not count yet, whatever a device's clock says.
    """
    people = people_of(clinic, now, patient)
    days = days_of(clinic, window, people, patient)
    programs = expected_programs(clinic, window, patient)
    for patient_id, program in days:
        programs[patient_id].add(program)
    rows = [
        report_row(people[patient_id], program, window, days.get((patient_id, program), NO_DAYS))
        for patient_id, expected in programs.items()
        if patient_id in people
        for program in expected or {"RPM"}
    ]
    return sorted(rows, key=lambda row: (row.external_id, row.program))


def report_row(person: Person, program: str, window: Window, days: Days) -> ReportRow:
    """Return the row of one patient and program; `days` begin with the window."""
    return ReportRow(person.id, person.external_id, person.name, program, window, days, person.today)


def people_of(
    clinic: Clinic, now: datetime.datetime, patient: Patient | None = None
) -> dict[uuid.UUID, Person]:
    """Return the clinic's patients, or the one."""

    patients = Patient.objects.for_clinic(clinic)
    if patient:
        patients = patients.filter(id=patient.id)
    facts = list(patients.values_list("id", "external_id", "name", "timezone"))
    todays = todays_in(clinic, {zone for *_, zone in facts}, now)
    return {
        patient_id: Person(patient_id, external_id, name, todays[zone])
        for patient_id, external_id, name, zone in facts
    }


def days_of(
    clinic: Clinic, window: Window, people: dict[uuid.UUID, Person], patient: Patient | None = None
) -> dict[Key, Days]:
    """Return the days of these patients, by program, from the first date of the window; none: no entry."""
    with connection.cursor() as cursor:
        cursor.execute(DAYS_OF_ONE if patient else DAYS, days_parameters(clinic, window, patient))
        rows = cursor.fetchall()
    counted = {
        (patient_id, program): Days(*dates).cut(0, (people[patient_id].today - window.first).days + 1)
        for patient_id, program, *dates in rows
        if patient_id in people
    }
    return {key: days for key, days in counted.items() if days.vendor}


def days_parameters(clinic: Clinic, window: Window, patient: Patient | None = None) -> dict[str, Any]:
    """Return the parameters of `DAYS`."""
    return {
        "clinic": clinic.id,
        "first": window.first,
        "last": window.last,
        "patient": patient.id if patient else None,
    }


def expected_programs(
    clinic: Clinic, window: Window, patient: Patient | None
) -> defaultdict[uuid.UUID, set[str]]:
    """Return the programs in which each patient assigned or enrolled in the window has a row."""
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
    """Return how many rows have 16 days or more, 2 to 15, and fewer than 2."""
    counts = [row.days for row in rows]
    full = sum(days >= FULL_PERIOD for days in counts)
    short = sum(SHORT_PERIOD <= days < FULL_PERIOD for days in counts)
    return full, short, len(counts) - full - short
