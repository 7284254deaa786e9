"""`gateways/` and `gateways/<gateway_id>/`."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from clinics.models import Clinic
from tests.factories import GATEWAY_ID, make_clinic, make_device, make_gateway, make_user
from tests.rest import api_client, note_no_use, results, walk

pytestmark = pytest.mark.django_db

URL = "/api/v1/clinics/alpha/gateways/"
NOW = datetime.datetime(2026, 10, 14, 12, tzinfo=datetime.UTC)
SIX, SEVEN = uuid.UUID(int=6), uuid.UUID(int=7)


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def api(clinic: Clinic) -> APIClient:
    return api_client(make_user("alice@alpha.test", clinic))


def test_a_gateway_and_what_is_behind_it(api: APIClient, clinic: Clinic) -> None:
    make_gateway(clinic, firmware_version="2.1.7", signal_strength=24, last_seen_at=NOW)
    make_device(clinic, hwi_device_id=SEVEN, hardware_uuid=GATEWAY_ID)
    make_device(clinic, hwi_device_id=SIX, hardware_uuid=GATEWAY_ID)
    make_device(clinic, hardware_uuid="FED091A643FF")
    row = {
        "gateway_id": GATEWAY_ID,
        "firmware_version": "2.1.7",
        "signal_strength": 24,
        "signal_level": "good",
        "last_seen_at": "2026-10-14T12:00:00Z",
        "silent_since": None,
        "devices": [str(SIX), str(SEVEN)],
    }
    with time_machine.travel(NOW + datetime.timedelta(hours=1), tick=False):
        assert api.get(f"{URL}{GATEWAY_ID}/").json() == row
        assert api.get(URL).json() == {"next": None, "previous": None, "results": [row]}


def test_one_nobody_heard_of_yet_says_so(api: APIClient, clinic: Clinic) -> None:
    make_gateway(clinic)
    assert api.get(f"{URL}{GATEWAY_ID}/").json() == {
        "gateway_id": GATEWAY_ID,
        "firmware_version": "",
        "signal_strength": None,
        "signal_level": "not known yet",
        "last_seen_at": None,
        "silent_since": None,
        "devices": [],
    }


def test_one_without_contact_for_over_a_day_is_silent_since_the_last(api: APIClient, clinic: Clinic) -> None:
    make_gateway(clinic, last_seen_at=NOW)
    with time_machine.travel(NOW + datetime.timedelta(hours=24, seconds=1), tick=False):
        assert api.get(f"{URL}{GATEWAY_ID}/").json()["silent_since"] == "2026-10-14T12:00:00Z"


@pytest.mark.parametrize("spelling", ["a1b2c3d4e5f6", "A1B2-C3D4-E5F6", "a1b2-C3d4-e5f6"])
def test_the_id_is_found_in_any_case_with_or_without_hyphens(
    api: APIClient, clinic: Clinic, spelling: str
) -> None:
    make_gateway(clinic)
    assert api.get(f"{URL}{spelling}/").json()["gateway_id"] == GATEWAY_ID


@pytest.mark.parametrize("key", ["FED091A643FF", "a1b2c3d4e5f", "x", "351234567890123"])
def test_an_unknown_id_is_404(api: APIClient, clinic: Clinic, key: str) -> None:
    make_gateway(clinic)
    assert api.get(f"{URL}{key}/").status_code == 404


def test_a_device_of_another_clinic_behind_the_same_gateway_is_not_named(
    api: APIClient, clinic: Clinic
) -> None:
    make_gateway(clinic)
    make_device(make_clinic("beta"), hardware_uuid=GATEWAY_ID)
    assert api.get(f"{URL}{GATEWAY_ID}/").json()["devices"] == []


@pytest.mark.parametrize("page_size", [1, 2, 5])
def test_a_walk_meets_every_gateway_once(api: APIClient, clinic: Clinic, page_size: int) -> None:
    made = [make_gateway(clinic, f"{number:012X}").gateway_id for number in range(5)]
    assert [row["gateway_id"] for row in walk(api, URL, page_size)] == made


def test_the_number_of_queries_does_not_grow_with_the_list(
    api: APIClient, clinic: Clinic, django_assert_num_queries: Any
) -> None:
    for number in range(25):
        make_gateway(clinic, f"{number:012X}")
        make_device(clinic, hardware_uuid=f"{number:012X}")
    note_no_use()
    for page_size in (1, 25):
        with django_assert_num_queries(4):  # token, membership, gateways, audit line
            assert len(results(api.get(URL, {"page_size": page_size}))) == page_size
