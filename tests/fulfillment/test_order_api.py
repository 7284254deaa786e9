"""Orders over REST: the same key is the same order, and what is in the way is named."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from clinics.models import AuditEvent, Clinic, Role
from fulfillment.models import Order
from patients.models import Patient
from tenovi.models import Request
from tests.factories import assign, deliver, make_clinic, make_device, make_order, make_user
from tests.fulfillment.ordering import BPM, GATEWAY, SCALE, offer, somebody
from tests.rest import api_client, note_no_use, walk

pytestmark = pytest.mark.django_db

URL = "/api/v1/clinics/alpha/orders/"


@pytest.fixture
def clinic() -> Clinic:
    clinic = make_clinic("alpha")
    offer(clinic)
    return clinic


@pytest.fixture
def patient(clinic: Clinic) -> Patient:
    return somebody(clinic)


@pytest.fixture
def api(clinic: Clinic, patient: Patient) -> APIClient:
    return api_client(make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN))


def post(api: APIClient, key: str | None = "key-1", **changes: Any) -> Any:
    body = {"patient": "mrn-7781", "device_name": SCALE, "ship_by": "tenovi"} | changes
    headers = {} if key is None else {"Idempotency-Key": key}
    return api.post(URL, json.dumps(body), content_type="application/json", headers=headers)


def test_an_order_is_placed_and_can_be_read(api: APIClient, clinic: Clinic) -> None:
    answer = post(api)
    assert answer.status_code == 201
    order = Order.objects.for_clinic(clinic).get()
    assert answer.json() == {
        "id": str(order.id),
        "patient": "mrn-7781",
        "device_name": SCALE,
        "state": "queued",
        "vendor_status": "",
        "hwi_device_id": None,
        "created_at": order.created_at.isoformat().replace("+00:00", "Z"),
        "events": [],
    }
    assert api.get(f"{URL}{order.id}/").json() == answer.json()
    assert api.get(URL).json()["results"] == [answer.json()]
    assert Request.objects.for_clinic(clinic).get().target == str(order.id)


def test_all_members_arrive(api: APIClient, clinic: Clinic) -> None:
    answer = post(
        api,
        ship_by="clinic",
        patient="MRN-7781",
        hardware_uuid=GATEWAY.lower(),
        require_signature=True,
        notify_emails="a@example.com",
        sensor_id=None,
        gateway_only=False,
    )
    assert answer.status_code == 201, answer.json()
    order = Order.objects.for_clinic(clinic).get()
    assert (order.ship_by, order.hardware_uuid, order.require_signature, order.notify_emails) == (
        "clinic",
        GATEWAY,
        True,
        "a@example.com",
    )


def test_the_same_key_and_body_bring_the_same_order(api: APIClient, clinic: Clinic) -> None:
    first = post(api)
    again = post(api)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert Order.objects.for_clinic(clinic).count() == 1


def test_the_same_key_with_another_body_is_a_conflict(api: APIClient) -> None:
    first = post(api)
    answer = post(api, device_name=BPM)
    assert answer.status_code == 409
    assert answer.json() == {"detail": "This key was used for another order.", "order": first.json()["id"]}


def test_an_open_order_for_the_same_need_is_named(api: APIClient) -> None:
    first = post(api)
    answer = post(api, "key-2")
    assert answer.status_code == 409
    assert answer.json()["order"] == first.json()["id"]
    assert post(api, "key-3", again=True).status_code == 201


@pytest.mark.parametrize("key", [None, "", " ", "a b", "ä", "x" * 201])
def test_without_a_usable_key_nothing_is_ordered(api: APIClient, clinic: Clinic, key: str | None) -> None:
    answer = post(api, key)
    assert (answer.status_code, list(answer.json())) == (400, ["Idempotency-Key"])
    assert not Order.objects.for_clinic(clinic).exists()


@pytest.mark.parametrize(
    ("changes", "member"),
    [
        ({"patient": "nobody"}, "patient"),
        ({"patient": ""}, "patient"),
        ({"patient": "\0"}, "patient"),
        ({"patient": "\ud800"}, "patient"),
        ({"patient": None}, "patient"),
        ({"patient": None, "ship_by": "clinic", "hardware_uuid": GATEWAY}, "patient"),
        ({"patient": None, "ship_by": "on_site"}, "hardware_uuid"),
        ({"device_name": "Scale"}, "device_name"),
        ({"ship_by": "post"}, "ship_by"),
        ({"ship_by": "on_site"}, "hardware_uuid"),
        ({"hardware_uuid": "123"}, "hardware_uuid"),
        ({"hardware_uid": GATEWAY}, "hardware_uid"),
        ({"again": "perhaps"}, "again"),
        ({"sensor_id": "H1"}, "sensor_id"),
        ({"notify_emails": "nobody"}, "notify_emails"),
    ],
)
def test_what_is_wrong_is_said_by_member(
    api: APIClient, clinic: Clinic, changes: dict[str, Any], member: str
) -> None:
    answer = post(api, **changes)
    assert (answer.status_code, list(answer.json())) == (400, [member])
    assert not Order.objects.for_clinic(clinic).exists()


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"{", b"[" * 100_000, b'{"patient": NaN}', b"\xff"])
def test_what_is_no_object_is_refused(api: APIClient, body: bytes) -> None:
    answer = api.post(URL, body, content_type="application/json", headers={"Idempotency-Key": "k"})
    assert answer.status_code == 400


def test_who_only_sees_orders_places_none(clinic: Clinic, patient: Patient) -> None:
    order = make_order(patient)
    care = api_client(make_user("care@alpha.test", clinic, Role.CARE_MANAGER))
    assert care.get(f"{URL}{order.id}/").status_code == 200
    assert post(care).status_code == 403
    billing = api_client(make_user("billing@alpha.test", clinic, Role.BILLING))
    assert {billing.get(URL).status_code, post(billing).status_code} == {403}


def test_a_patient_or_an_order_of_another_clinic_does_not_exist(api: APIClient) -> None:
    beta = make_clinic("beta")
    order = make_order(somebody(beta, "of-beta"))
    assert api.get(f"{URL}{order.id}/").status_code == 404
    assert list(post(api, patient="of-beta").json()) == ["patient"]


def test_the_events_are_those_of_the_orders_device(api: APIClient, clinic: Clinic, patient: Patient) -> None:
    device = make_device(clinic, hwi_device_id=uuid.UUID(int=5))
    assign(device, patient)
    order = make_order(patient, state="confirmed", device=device)
    for status in ("Shipped", "Delivered"):
        deliver(clinic, {"hwi_device_id": str(device.hwi_device_id), "status": status}, kind="fulfillment")
    answer = api.get(f"{URL}{order.id}/").json()
    assert (answer["hwi_device_id"], answer["vendor_status"]) == (str(device.hwi_device_id), "Delivered")
    assert [event["status"] for event in answer["events"]] == ["Shipped", "Delivered"]
    assert api.get(URL).json()["results"] == [answer]


def test_the_list_is_walked_in_both_directions(api: APIClient, patient: Patient) -> None:
    by = make_user("by@alpha.test")
    orders = [make_order(patient, by, device_name=f"Device {number}") for number in range(5)]
    walked = [row["device_name"] for row in walk(api, URL, 2)]
    assert walked == [order.device_name for order in reversed(orders)]


def test_a_list_takes_the_same_queries_however_long(
    api: APIClient, patient: Patient, django_assert_num_queries: Any
) -> None:
    by = make_user("by@alpha.test")
    for number in range(4):
        make_order(patient, by, device_name=f"Device {number}")
    note_no_use()
    with django_assert_num_queries(4):  # token, membership, orders, audit line
        api.get(URL)


def test_placing_by_script_is_in_the_record_with_who_did_it(api: APIClient) -> None:
    post(api)
    assert [
        event.actor_label for event in AuditEvent.objects.filter(action__in=["api_write", "order_placed"])
    ] == ["admin@alpha.test"] * 2
