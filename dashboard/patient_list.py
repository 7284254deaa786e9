"""The patients page: who needs me? The same few queries for 10, 50 or 10,000 patients."""

from __future__ import annotations

import datetime
import uuid
from collections import defaultdict
from typing import Any

from django.db.models import Count, Exists, F, IntegerField, Max, OuterRef, Subquery
from django.db.models.functions import Coalesce, Lower
from django.urls import reverse

from billing.pace import Pace, dates_left, expected_days, pace
from billing.report import FULL_DAYS
from billing.windows import Window
from clinics.models import Clinic
from clinics.paging import page_of
from dashboard.latest import latest_values
from devices.models import Assignment
from measurements.models import LatestReading, VitalDay
from patients.models import Enrollment, Patient
from tenovi import catalogue

PAGE_SIZE = 50
CHIPS = 4
SORTS = {"name": "sort_name", "days": "days", "last": "last_reading_at"}
EARNING_KINDS = [
    kind.slug for kind in catalogue.kinds() if any(metric.vital for metric in kind.metrics.values())
]


def context(clinic: Clinic, *, text: str, sort: str, page: str, now: datetime.datetime) -> dict[str, Any]:
    """What `dashboard/patients.html` documents. Days are those of the clinic's current month."""
    window = Window.current_month(clinic, now)
    today = now.astimezone(clinic.zone).date()
    if sort.lstrip("-") not in SORTS:
        sort = "name"
    people = _with_figures(clinic, window, today)
    found = _sorted(people.matching(text), sort)
    shown = page_of(found, page, PAGE_SIZE, lambda listed: _rows(clinic, listed, window, today))
    return {
        "summary": {
            "patients": shown.paginator.count,
            "month": f"{window.first:%B}",
            "left": dates_left(window, today, False),
        },
        "behind": [] if text else _furthest_behind(clinic, people, window, today),
        "filters": [],
        "sort": sort,
        "page": shown,
    }


def _with_figures(clinic: Clinic, window: Window, today: datetime.date) -> Any:
    days = (
        VitalDay.objects.for_clinic(clinic)
        .filter(patient=OuterRef("pk"), readings__gt=0)
        .within(window.first, min(window.last, today))
        .order_by()
        .values("patient")
        .annotate(n=Count("local_date", distinct=True))
        .values("n")
    )
    latest = (
        LatestReading.objects.for_clinic(clinic)
        .filter(patient=OuterRef("pk"))
        .exclude(metric="battery_percentage")
        .order_by()
        .values("patient")
        .annotate(at=Max("taken_at"))
        .values("at")
    )
    return Patient.objects.for_clinic(clinic).annotate(
        days=Coalesce(Subquery(days, output_field=IntegerField()), 0),
        last_reading_at=Subquery(latest),
        sort_name=Lower(Coalesce("name", "external_id")),
    )


def _sorted(people: Any, sort: str) -> Any:
    field = F(SORTS[sort.lstrip("-")])
    order = field.desc(nulls_last=True) if sort.startswith("-") else field.asc(nulls_first=True)
    return people.order_by(order, "sort_name", "external_id")


def _rows(clinic: Clinic, listed: list[Any], window: Window, today: datetime.date) -> list[dict[str, Any]]:
    ids = [person.id for person in listed]
    latest = latest_values(clinic, ids)
    standings = _standings(clinic, ids, window, today)
    zones = {person.id: person.timezone or clinic.timezone for person in listed}
    return [
        {
            "url": reverse("patient", args=[clinic.slug, person.id]),
            "name": person.name or person.external_id,
            "external_id": person.external_id,
            "zone": zones[person.id],
            "last_reading_at": person.last_reading_at,
            "latest": latest.get(person.id, [])[:CHIPS],
            "programs": standings[person.id],
        }
        for person in listed
    ]


def _standings(
    clinic: Clinic, ids: list[uuid.UUID], window: Window, today: datetime.date
) -> dict[uuid.UUID, list[Pace]]:
    """Per patient, days and pace in each program that an enrolment, a device or a day gives."""
    days: defaultdict[tuple[uuid.UUID, str], set[datetime.date]] = defaultdict(set)
    counted = VitalDay.objects.for_clinic(clinic).filter(patient_id__in=ids, readings__gt=0)
    for patient_id, program, date in counted.within(window.first, min(window.last, today)).values_list(
        "patient_id", "program", "local_date"
    ):
        days[patient_id, program].add(date)
    programs: defaultdict[uuid.UUID, set[str]] = defaultdict(set)
    for patient_id, program in days:
        programs[patient_id].add(program)
    enrolled = Enrollment.objects.for_clinic(clinic).filter(patient_id__in=ids)
    for patient_id, program in enrolled.during(window.first, window.last).values_list(
        "patient_id", "program"
    ):
        programs[patient_id].add(program)
    assigned = Assignment.objects.for_clinic(clinic).filter(patient_id__in=ids)
    for patient_id, slug in assigned.during(*window.moments(clinic)).values_list(
        "patient_id", "device__kind"
    ):
        programs[patient_id] |= catalogue.programs_of(slug)
    return {
        patient_id: [
            pace(
                program,
                len(days[patient_id, program]),
                window,
                today,
                has_today=today in days[patient_id, program],
            )
            for program in sorted(programs[patient_id])
        ]
        for patient_id in ids
    }


def _furthest_behind(
    clinic: Clinic, people: Any, window: Window, today: datetime.date
) -> list[dict[str, str]]:
    """Up to three patients with the fewest days among those who are behind and can still reach 16."""
    has_device = Assignment.objects.for_clinic(clinic).filter(
        patient=OuterRef("pk"), ends_at__isnull=True, device__kind__in=EARNING_KINDS
    )
    has_today = (
        VitalDay.objects.for_clinic(clinic)
        .filter(patient=OuterRef("pk"), readings__gt=0)
        .within(today, today)
    )
    left = dates_left(window, today, False)
    late = (
        people.filter(Exists(has_device), days__lt=expected_days(window, today))
        .annotate(has_today=Exists(has_today))
        .filter(days__gte=FULL_DAYS - left)
        .order_by("days", "-has_today", "sort_name")[:3]
    )
    return [
        {
            "url": reverse("patient", args=[clinic.slug, person.id]),
            "name": person.name or person.external_id,
            "words": f"{person.days} days, "
            + pace("", person.days, window, today, has_today=person.has_today).words,
        }
        for person in late
    ]
