"""All patients of a clinic with their standing this month: the patients page counts, sorts and filters by it.

One query for any number of patients; whatever else a page shows is read for its rows alone.
"""

from __future__ import annotations

import datetime
import itertools
import uuid
from functools import cache
from typing import Any, NamedTuple

from django.db import connection

from billing.pace import Pace, pace
from billing.windows import Window
from clinics.models import Clinic
from patients.today import todays_of
from tenovi import catalogue

QUIET_AFTER = datetime.timedelta(days=3)
EARNING_KINDS = [
    kind.slug for kind in catalogue.kinds() if any(metric.vital for metric in kind.metrics.values())
]
PROGRAMS_OF_KINDS = [
    (kind.slug, program) for kind in catalogue.kinds() for program in sorted(catalogue.programs_of(kind.slug))
]

ROSTER = """
WITH zones AS (
    SELECT * FROM unnest(%(zones)s::text[], %(todays)s::date[]) AS zone (timezone, today)
), days AS (
    SELECT d.patient_id, d.program, count(*) AS n, bool_or(d.local_date = z.today) AS has_today
    FROM measurements_vitalday d JOIN patients_patient p ON p.id = d.patient_id JOIN zones z USING (timezone)
    WHERE d.clinic_id = %(clinic)s AND d.local_date BETWEEN %(first)s AND %(last)s
      AND d.local_date <= z.today AND d.readings > 0
    GROUP BY d.patient_id, d.program
), held AS (
    SELECT a.patient_id, d.kind, a.ends_at IS NULL AS is_held
    FROM devices_assignment a JOIN devices_device d ON d.id = a.device_id
    WHERE a.clinic_id = %(clinic)s AND a.patient_id IS NOT NULL AND a.starts_at < %(end)s AND (a.ends_at IS NULL OR a.ends_at > %(start)s)
), devices AS (
    SELECT patient_id, bool_or(is_held) AS has_device,
           bool_or(is_held AND kind = ANY(%(earning)s)) AS may_earn
    FROM held GROUP BY patient_id
), expected AS (
    SELECT patient_id, program FROM days
    UNION
    SELECT patient_id, program FROM patients_enrollment
    WHERE clinic_id = %(clinic)s AND starts_on <= %(last)s AND (ends_on IS NULL OR ends_on >= %(first)s)
    UNION
    SELECT patient_id, k.program
    FROM held JOIN unnest(%(kinds)s::text[], %(programs)s::text[]) AS k (kind, program) USING (kind)
), standing AS (
    SELECT patient_id, array_agg(program ORDER BY program) AS programs,
           array_agg(coalesce(n, 0) ORDER BY program) AS days,
           array_agg(coalesce(has_today, false) ORDER BY program) AS has_today
    FROM expected LEFT JOIN days USING (patient_id, program)
    GROUP BY patient_id
), latest AS (
    SELECT patient_id, max(taken_at) FILTER (WHERE metric <> ALL (%(signals)s)) AS at, max(taken_at) AS signal_at
    FROM measurements_latestreading
    WHERE clinic_id = %(clinic)s
    GROUP BY patient_id
), alerted AS (
    SELECT DISTINCT patient_id FROM patients_alert
    WHERE clinic_id = %(clinic)s AND resolved_at IS NULL AND acknowledged_at IS NULL
)
SELECT p.id, p.name, p.external_id, p.timezone, l.at, l.signal_at, coalesce(d.has_device, false),
       coalesce(d.may_earn, false), n.patient_id IS NOT NULL, coalesce(s.programs, '{}'), coalesce(s.days, '{}'),
       coalesce(s.has_today, '{}')
FROM patients_patient p
LEFT JOIN standing s ON s.patient_id = p.id
LEFT JOIN devices d ON d.patient_id = p.id
LEFT JOIN latest l ON l.patient_id = p.id
LEFT JOIN alerted n ON n.patient_id = p.id
WHERE p.clinic_id = %(clinic)s AND (p.archived_at IS NULL OR d.has_device)
"""


class Entry(NamedTuple):
    """One patient.

    `standings` holds a pace for each program that an enrolment, a device or a day of the month gives.
    `last_signal_at` is when a device last sent anything, a battery level included. `may_earn` says whether a
    device at hand can still earn days, `needs_attention` whether an unseen alert stands.
    """

    patient_id: uuid.UUID
    name: str
    external_id: str
    timezone: str
    last_reading_at: datetime.datetime | None
    last_signal_at: datetime.datetime | None
    has_device: bool
    may_earn: bool
    needs_attention: bool
    standings: tuple[Pace, ...]

    @property
    def label(self) -> str:
        return self.name or self.external_id

    @property
    def days(self) -> int | None:
        """Return the days in the program that is furthest from its 16, None without a program."""
        return min((standing.days for standing in self.standings), default=None)

    @property
    def programs(self) -> list[str]:
        return [standing.program for standing in self.standings]

    def stands(self, level: str) -> bool:
        return any(standing.level == level for standing in self.standings)

    def is_quiet(self, now: datetime.datetime) -> bool:
        """Return whether the patient has a device and measured nothing for `QUIET_AFTER`."""
        return self.has_device and not (self.last_reading_at and now - self.last_reading_at < QUIET_AFTER)

    def matches(self, text: str) -> bool:
        """Return whether name or external id contains every word of `text`."""
        name, external_id = self.name.casefold(), self.external_id.casefold()
        return all(word in name or word in external_id for word in text.casefold().split())


ZONE = Entry._fields.index("timezone")


def roster(clinic: Clinic, window: Window, now: datetime.datetime) -> list[Entry]:
    """Return all patients of the clinic by name, but for archived ones without a device.

    A date that has not begun where the patient lives does not count yet, as in the report.
    """
    todays = todays_of(clinic, now)
    start, end = window.moments(clinic)
    parameters: dict[str, Any] = {
        "clinic": clinic.id,
        "first": window.first,
        "last": window.last,
        "zones": list(todays),
        "todays": list(todays.values()),
        "start": start,
        "end": end,
        "signals": sorted(catalogue.signal_names()),
        "earning": EARNING_KINDS,
        "kinds": [kind for kind, _ in PROGRAMS_OF_KINDS],
        "programs": [program for _, program in PROGRAMS_OF_KINDS],
    }
    with connection.cursor() as cursor:
        cursor.execute(ROSTER, parameters)
        rows = cursor.fetchall()

    @cache
    def standing(today: datetime.date, program: str, days: int, has_today: bool) -> Pace:
        return pace(program, days, window, today, has_today=has_today)

    def standings(zone: str, *columns: list[Any]) -> tuple[Pace, ...]:
        return tuple(map(standing, itertools.repeat(todays.get(zone) or todays[""]), *columns))

    entries = [
        Entry._make([*known, standings(known[ZONE], programs, days, has_today)])
        for *known, programs, days, has_today in rows
    ]
    return sorted(entries, key=lambda entry: (entry.label.casefold(), entry.external_id))


def furthest_behind(entries: list[Entry]) -> list[tuple[Entry, Pace]]:
    """Return up to three patients with the fewest days.

    Only of those who are behind, can still reach 16 and have a device that earns days.
    """
    late = [
        (entry, standing)
        for entry in entries
        if entry.may_earn
        for standing in entry.standings
        if standing.level == "behind"
    ]
    return sorted(late, key=lambda pair: (pair[1].days, pair[1].left))[:3]
