"""The patients page: who needs me? Filters, order, trends, devices, and the cost of it all."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from clinics.models import Clinic
from devices.models import Assignment, Device
from measurements.models import VitalDay
from patients.models import Patient
from tests.factories import (
    assign,
    deliver,
    element,
    enroll,
    make_clinic,
    make_device,
    make_patient,
    make_user,
    settled,
    vendor_time,
)
from tests.pages import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.clock]

NOW = datetime.datetime(2025, 11, 19, 15, tzinfo=datetime.UTC)
"""Eighteen dates of November are over, twelve may still count: 9 days keep pace, 4 are the fewest that
can still become 16."""
DAY = datetime.timedelta(days=1)
URL = "/c/alpha/patients/"


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha", timezone="UTC")


@pytest.fixture
def nurse(clinic: Clinic, client: Client) -> Client:
    client.force_login(make_user("alice@alpha.test", clinic))
    return client


def person(
    clinic: Clinic, name: str, days: int = 0, *, kind: str = "tenovi-bpm", program: str = "RPM"
) -> Patient:
    """Somebody with a device and so many days, the last of them yesterday."""
    patient = make_patient(clinic, f"id of {name}", name=name)
    assign(make_device(clinic, kind), patient)
    VitalDay.objects.bulk_create(
        VitalDay(
            clinic=clinic,
            patient=patient,
            program=program,
            local_date=(NOW - DAY * n).date(),
            readings=1,
            estimated_readings=0,
            vendor_readings=1,
        )
        for n in range(1, days + 1)
    )
    return patient


def sent(device: Device, days_ago: Iterable[float], **changes: Any) -> None:
    changes = {"timezone_offset": 0, "filter_params": {}} | changes
    elements = [element(device, timestamp=vendor_time(NOW - DAY * n), **changes) for n in days_ago]
    assert settled(deliver(device.clinic, elements)) == {"stored": len(elements)}


def context(client: Client, **query: str) -> Any:
    return client.get(URL, query).context


def names(client: Client, **query: str) -> list[str]:
    return [row["name"] for row in context(client, **query)["page"]]


def counts(choices: Any) -> dict[str, int]:
    return {choice.label: choice.count for choice in choices}


@pytest.fixture
def ward(clinic: Clinic) -> None:
    """One of each kind of standing."""
    for name, days in (("Ada", 17), ("Bea", 10), ("Cleo", 6), ("Dora", 2)):
        person(clinic, name, days)
    person(clinic, "Ema", 5, kind="tenovi-pillbox", program="RTM")
    make_patient(clinic, "id of Fay", name="Fay")


def test_filters_count_what_they_show(ward: None, nurse: Client) -> None:
    page = context(nurse)
    assert counts(page["filters"]) == {
        "All": 6,
        "Behind": 2,
        "Out of reach": 1,
        "Needs attention": 0,
        "No reading for 3 days": 5,
    }
    assert counts(page["programs"]) == {"RPM": 4, "RTM": 1}
    assert names(nurse, show="behind") == ["Cleo", "Ema"]
    assert names(nurse, show="out-of-reach") == ["Dora"]
    assert names(nurse, show="quiet") == ["Ada", "Bea", "Cleo", "Dora", "Ema"]
    assert names(nurse, program="RTM") == ["Ema"]
    assert names(nurse, show="behind", program="RTM") == ["Ema"]
    assert names(nurse, show="nonsense", program="XYZ", sort="zzz") == names(nurse)


def test_blanks_are_no_search(ward: None, nurse: Client) -> None:
    assert "match" not in text_of(nurse.get(URL, {"q": " \0 "}))
    assert "1 matches “Cleo”" in text_of(nurse.get(URL, {"q": " Cleo "}))


def test_a_filter_is_counted_within_the_others(ward: None, nurse: Client) -> None:
    page = context(nurse, program="RPM", q="e")
    assert counts(page["filters"]) == {
        "All": 2,
        "Behind": 1,
        "Out of reach": 0,
        "Needs attention": 0,
        "No reading for 3 days": 2,
    }
    assert counts(context(nurse, show="behind")["programs"]) == {"RPM": 1, "RTM": 1}


def test_a_filters_link_keeps_search_and_order_and_starts_at_the_first_page(
    ward: None, nurse: Client
) -> None:
    page = context(nurse, q="e", sort="days", page="2", program="RTM")
    links = {choice.label: choice.url for choice in (*page["filters"], *page["programs"])}
    assert links["Behind"] == "?q=e&sort=days&show=behind&program=RTM"
    assert links["RPM"] == "?q=e&sort=days&program=RPM"
    assert links["RTM"] == "?q=e&sort=days"  # chosen: once more leads back to all


def test_fewest_days_come_first_and_those_without_a_program_last(ward: None, nurse: Client) -> None:
    assert names(nurse, sort="days") == ["Dora", "Ema", "Cleo", "Bea", "Ada", "Fay"]
    assert names(nurse, sort="-days") == ["Ada", "Bea", "Cleo", "Ema", "Dora", "Fay"]


def test_the_strip_names_who_is_furthest_behind_and_can_still_do_it(
    ward: None, clinic: Clinic, nurse: Client
) -> None:
    gone = person(clinic, "Gil", 4)
    Assignment.objects.for_clinic(clinic).filter(patient=gone).update(ends_at=NOW - DAY)
    told = [(one["name"], one["words"]) for one in context(nurse)["behind"]]
    assert told == [("Ema", "5 days, needs 11 of 12 left"), ("Cleo", "6 days, needs 10 of 12 left")]
    assert context(nurse, show="behind")["behind"] == []


def test_an_enrolment_alone_gives_a_row_its_program(clinic: Clinic, nurse: Client) -> None:
    enroll(make_patient(clinic, name="Hal"), "RTM")
    (row,) = context(nurse)["page"]
    assert [(one.program, one.days) for one in row["programs"]] == [("RTM", 0)]


def test_on_the_first_of_a_month_nobody_has_an_empty_bar(clinic: Clinic, nurse: Client) -> None:
    patient = person(clinic, "Nora", 0)
    enroll(patient, "RPM")
    page = nurse.get("/c/alpha/patients/").content.decode()
    assert "no day yet" in page and 'class="days-bar"' not in page.split("<tbody", 1)[1]


def test_somebody_elses_patients_stay_out(ward: None, nurse: Client) -> None:
    person(make_clinic("beta"), "Zoe", 3)
    assert len(names(nurse)) == 6


def test_the_page_costs_the_same_for_10_50_and_200_patients(clinic: Clinic, nurse: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert nurse.get(URL).status_code == 200
        return len(captured)

    nurse.get(URL)
    cost = []
    for total in (10, 50, 200):
        for number in range(Patient.objects.for_clinic(clinic).count(), total):
            patient = person(clinic, f"P{number:03}", number % 18)
            if number < 3:
                held = Assignment.objects.for_clinic(clinic).select_related("device__clinic")
                sent(held.get(patient=patient).device, [1])
        cost.append(queries())
    assert cost[0] == cost[1] == cost[2] <= 13
