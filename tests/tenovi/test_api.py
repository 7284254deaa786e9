"""`deliveries/` and `deliveries/<id>/raw/`."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from clinics.models import AuditEvent, Clinic, Role
from devices.models import Device
from tenovi.inbound import deliveries
from tenovi.models import Delivery
from tests.factories import deliver, element, held_device, make_clinic, make_device, make_user
from tests.rest import api_client, note_no_use, results, walk

pytestmark = pytest.mark.django_db

URL = "/api/v1/clinics/alpha/deliveries/"


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def device(clinic: Clinic) -> Device:
    return held_device(clinic)


@pytest.fixture
def api(clinic: Clinic) -> APIClient:
    return api_client(make_user("adam@alpha.test", clinic, Role.CLINIC_ADMIN))


def test_a_delivery_lists_the_elements_that_were_not_simply_stored(api: APIClient, device: Device) -> None:
    good, again, bad = element(device), element(device), element(device, value_1="high")
    sent = deliver(device.clinic, [good, again, bad]).json()["delivery"]
    delivery = Delivery.objects.for_clinic(device.clinic).get()
    assert api.get(URL).json() == {
        "next": None,
        "previous": None,
        "results": [
            {
                "id": sent,
                "kind": "measurements",
                "received_at": delivery.received_at.isoformat().replace("+00:00", "Z"),
                "state": "quarantined",
                "items": [
                    {"index": 1, "state": "duplicate", "reason": "already_stored"},
                    {"index": 2, "state": "quarantined", "reason": "value_unusable"},
                ],
            }
        ],
    }


def one_of_each_state(device: Device) -> None:
    deliver(device.clinic, element(device))
    deliver(device.clinic, element(make_device(device.clinic), value_1=None))
    deliver(device.clinic, b"{not json")
    Delivery.objects.create(clinic=device.clinic, kind="measurements", raw=b"[]", size=2, state="pending")


@pytest.mark.parametrize("state", ["settled", "pending", "quarantined", "rejected"])
def test_state_selects(api: APIClient, device: Device, state: str) -> None:
    one_of_each_state(device)
    assert [row["state"] for row in results(api.get(URL, {"state": state}))] == [state]


def test_newest_come_first(api: APIClient, device: Device) -> None:
    one_of_each_state(device)
    received = [row["received_at"] for row in results(api.get(URL))]
    assert len(received) == 4
    assert received == sorted(received, reverse=True)


@pytest.mark.parametrize("state", ["stored", "Settled", "settled\0", "x"])
def test_an_unknown_state_is_a_field_error(api: APIClient, state: str) -> None:
    answer = api.get(URL, {"state": state})
    assert (answer.status_code, list(answer.json())) == (400, ["state"])


def test_what_was_settled_later_is_no_longer_listed(api: APIClient, clinic: Clinic) -> None:
    key = uuid.uuid4()
    deliver(clinic, element(key))
    assert [item["reason"] for item in results(api.get(URL))[0]["items"]] == ["unknown_device"]
    make_device(clinic, hwi_device_id=key)
    deliveries.resettle_for_device(clinic, key)
    assert [(row["state"], row["items"]) for row in results(api.get(URL))] == [("settled", [])]


@pytest.mark.parametrize("page_size", [1, 2, 5])
def test_a_walk_meets_every_delivery_once(api: APIClient, device: Device, page_size: int) -> None:
    for _ in range(5):  # one transaction, so all at the same moment
        deliver(device.clinic, element(device))
    met = [row["id"] for row in walk(api, URL, page_size)]
    assert len(met) == len(set(met)) == 5


def test_the_number_of_queries_does_not_grow_with_the_list(
    api: APIClient, device: Device, django_assert_num_queries: Any
) -> None:
    for _ in range(12):
        deliver(device.clinic, [element(device), element(device)])
    note_no_use()
    for page_size in (1, 12):
        with django_assert_num_queries(5):  # token, membership, deliveries, items, audit line
            rows = results(api.get(URL, {"page_size": page_size}))
        assert len(rows) == page_size


@pytest.mark.parametrize("body", [b'[{"metric": "x"}]', b"{not json", b"\xff\x00\x01", b""])
def test_raw_is_what_came_in_to_the_byte(api: APIClient, clinic: Clinic, body: bytes) -> None:
    sent = deliver(clinic, body).json()["delivery"]
    answer = api.get(f"{URL}{sent}/raw/")
    assert (answer.status_code, answer.content) == (200, body)


def test_a_browser_never_renders_raw_bytes(api: APIClient, clinic: Clinic) -> None:
    sent = deliver(clinic, b"<script>alert(1)</script>", content_type="text/html").json()["delivery"]
    answer = api.get(f"{URL}{sent}/raw/")
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"] == f'attachment; filename="{sent}.bin"'


def test_looking_at_raw_bytes_is_written_down(api: APIClient, device: Device) -> None:
    sent = deliver(device.clinic, element(device)).json()["delivery"]
    api.get(URL)
    assert not AuditEvent.objects.filter(action="raw_payload_viewed").exists()
    api.get(f"{URL}{sent}/raw/", REMOTE_ADDR="192.0.2.7")
    event = AuditEvent.objects.get(action="raw_payload_viewed")
    seen = (event.actor_label, event.clinic_id, event.target_id, event.address)
    assert seen == ("adam@alpha.test", device.clinic_id, sent, "192.0.2.7")


def test_a_delivery_that_does_not_exist_is_404(api: APIClient) -> None:
    assert api.get(f"{URL}{uuid.uuid4()}/raw/").status_code == 404
