"""`patients/<external_id>/measurements/`: rows, filters, pages."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from clinics.models import Clinic
from devices.models import Device
from tests.factories import deliver, element, held_device, make_clinic, make_user, settled, vendor_time
from tests.rest import api_client, note_no_use, results, walk

pytestmark = pytest.mark.django_db

NOON = datetime.datetime(2025, 3, 4, 12, tzinfo=datetime.UTC)
URL = "/api/v1/clinics/alpha/patients/mrn-7781/measurements/"
BAD_MOMENT = ["Write a date such as 2026-10-14 or a timestamp such as 2026-10-14T07:30:00Z."]


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def device(clinic: Clinic) -> Device:
    return held_device(clinic)


@pytest.fixture
def api(clinic: Clinic) -> APIClient:
    return api_client(make_user("alice@alpha.test", clinic))


def taken(device: Device, *hours: float, **changes: Any) -> None:
    """Readings so many hours after noon, each with an index of its own."""
    elements = [
        element(
            device,
            timestamp=vendor_time(NOON + datetime.timedelta(hours=hour)),
            filter_params={"measurement_index": index},
            **changes,
        )
        for index, hour in enumerate(hours)
    ]
    assert settled(deliver(device.clinic, elements)) == {"stored": len(hours)}


def times(answer: Any) -> list[str]:
    return [row["taken_at"] for row in results(answer)]


def test_a_row_has_every_promised_member(api: APIClient, device: Device) -> None:
    deliver(device.clinic, element(device))
    assert api.get(URL).json() == {
        "next": None,
        "previous": None,
        "results": [
            {
                "metric": "blood_pressure",
                "value_1": "131.00",
                "value_2": "82.00",
                "unit_1": "mmHg",
                "unit_2": "mmHg",
                "taken_at": "2025-03-04T15:09:00Z",
                "local_date": "2025-03-04",
                "local_date_rule": "offset",
                "estimated": False,
                "vital": True,
                "program": "RPM",
                "excluded": False,
                "conflict": False,
                "device": str(device.hwi_device_id),
                "source": "webhook",
                "context": {"measurement_index": 412},
            }
        ],
    }


def test_units_are_those_of_the_kind_of_device(api: APIClient, clinic: Clinic) -> None:
    for kind in ("tenovi-bpm", "tenovi-pulse-ox"):
        taken(held_device(clinic, kind), 0, metric="pulse", value_1=61, value_2=None)
    rows = results(api.get(URL))
    assert {(row["unit_1"], row["value_2"], row["unit_2"]) for row in rows} == {
        ("beats/min", None, None),
        ("beats/min", "0.00", ""),
    }


def test_newest_come_first(api: APIClient, device: Device) -> None:
    taken(device, 2, 0, 1)
    assert times(api.get(URL)) == ["2025-03-04T14:00:00Z", "2025-03-04T13:00:00Z", "2025-03-04T12:00:00Z"]


def test_the_patient_is_found_whatever_the_case_of_the_id(api: APIClient, device: Device) -> None:
    taken(device, 0)
    assert len(times(api.get(URL.replace("mrn", "MRN")))) == 1


@pytest.mark.parametrize("spelled", ["weight", "WEIGHT", " Weight "])
def test_metric_selects_whatever_its_case(api: APIClient, device: Device, spelled: str) -> None:
    taken(device, 0)
    taken(device, 1, metric="Weight", value_1=180, value_2=None)
    assert times(api.get(URL, {"metric": spelled})) == ["2025-03-04T13:00:00Z"]


def test_a_metric_the_catalogue_does_not_know_can_be_selected(api: APIClient, device: Device) -> None:
    taken(device, 0, metric="Gait_Speed", value_1=1, value_2=None)
    taken(device, 1)
    assert times(api.get(URL, {"metric": "gait_speed"})) == ["2025-03-04T12:00:00Z"]


@pytest.mark.parametrize(
    ("query", "hours"),
    [
        ("taken_after=2025-03-04T13:00:00Z", [14, 13]),
        ("taken_before=2025-03-04T13:00:00Z", [12]),
        ("taken_after=2025-03-04T13:00:00Z&taken_before=2025-03-04T14:00:00Z", [13]),
        ("taken_after=2025-03-04T13:00:00", [14, 13]),
        ("taken_after=2025-03-04T08:00:00-05:00", [14, 13]),
        ("taken_after=2025-03-04T14:00:00%2B01:00", [14, 13]),
        ("taken_after=2025-03-04T14:00:00+01:00", [14, 13]),
        ("taken_after=2025-03-05", []),
        ("taken_before=2025-03-05", [14, 13, 12]),
        ("taken_after=&taken_before=", [14, 13, 12]),
    ],
)
def test_a_span_has_its_start_and_not_its_end(
    api: APIClient, device: Device, query: str, hours: list[int]
) -> None:
    taken(device, 0, 1, 2)
    assert times(api.get(f"{URL}?{query}")) == [f"2025-03-04T{hour}:00:00Z" for hour in hours]


def test_a_date_begins_at_midnight_where_the_patient_lives(api: APIClient, device: Device) -> None:
    taken(device, 16.9, 17)  # 5 March begins in New York at 05:00 UTC, 17 hours after noon
    assert times(api.get(URL, {"taken_after": "2025-03-05"})) == ["2025-03-05T05:00:00Z"]


@pytest.mark.parametrize("name", ["taken_after", "taken_before"])
@pytest.mark.parametrize(
    "value",
    [
        "soon",
        "2025-02-30",
        "2025-03-04T25:00Z",
        "20250304",
        "0001-01-01T00:00+14:00",
        "2025-03-04\0",
        "٢٠٢٥-٠٣-٠٤",
    ],
)
def test_a_bad_moment_is_a_field_error(api: APIClient, device: Device, name: str, value: str) -> None:
    answer = api.get(URL, {name: value})
    assert (answer.status_code, answer.json()) == (400, {name: BAD_MOMENT})


def test_a_metric_with_nul_is_a_field_error(api: APIClient, device: Device) -> None:
    answer = api.get(URL, {"metric": "pulse\0"})
    assert (answer.status_code, list(answer.json())) == (400, ["metric"])


@pytest.mark.parametrize("page_size", [1, 2, 3, 7])
def test_a_walk_meets_every_reading_once(api: APIClient, device: Device, page_size: int) -> None:
    taken(device, 0, 0, 0, 1, 1, 2, 0)  # several at one moment, as pressure and pulse always are
    indexes = [row["context"]["measurement_index"] for row in walk(api, URL, page_size)]
    assert sorted(indexes) == list(range(7))


def test_a_walk_keeps_its_filters(api: APIClient, device: Device) -> None:
    taken(device, 0, 1, 2)
    taken(device, 0, 1, 2, metric="pulse", value_1=61, value_2=None)
    rows = walk(api, URL, 1, metric="pulse", taken_before="2025-03-04T14:00:00Z")
    assert [(row["metric"], row["taken_at"][11:13]) for row in rows] == [("pulse", "13"), ("pulse", "12")]


def test_a_reading_that_arrives_during_a_walk_disturbs_nothing(api: APIClient, device: Device) -> None:
    taken(device, 0, 1, 2)
    first = api.get(URL, {"page_size": 2})
    taken(device, 5, metric="pulse", value_1=61, value_2=None)
    assert times(api.get(first.json()["next"])) == ["2025-03-04T12:00:00Z"]


def test_readings_of_another_patient_stay_out(api: APIClient, clinic: Clinic, device: Device) -> None:
    taken(held_device(clinic, external_id="mrn-2"), 0)
    assert times(api.get(URL)) == []


def test_the_number_of_queries_does_not_grow_with_the_list(
    api: APIClient, clinic: Clinic, device: Device, django_assert_num_queries: Any
) -> None:
    taken(device, 0)
    note_no_use()
    with django_assert_num_queries(5):  # token, membership, patient, readings, audit line
        api.get(URL)
    taken(held_device(clinic, "tenovi-scale"), *range(30), metric="weight", value_1=180, value_2=None)
    with django_assert_num_queries(5):
        assert len(results(api.get(URL))) == 31
