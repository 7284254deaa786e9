"""`vital-days/?month=`."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from clinics.models import Clinic, Role
from devices.models import Device
from measurements.models import Measurement
from tests.factories import (
    LONG_AGO,
    assign,
    deliver,
    element,
    enroll,
    held_device,
    make_clinic,
    make_device,
    make_patient,
    make_user,
    settled,
)
from tests.rest import api_client, note_no_use, results, walk

pytestmark = [pytest.mark.django_db, pytest.mark.clock]

URL = "/api/v1/clinics/alpha/vital-days/"


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def api(clinic: Clinic) -> APIClient:
    return api_client(make_user("bob@alpha.test", clinic, Role.BILLING))


def measured(device: Device, *days: int) -> None:
    """A reading at 15:09 UTC, 10:09 in New York, on these days of March 2025."""
    elements = [element(device, timestamp=f"2025-03-{day:02}T15:09:00Z") for day in days]
    assert settled(deliver(device.clinic, elements)) == {"stored": len(days)}


def test_a_count_comes_with_its_dates(api: APIClient, clinic: Clinic) -> None:
    measured(held_device(clinic), 4, 7, 31)
    assert api.get(URL, {"month": "2025-03"}).json() == {
        "next": None,
        "previous": None,
        "results": [
            {
                "external_id": "mrn-7781",
                "program": "RPM",
                "days": 3,
                "vendor_days": 3,
                "dates": ["2025-03-04", "2025-03-07", "2025-03-31"],
            }
        ],
    }


def test_everybody_assigned_or_enrolled_has_a_row(api: APIClient, clinic: Clinic) -> None:
    held_device(clinic, external_id="assigned")
    held_device(clinic, "tenovi-pillbox", external_id="with-pillbox")
    enroll(make_patient(clinic, "enrolled"), "RTM")
    enroll(make_patient(clinic, "left"), "RPM", ends_on=datetime.date(2025, 2, 28))
    ended = datetime.datetime(2025, 2, 28, tzinfo=datetime.UTC)
    assign(make_device(clinic), make_patient(clinic, "returned"), LONG_AGO, ended)
    make_patient(clinic, "known-only")
    rows = results(api.get(URL, {"month": "2025-03"}))
    assert [(row["external_id"], row["program"], row["days"], row["dates"]) for row in rows] == [
        ("assigned", "RPM", 0, []),
        ("enrolled", "RTM", 0, []),
        ("with-pillbox", "RTM", 0, []),
    ]


def test_vendor_days_ignore_what_a_person_excluded(api: APIClient, clinic: Clinic) -> None:
    device = held_device(clinic)
    measured(device, 4)
    control = {"measurement_location": "control solution"}
    glucose = {"metric": "glucose", "value_1": 110, "value_2": None, "timestamp": "2025-03-05T15:09:00Z"}
    assert settled(deliver(clinic, element(device, **glucose, filter_params=control))) == {"stored": 1}
    row = results(api.get(URL, {"month": "2025-03"}))[0]
    assert (row["days"], row["vendor_days"], row["dates"]) == (1, 2, ["2025-03-04"])
    assert Measurement.objects.for_clinic(clinic).count() == 2


@time_machine.travel("2025-03-05T04:30:00Z", tick=False)
def test_a_date_that_has_not_begun_does_not_count(api: APIClient, clinic: Clinic) -> None:
    measured(held_device(clinic), 4, 5)  # in New York it is still 4 March
    assert results(api.get(URL, {"month": "2025-03"}))[0]["dates"] == ["2025-03-04"]


@pytest.mark.parametrize(
    "month", ["", "2025", "2025-13", "2025-00", "1999-01", "2025-3", "03-2025", "2025-03\0", "٢٠٢٥-٠٣"]
)
def test_a_bad_month_is_a_field_error(api: APIClient, month: str) -> None:
    answer = api.get(URL, {"month": month})
    assert (answer.status_code, list(answer.json())) == (400, ["month"])


def test_the_month_must_be_named(api: APIClient) -> None:
    answer = api.get(URL)
    assert (answer.status_code, answer.json()) == (400, {"month": ["This field is required."]})


@pytest.mark.parametrize("page_size", [1, 2, 5])
def test_a_walk_meets_everybody_once(api: APIClient, clinic: Clinic, page_size: int) -> None:
    for external_id in ("b", "A", "c", "Z"):
        held_device(clinic, external_id=external_id)
    held_device(clinic, "tenovi-pillbox", external_id="b")
    met = [(row["external_id"], row["program"]) for row in walk(api, URL, page_size, month="2025-03")]
    assert sorted(met) == [("A", "RPM"), ("Z", "RPM"), ("b", "RPM"), ("b", "RTM"), ("c", "RPM")]


def test_the_number_of_queries_does_not_grow_with_the_list(
    api: APIClient, clinic: Clinic, django_assert_num_queries: Any
) -> None:
    for number in range(12):
        measured(held_device(clinic, external_id=f"p-{number}"), 4, 5)
    note_no_use()
    for page_size in (1, 12):
        with django_assert_num_queries(
            7
        ):  # token, membership, days, enrolments, assignments, patients, audit line
            assert len(results(api.get(URL, {"month": "2025-03", "page_size": page_size}))) == page_size
