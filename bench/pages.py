"""What people wait for: the monthly report, the patients page, and a chart of a year."""

from __future__ import annotations

import datetime
import json
import os
import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from bench import clinic as load
from bench.size import Size
from bench.table import Line
from billing.report import DAYS, days_parameters, vital_days
from billing.windows import Window
from clinics.actions import people
from clinics.models import Clinic, Role, User
from dashboard.patients import patient_list
from measurements.elements import settle
from measurements.shown.series import series_of
from patients.models import Patient
from tenovi.strict_json import elements_of

MONTH = "2025-02"
LISTED = (10, 50, 200)
CHARTED = 1  # number of the patient whose year is drawn
METRIC = "blood_pressure"
CHART_DAYS, READINGS_A_DAY = 365, 4
FILL_DAYS = """
INSERT INTO measurements_vitalday
    (clinic_id, patient_id, program, local_date, readings, estimated_readings, vendor_readings)
SELECT p.clinic_id, p.id, 'RPM', day, 3, 0, 3
FROM patients_patient p, generate_series('2025-01-01'::date, '2025-03-31', interval '1 day') AS day
WHERE p.clinic_id = %s AND hashtext(p.id::text || day) %% 3 <> 0
ON CONFLICT DO NOTHING
"""
"""A quarter in which everybody measures on two days of three."""
COUNT_DAYS = (
    "SELECT count(*) FROM measurements_vitalday WHERE clinic_id = %s AND local_date BETWEEN %s AND %s"
)
YEAR = """
SELECT taken_at, value_1, value_2, estimated, excluded, conflict FROM measurements_measurement
WHERE clinic_id = %s AND patient_id = %s AND metric = %s ORDER BY taken_at
"""


def compare(tenant: Clinic, size: Size) -> list[Line]:
    user = User.objects.create_user("load@vitaldays.test", secrets.token_urlsafe())
    people.grant_role(user=user, clinic=tenant, role=Role.CARE_MANAGER, by=None)
    return [*_report(tenant, size), *_patients(tenant, user, size), *_chart(tenant, user, size)]


def _report(tenant: Clinic, size: Size) -> list[Line]:
    window, now = Window.of_month(MONTH), timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(FILL_DAYS, [tenant.id])
        cursor.execute("VACUUM ANALYZE measurements_vitalday")
    span = [tenant.id, window.first, window.last]
    ratios, whole = [], []
    for _ in range(size.rounds):
        report = _milliseconds_of(DAYS, days_parameters(tenant, window))
        ratios.append(report / _milliseconds_of(COUNT_DAYS, span))
        whole.append(_milliseconds(lambda: vital_days(tenant, window, now=now)))
    return [
        Line(f"Monthly report, {size.patients:,} patients ÷ count(*) of its rows", "×", ratios, at_most=4),
        Line("… with the patients, as rows in Python", "ms", whole),
    ]


def _patients(tenant: Clinic, user: User, size: Size) -> list[Line]:
    browser, address = _browser(user), reverse("patients", args=[tenant.slug])
    usual, counts = patient_list.PAGE_SIZE, {}
    _get(browser, address)
    for rows in LISTED:
        patient_list.PAGE_SIZE = rows
        counts[rows] = _statements(lambda: _get(browser, address))
    patient_list.PAGE_SIZE = usual
    times = [_milliseconds(lambda: _get(browser, address)) for _ in range(size.rounds)]
    told = ", ".join(f"{count} for {rows}" for rows, count in counts.items())
    return [
        Line(
            f"Patients page, statements at {LISTED[-1]} rows ÷ at {LISTED[0]}",
            "×",
            [counts[LISTED[-1]] / counts[LISTED[0]]],
            at_most=1,
            note=told,
        ),
        Line(f"… {usual} of {size.patients:,} patients, whole answer", "ms", times),
    ]


def _chart(tenant: Clinic, user: User, size: Size) -> list[Line]:
    _fill_year(tenant)
    patient = Patient.objects.for_clinic(tenant).get(id=load.patient_id(CHARTED))
    address = reverse("api-series", args=[tenant.slug, patient.external_id]) + f"?metric={METRIC}"
    browser = _browser(user)
    ratios, times = [], []
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, prepare_threshold=0) as driver:

        def fetch() -> list[tuple[Any, ...]]:
            return driver.execute(YEAR, [tenant.id, patient.id, METRIC]).fetchall()

        points = len(fetch())
        body = _get(browser, address)
        for _ in range(size.rounds):
            series = min(_milliseconds(lambda: series_of(patient, METRIC).as_json()) for _ in range(10))
            ratios.append(series / min(_milliseconds(fetch) for _ in range(10)))
            times.append(min(_milliseconds(lambda: _get(browser, address)) for _ in range(10)))
    return [
        Line(f"A year of {points:,} points as JSON ÷ fetching its rows", "×", ratios, at_most=2),
        Line("… bytes a point", "bytes", [len(body) / points], at_most=18),
        Line("… whole answer", "ms", times),
    ]


def _fill_year(tenant: Clinic) -> None:
    """A year of measurements at 13, 16, 19 and 22 o'clock, as the vendor answers for a month at a time."""
    dice = random.Random(3)
    taken = [
        datetime.datetime(2024, 1, 1, hour, tzinfo=datetime.UTC) + datetime.timedelta(day)
        for day in range(CHART_DAYS)
        for hour in range(13, 13 + 3 * READINGS_A_DAY, 3)
    ]
    month = 30 * READINGS_A_DAY
    for first in range(0, len(taken), month):
        body = [one for at in taken[first : first + month] for one in load.readings(CHARTED, at, dice)]
        elements = elements_of(json.dumps(body).encode())
        settle(tenant, elements, received_at=timezone.now(), source="fetch")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE measurements_measurement")


def _browser(user: User) -> Client:
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


def _get(browser: Client, address: str) -> bytes:
    answer = browser.get(address)
    if answer.status_code != 200:
        raise RuntimeError(f"{address} answers {answer.status_code}")
    return bytes(answer.content)


def _statements(work: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as seen:
        work()
    return len(seen)


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _milliseconds_of(statement: str, values: Sequence[Any] | Mapping[str, Any]) -> float:
    """What the database itself takes for a statement, by its own count; the better of three."""
    with connection.cursor() as cursor:
        times = []
        for _ in range(3):
            cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", values)
            ((plan,),) = cursor.fetchall()
            times.append(float(plan[0]["Execution Time"]))
    return min(times)
