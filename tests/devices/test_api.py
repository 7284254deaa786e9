"""`devices/` and `devices/<hwi_device_id>/`."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from clinics.models import Clinic
from tests.factories import LONG_AGO, assign, held_device, make_clinic, make_device, make_patient, make_user
from tests.rest import api_client, note_no_use, results, walk

pytestmark = pytest.mark.django_db

URL = "/api/v1/clinics/alpha/devices/"
HWI_ID = "12345678-abcd-1234-abcd-1234567890ab"


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def api(clinic: Clinic) -> APIClient:
    return api_client(make_user("alice@alpha.test", clinic))


def test_a_device_as_last_heard_of_and_who_has_it(api: APIClient, clinic: Clinic) -> None:
    connected = datetime.datetime(2025, 3, 4, 15, 2, 11, 204917, tzinfo=datetime.UTC)
    device = make_device(
        clinic,
        "tenovi-bpm",
        uuid.UUID(HWI_ID),
        name="Tenovi BPM - L",
        status="Connected",
        sensor_code="10",
        hardware_uuid="A1B2C3D4E5F6",
        connected_at=connected,
    )
    assign(device, make_patient(clinic, "MRN-7781"))
    row = {
        "hwi_device_id": HWI_ID,
        "name": "Tenovi BPM - L",
        "kind": "tenovi-bpm",
        "status": "Connected",
        "sensor_code": "10",
        "sensor_id": "",
        "hardware_uuid": "A1B2C3D4E5F6",
        "patient": "MRN-7781",
        "vendor_created_at": None,
        "connected_at": "2025-03-04T15:02:11.204917Z",
        "unlinked_at": None,
        "last_measurement_at": None,
    }
    assert api.get(f"{URL}{HWI_ID}/").json() == row
    assert api.get(URL).json() == {"next": None, "previous": None, "results": [row]}


def test_the_id_is_found_in_upper_case(api: APIClient, clinic: Clinic) -> None:
    make_device(clinic, hwi_device_id=uuid.UUID(HWI_ID))
    assert api.get(f"{URL}{HWI_ID.upper()}/").json()["hwi_device_id"] == HWI_ID


@pytest.mark.parametrize("key", [str(uuid.UUID(int=7)), "17", "not-a-uuid"])
def test_an_unknown_id_is_404(api: APIClient, clinic: Clinic, key: str) -> None:
    make_device(clinic)
    assert api.get(f"{URL}{key}/").status_code == 404


def test_only_the_assignment_in_force_names_the_patient(api: APIClient, clinic: Clinic) -> None:
    device, now = make_device(clinic), timezone.now()
    assign(device, make_patient(clinic, "before"), LONG_AGO, now - datetime.timedelta(days=2))
    assert [row["patient"] for row in results(api.get(URL))] == [None]
    assign(
        device,
        make_patient(clinic, "now"),
        now - datetime.timedelta(days=1),
        now + datetime.timedelta(days=1),
    )
    assign(device, make_patient(clinic, "later"), now + datetime.timedelta(days=1))
    assert [row["patient"] for row in results(api.get(URL))] == ["now"]


@pytest.mark.parametrize("page_size", [1, 2, 5])
def test_a_walk_meets_every_device_once(api: APIClient, clinic: Clinic, page_size: int) -> None:
    made = {str(make_device(clinic).hwi_device_id) for _ in range(5)}
    met = [row["hwi_device_id"] for row in walk(api, URL, page_size)]
    assert sorted(met) == sorted(made)


def test_the_number_of_queries_does_not_grow_with_the_list(
    api: APIClient, clinic: Clinic, django_assert_num_queries: Any
) -> None:
    for number in range(25):
        held_device(clinic, external_id=f"p-{number}")
    note_no_use()
    for page_size in (1, 25):
        with django_assert_num_queries(4):  # token, membership, devices, audit line
            assert len(results(api.get(URL, {"page_size": page_size}))) == page_size
