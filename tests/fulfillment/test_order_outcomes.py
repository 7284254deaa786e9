"""What is sent of an order, what comes back, and how it follows its device afterwards."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from clinics.models import AuditEvent, Clinic
from devices.models import Assignment, Device
from fulfillment.orders.actions import cancel_order
from fulfillment.orders.progress import catch_up
from patients.models import Patient
from tenovi.models import Request
from tests.factories import deliver
from tests.fulfillment.ordering import (
    GATEWAY,
    HAILIE,
    SCALE,
    admin_of,
    created,
    creates,
    fresh,
    handed_over,
    offer,
    place_one,
    run,
    shipped,
    somebody,
    steps_of,
)
from tests.vendor import DEVICES, vendor_clinic
from tests.vendor_stub import Reply, VendorStub

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    clinic = vendor_clinic()
    offer(clinic)
    return clinic


@pytest.fixture
def patient(clinic: Clinic) -> Patient:
    return somebody(clinic)


# Sent and answered.


def test_an_order_is_confirmed_with_its_device_and_the_patient_has_it(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    stub.reply(DEVICES, Reply(201, created(5)))
    order = place_one(clinic, patient)
    run(clinic)
    order = fresh(order)
    assert (order.state, order.vendor_status, order.is_open) == ("confirmed", "Dropship Requested", True)
    assert order.device is not None
    assert order.device.hwi_device_id == uuid.UUID(int=5)
    assert Assignment.objects.for_clinic(clinic).get(device=order.device).patient == patient
    assert steps_of(order) == ["placed", "sent", "confirmed"]
    assert not Request.objects.for_clinic(clinic).exists()


def test_a_device_handed_over_is_there_and_its_order_closed(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    stub.reply(DEVICES, Reply(201, created(5, status="Delivered")))
    order = place_one(clinic, patient, handed_over())
    run(clinic)
    assert (fresh(order).vendor_status, fresh(order).is_open) == ("Delivered", False)


def test_an_answer_without_patient_is_the_patients_all_the_same(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    stub.reply(DEVICES, Reply(201, created(5, patient="")))
    order = place_one(clinic, patient)
    run(clinic)
    assert Assignment.objects.for_clinic(clinic).get(device=fresh(order).device).patient == patient


BODIES: list[tuple[Any, dict[str, Any]]] = [
    (handed_over(), {"name": SCALE, "hardware_uuid": GATEWAY}),
    (
        handed_over(HAILIE, sensor_id="H1234567"),
        {"name": HAILIE, "hardware_uuid": GATEWAY, "sensor_id": "H1234567"},
    ),
    (shipped(), {"name": SCALE, "hardware_uuid": None, "fulfillment_request": {}}),
    (
        shipped(ship_by="clinic"),
        {"name": SCALE, "hardware_uuid": None, "fulfillment_request": {"client_will_fulfill": True}},
    ),
    (
        shipped(gateway_only=True),
        {"name": SCALE, "hardware_uuid": None, "fulfillment_request": {"ship_gateway_only": True}},
    ),
    (
        shipped(
            hardware_uuid=GATEWAY,
            require_signature=True,
            notify_emails="a@example.com, b@example.com",
            shipping_notes="Ring twice",
        ),
        {
            "name": SCALE,
            "hardware_uuid": GATEWAY,
            "fulfillment_request": {
                "require_signature": True,
                "notify_emails": "a@example.com,b@example.com",
                "client_notes": "Ring twice",
            },
        },
    ),
]
PARCEL = {
    "shipping_name": "Test Person",
    "shipping_address": "1 Main St",
    "shipping_city": "Irvine",
    "shipping_state": "CA",
    "shipping_zip_code": "92614",
    "client_will_fulfill": False,
    "ship_gateway_only": False,
    "require_signature": False,
}


@pytest.mark.parametrize(("wanted", "device"), BODIES)
def test_each_way_to_the_patient_is_said_as_the_vendor_wants_it(
    stub: VendorStub, clinic: Clinic, wanted: Any, device: dict[str, Any]
) -> None:
    patient = somebody(clinic, physician="Dr. Jones", phone_number="123-456-7890")
    stub.reply(DEVICES, Reply(201, created(5)))
    order = place_one(clinic, patient, wanted)
    run(clinic)
    if "fulfillment_request" in device:
        device = device | {"fulfillment_request": PARCEL | device["fulfillment_request"]}
    (asked,) = creates(stub)
    assert json.loads(asked.body) == {
        "device": device,
        "patient": {
            "external_id": "mrn-7781",
            "name": "Test Person",
            "phone_number": "123-456-7890",
            "physician": "Dr. Jones",
        },
    }
    assert fresh(order).sent == json.loads(asked.body)


def test_the_order_says_that_it_is_being_sent_before_a_byte_leaves(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    seen: list[str] = []
    order = place_one(clinic, patient)

    def look() -> None:
        seen.append(fresh(order).state)
        connection.close()

    stub.reply(DEVICES, Reply(201, created(5), before=look))
    run(clinic)
    assert seen == ["sending"]


def test_a_refusal_is_told_in_the_vendors_words_and_closes_the_order(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    stub.reply(DEVICES, Reply(400, {"device": {"hardware_uuid": ["ID already exists"]}}))
    order = place_one(clinic, patient, handed_over())
    run(clinic, 3)
    order = fresh(order)
    assert (order.state, order.is_open, order.reason) == ("refused", False, "ID already exists")
    assert len(creates(stub)) == 1
    assert place_one(clinic, patient, handed_over()).state == "queued"


def test_an_order_of_which_nothing_left_waits_and_is_not_counted_as_sent(
    stub: VendorStub, clinic: Clinic, patient: Patient, settings: Settings
) -> None:
    settings.TENOVI_BASE_URL = "http://127.0.0.1:9"
    order = place_one(clinic, patient)
    run(clinic)
    order = fresh(order)
    assert (order.state, order.sends, order.reason) == ("queued", 0, "Tenovi cannot be reached.")
    assert cancel_order(order=order, by=admin_of(clinic)).state == "cancelled"


# Afterwards.


def test_an_order_follows_its_device_and_closes_when_that_arrives(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    stub.reply(DEVICES, Reply(201, created(5)))
    order = place_one(clinic, patient)
    run(clinic)
    shown = []
    for status in ("Shipped", "Delivered", "Shipped", "Connected"):
        news = {"hwi_device_id": str(uuid.UUID(int=5)), "patient_id": "mrn-7781", "status": status}
        deliver(clinic, news, kind="fulfillment")
        shown.append((fresh(order).vendor_status, fresh(order).is_open))
    assert shown == [("Shipped", True), ("Delivered", False), ("Delivered", False), ("Connected", False)]


def test_an_order_catches_up_when_its_events_were_lost(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    stub.reply(DEVICES, Reply(201, created(5)))
    order = place_one(clinic, patient)
    run(clinic)
    shown = []
    for status in ("Shipped", "Dropship Requested", "Delivered"):
        Device.objects.for_clinic(clinic).update(status=status)
        catch_up()
        shown.append((fresh(order).vendor_status, fresh(order).is_open))
    assert shown == [("Shipped", True), ("Shipped", True), ("Delivered", False)]


def test_the_record_of_an_order_names_nobody(stub: VendorStub, clinic: Clinic, patient: Patient) -> None:
    stub.reply(DEVICES, Reply(400, {"device": {"name": ["Test Person is unknown"]}}))
    place_one(clinic, patient)
    run(clinic)
    lines = AuditEvent.objects.filter(action__startswith="order_").order_by("id")
    assert [line.action for line in lines] == ["order_placed", "order_sent", "order_refused"]
    assert [line.actor_label for line in lines] == ["admin@alpha.test", *["Vitaldays itself"] * 2]
    said = json.dumps([line.detail for line in lines])
    assert "Test Person" not in said
    assert "Irvine" not in said
    assert "device.fulfillment_request.shipping_city" in said
