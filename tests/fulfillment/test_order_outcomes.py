"""What comes of an order: confirmed, refused, or looked for until it is found or a person decides."""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from clinics.models import AuditEvent, Clinic
from devices.actions import ask_about_unknown_devices
from devices.models import Assignment, Device
from fulfillment.models import Order, OrderStep
from fulfillment.order_outcomes import adopt_what_turned_up, catch_up, mend, start_looks
from fulfillment.orders import TooLate, adopt_match, cancel_order, send_again
from patients.models import Patient
from tenovi.models import ParkedKey, Request, RequestKind
from tests.factories import deliver, make_patient
from tests.fulfillment.ordering import (
    BPM,
    GATEWAY,
    HAILIE,
    SCALE,
    admin_of,
    fresh,
    handed_over,
    offer,
    place_one,
    run,
    shipped,
    somebody,
    steps_of,
)
from tests.vendor import DEVICES, stub_as_vendor, vendor_clinic, wire_device, wire_page
from tests.vendor_stub import Asked, Reply, VendorStub

pytestmark = pytest.mark.django_db(transaction=True)

LOST = Reply(500, {})


@pytest.fixture
def stub(settings: Settings) -> Iterator[VendorStub]:
    with stub_as_vendor(settings) as running:
        yield running


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    clinic = vendor_clinic()
    offer(clinic)
    return clinic


@pytest.fixture
def patient(clinic: Clinic) -> Patient:
    return somebody(clinic)


def created(number: int, name: str = SCALE, patient: str = "mrn-7781", **changes: Any) -> dict[str, Any]:
    """A device that the vendor has created just now."""
    now = timezone.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    device = wire_device(number, patient, name=name, sensor_code="13", hardware_uuid=None, created=now)
    return {**device, "status": "Dropship Requested", **changes}


def creates(stub: VendorStub) -> list[Asked]:
    return [asked for asked in stub.asked if asked.method == "POST"]


def looks(stub: VendorStub) -> int:
    return sum(asked.method == "GET" for asked in stub.asked)


def create_fails(stub: VendorStub, reply: Reply, *then: Reply) -> None:
    """POST and GET share an address: the create comes first, then each look."""
    stub.reply(DEVICES, reply, *then)


def doubted(stub: VendorStub, clinic: Clinic, patient: Patient, *then: Reply, reply: Reply = LOST) -> Order:
    """An order whose create brought no usable answer, after the first look."""
    create_fails(stub, reply, *then)
    order = place_one(clinic, patient)
    run(clinic, 2)
    return fresh(order)


def later(order: Order) -> None:
    """Ten minutes have passed, and the scheduler looks."""
    Order.objects.for_clinic(order.clinic).filter(look_due_at__isnull=False).update(
        look_due_at=timezone.now()
    )
    start_looks()
    run(order.clinic)


def lost(stub: VendorStub, clinic: Clinic, patient: Patient) -> Order:
    """An order without a trace after two looks."""
    order = doubted(stub, clinic, patient, wire_page())
    later(order)
    return fresh(order)


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
            "sms_opt_in": False,
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


# Doubt.


def test_a_lost_answer_is_looked_for_at_once_and_the_one_match_adopted(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    order = doubted(stub, clinic, patient, wire_page(created(5)))
    assert (order.state, len(creates(stub))) == ("confirmed", 1)
    assert order.device is not None
    assert order.device.hwi_device_id == uuid.UUID(int=5)
    assert steps_of(order) == ["placed", "sent", "doubted", "looked", "adopted"]
    assert not Request.objects.for_clinic(clinic).exists()


def test_after_two_looks_without_a_trace_a_person_is_asked_and_nothing_was_sent_twice(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    order = doubted(stub, clinic, patient, wire_page())
    assert (order.state, order.looks) == ("unknown", 1)
    assert order.look_due_at is not None
    assert order.look_due_at - timezone.now() > datetime.timedelta(minutes=9)
    run(clinic, 3)
    assert (fresh(order).state, looks(stub)) == ("unknown", 1)
    later(order)
    order = fresh(order)
    assert (order.state, order.is_open, looks(stub), len(creates(stub))) == ("needs_person", True, 2, 1)
    assert order.reason == "Tenovi’s list shows no trace of this order."


NOT_MINE = {
    "another patient's": created(5, patient="mrn-2"),
    "another device": created(5, name="Tenovi BPM - L"),
    "from long ago": {**wire_device(5, "mrn-7781", name=SCALE)},
}


@pytest.mark.parametrize("row", NOT_MINE.values(), ids=NOT_MINE)
def test_what_is_not_the_order_is_not_taken_for_it(
    stub: VendorStub, clinic: Clinic, patient: Patient, row: dict[str, Any]
) -> None:
    order = doubted(stub, clinic, patient, wire_page(row))
    assert (order.state, order.found) == ("unknown", 0)


def test_a_device_that_was_known_before_is_not_the_order(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    Device.objects.create(clinic=clinic, hwi_device_id=uuid.UUID(int=5))
    assert doubted(stub, clinic, patient, wire_page(created(5))).found == 0


def test_with_two_matches_a_person_chooses_and_sees_both(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    order = doubted(stub, clinic, patient, wire_page(created(5), created(6)))
    assert (order.state, order.found) == ("needs_person", 2)
    (step,) = OrderStep.objects.for_clinic(clinic).filter(order=order, what="looked")
    assert [one["hwi_device_id"] for one in step.detail["found"]] == [str(uuid.UUID(int=n)) for n in (5, 6)]
    chosen = Device.objects.for_clinic(clinic).get(hwi_device_id=uuid.UUID(int=6))
    order = adopt_match(order=order, device=chosen, by=admin_of(clinic))
    assert (order.state, order.device) == ("confirmed", chosen)
    assert AuditEvent.objects.get(action="order_adopted").actor_label == "admin@alpha.test"


def test_only_a_device_that_can_be_the_order_may_be_chosen(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    order = doubted(stub, clinic, patient, wire_page(created(5), created(6)))
    other = Device.objects.create(clinic=clinic, hwi_device_id=uuid.UUID(int=9))
    with pytest.raises(ValueError, match="cannot be"):
        adopt_match(order=order, device=other, by=admin_of(clinic))


def test_two_lost_orders_of_the_same_device_are_told_apart_by_a_person(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    create_fails(stub, LOST, LOST, wire_page(created(5)))
    first, second = place_one(clinic, patient), place_one(clinic, patient, again=True)
    run(clinic, 3)
    assert {fresh(first).state, fresh(second).state} == {"needs_person"}
    assert Order.objects.for_clinic(clinic).filter(device__isnull=False).count() == 0


def test_a_list_on_several_pages_is_one_look(stub: VendorStub, clinic: Clinic, patient: Patient) -> None:
    order = doubted(stub, clinic, patient, wire_page(then=2), wire_page(created(5)))
    run(clinic)
    assert (fresh(order).state, looks(stub)) == ("confirmed", 2)


def test_a_list_with_an_unreadable_row_proves_nothing(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    order = doubted(stub, clinic, patient, wire_page({"odd": 1}))
    assert order.state == "needs_person"
    assert "could not be read" in order.reason


def test_a_list_that_cannot_be_read_at_all_ends_with_a_person(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    order = doubted(stub, clinic, patient, Reply(400, {}))
    assert (order.state, len(creates(stub))) == ("needs_person", 1)
    assert "could not be read" in order.reason


def test_the_list_is_read_under_each_spelling_of_the_patients_id(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    Device.objects.create(clinic=clinic, hwi_device_id=uuid.UUID(int=1), vendor_patient_id="MRN-7781")
    doubted(stub, clinic, patient, wire_page())
    asked = [asked.query for asked in stub.asked if asked.method == "GET"]
    assert sum("patient__external_id=MRN-7781" in query for query in asked) == 1
    assert sum("patient__external_id=mrn-7781" in query for query in asked) == 1


def test_a_shipping_event_for_an_unknown_device_is_evidence_too(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    order = lost(stub, clinic, patient)
    stub.reply(f"{DEVICES}{uuid.UUID(int=5)}/", Reply(200, created(5)))
    news = {"hwi_device_id": str(uuid.UUID(int=5)), "patient_id": "mrn-7781", "status": "Shipped"}
    deliver(clinic, news, kind="fulfillment")
    ask_about_unknown_devices()
    run(clinic)
    assert adopt_what_turned_up() == 1
    assert fresh(order).state == "confirmed"


# Asked too often.


def test_an_order_the_vendor_put_off_is_sent_again_when_no_trace_is_there(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    create_fails(stub, Reply(429, {}), wire_page(), Reply(201, created(5)))
    order = place_one(clinic, patient)
    run_despite_pauses(clinic, 3)
    assert (fresh(order).state, fresh(order).sends, len(creates(stub))) == ("confirmed", 2, 2)
    assert [asked.method for asked in stub.asked] == ["POST", "GET", "POST"]


def test_an_order_the_vendor_put_off_but_took_is_not_sent_again(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    create_fails(stub, Reply(429, {}), wire_page(created(5)))
    order = place_one(clinic, patient)
    run_despite_pauses(clinic, 3)
    assert (fresh(order).state, len(creates(stub))) == ("confirmed", 1)


def run_despite_pauses(clinic: Clinic, times: int) -> None:
    for _ in range(times):
        run(clinic)
        ParkedKey.objects.all().delete()


# A process that died.


def dies(clinic: Clinic, *, while_sending: bool, order: Order) -> None:
    if while_sending:
        Order.objects.for_clinic(clinic).filter(id=order.id).update(
            state="sending", sends=1, first_sent_at=timezone.now()
        )
    Request.objects.for_clinic(clinic).update(state="sending", claim=uuid.uuid4(), attempts=1)


def test_an_order_that_its_process_had_not_marked_yet_is_sent_after_all(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    stub.reply(DEVICES, Reply(201, created(5)))
    order = place_one(clinic, patient)
    dies(clinic, while_sending=False, order=order)
    run(clinic, 2)
    assert (fresh(order).state, len(creates(stub))) == ("confirmed", 1)


def test_an_order_whose_process_died_while_sending_is_looked_for_and_not_sent_again(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    stub.reply(DEVICES, wire_page())
    order = place_one(clinic, patient)
    dies(clinic, while_sending=True, order=order)
    run(clinic, 2)
    assert (fresh(order).state, creates(stub)) == ("unknown", [])
    later(order)
    assert (fresh(order).state, creates(stub)) == ("needs_person", [])


def test_an_order_whose_request_is_gone_is_sent_or_looked_for(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    waiting, sending = place_one(clinic, patient), place_one(clinic, patient, shipped(BPM))
    dies(clinic, while_sending=True, order=sending)
    Request.objects.for_clinic(clinic).delete()
    assert mend() == 2
    kinds = Request.objects.for_clinic(clinic).order_by("kind").values_list("kind", flat=True)
    assert list(kinds) == ["devices.create", "devices.of_patient"]
    assert (fresh(waiting).state, fresh(sending).state) == ("queued", "unknown")


# What a person may do.


def test_sending_again_needs_a_reason_which_is_kept(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    order = lost(stub, clinic, patient)
    by = admin_of(clinic)
    with pytest.raises(ValueError, match="Say why"):
        send_again(order=order, by=by, reason=" ")
    stub.reply(DEVICES, Reply(201, created(5)))
    send_again(order=order, by=by, reason="Tenovi said on the phone that they have nothing.")
    run(clinic)
    assert (fresh(order).state, fresh(order).sends) == ("confirmed", 2)
    event = AuditEvent.objects.get(action="order_sent_again", actor_id=by.id)
    assert event.detail["reason"] == "Tenovi said on the phone that they have nothing."


def test_only_an_order_that_waits_for_a_person_is_sent_again(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    order = place_one(clinic, patient)
    with pytest.raises(TooLate):
        send_again(order=order, by=admin_of(clinic), reason="because")


def test_a_lost_order_is_given_up_with_a_reason_and_another_may_be_placed(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    order = lost(stub, clinic, patient)
    with pytest.raises(ValueError, match="Say why"):
        cancel_order(order=order, by=admin_of(clinic))
    assert cancel_order(order=order, by=admin_of(clinic), reason="moved away").state == "cancelled"
    assert not Request.objects.for_clinic(clinic).filter(kind=RequestKind.DEVICE_CREATE).exists()
    assert place_one(clinic, patient).state == "queued"


def test_an_order_that_waits_is_taken_back_and_never_sent(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    order = place_one(clinic, patient)
    cancel_order(order=order, by=admin_of(clinic))
    run(clinic)
    assert (fresh(order).state, fresh(order).is_open, stub.asked) == ("cancelled", False, [])


def test_an_order_on_its_way_cannot_be_taken_back(stub: VendorStub, clinic: Clinic, patient: Patient) -> None:
    order = place_one(clinic, patient)
    Request.objects.for_clinic(clinic).update(state="sending", claim=uuid.uuid4(), attempts=1)
    with pytest.raises(TooLate):
        cancel_order(order=order, by=admin_of(clinic))


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
    make_patient(clinic, "another")
    lines = AuditEvent.objects.filter(action__startswith="order_")
    assert [line.action for line in lines.order_by("id")] == ["order_placed", "order_sent", "order_refused"]
    said = json.dumps([line.detail for line in lines])
    assert "Test Person" not in said
    assert "Irvine" not in said
    assert "device.fulfillment_request.shipping_city" in said
