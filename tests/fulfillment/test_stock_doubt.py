"""An activation into stock whose answer was lost: its hardware tells what came of it, and nobody else's
device is ever taken for it."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from clinics.models import Clinic
from devices.from_vendor import ask_about_unknown_devices
from devices.models import Device
from fulfillment.at_most_once.search import adopt_what_turned_up, mend
from fulfillment.models import Order
from fulfillment.orders.actions import cancel_order, send_again
from fulfillment.orders.candidates import candidates_for
from fulfillment.orders.policy import ORDERS
from tenovi.models import ParkedKey, Request, RequestKind
from tests.factories import assign, deliver, make_clinic, make_device
from tests.fulfillment.ordering import (
    BPM,
    GATEWAY,
    HAILIE,
    LOST,
    SCALE,
    activated,
    admin_of,
    creates,
    fresh,
    handed_over,
    later,
    offer,
    place_one,
    run,
    searches,
    somebody,
    steps_of,
)
from tests.vendor import DEVICES, vendor_clinic, wire_page
from tests.vendor_stub import Reply, VendorStub

pytestmark = pytest.mark.django_db(transaction=True)
OTHER = "0123456789AC"


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    clinic = vendor_clinic()
    offer(clinic)
    return clinic


def unconfirmed(stub: VendorStub, clinic: Clinic, *then: Reply, reply: Reply = LOST) -> Order:
    """Its create brought no usable answer; the order after the first look."""
    stub.reply(DEVICES, reply, *then)
    order = place_one(clinic, None, handed_over())
    run(clinic, 2)
    return fresh(order)


def lost(stub: VendorStub, clinic: Clinic) -> Order:
    """Without a trace after two looks."""
    order = unconfirmed(stub, clinic, wire_page())
    later(order)
    return fresh(order)


def test_it_is_looked_for_by_its_hardware_and_the_one_match_adopted(stub: VendorStub, clinic: Clinic) -> None:
    order = unconfirmed(stub, clinic, wire_page(activated(5, "01-23-45-67-89-ab")))
    assert (order.state, len(creates(stub))) == ("confirmed", 1)
    assert order.device is not None
    assert order.device.hwi_device_id == uuid.UUID(int=5)
    assert steps_of(order) == ["placed", "sent", "doubted", "looked", "adopted"]
    (asked,) = [asked.query for asked in stub.asked if asked.method == "GET"]
    assert f"device__hardware_uuid__iexact={GATEWAY}" in asked
    assert "patient__external_id" not in asked
    assert not Request.objects.for_clinic(clinic).exists()


NOT_MINE: dict[str, dict[str, Any]] = {
    "a patient's": {"patient": "mrn-2"},
    "other hardware": {"hardware_uuid": OTHER},
    "no hardware": {"hardware_uuid": None},
    "another device": {"name": BPM},
    "another sensor": {"sensor_id": "H-9"},
    "from long ago": {"created": "2025-03-04T15:02:11.204917Z"},
}


@pytest.mark.parametrize("said", NOT_MINE.values(), ids=NOT_MINE)
def test_what_is_not_the_order_is_not_taken_for_it(
    stub: VendorStub, clinic: Clinic, said: dict[str, Any]
) -> None:
    order = unconfirmed(stub, clinic, wire_page(activated(5, **said)))
    assert (order.state, order.matches) == ("unknown", 0)


def test_a_device_that_was_known_before_is_not_the_order(stub: VendorStub, clinic: Clinic) -> None:
    Device.objects.create(clinic=clinic, hwi_device_id=uuid.UUID(int=5))
    assert unconfirmed(stub, clinic, wire_page(activated(5))).matches == 0


def test_a_device_that_somebody_got_here_meanwhile_is_theirs(stub: VendorStub, clinic: Clinic) -> None:
    order = lost(stub, clinic)
    device = make_device(
        clinic, name=SCALE, sensor_code="13", hardware_uuid=GATEWAY, vendor_created_at=timezone.now()
    )
    assign(device, somebody(clinic), starts_at=timezone.now())
    assert adopt_what_turned_up(ORDERS) == 0
    assert fresh(order).state == "needs_person"


@pytest.mark.parametrize("whose", ["a patient's", "other hardware", "no hardware"])
def test_an_answer_about_something_else_is_a_doubt(stub: VendorStub, clinic: Clinic, whose: str) -> None:
    answer = Reply(201, activated(5, **NOT_MINE[whose]))
    order = unconfirmed(stub, clinic, wire_page(activated(6)), reply=answer)
    assert (order.state, len(creates(stub))) == ("confirmed", 1)
    assert order.device is not None
    assert order.device.hwi_device_id == uuid.UUID(int=6)


def test_without_a_trace_a_person_decides_and_may_send_again(stub: VendorStub, clinic: Clinic) -> None:
    order = lost(stub, clinic)
    assert (order.state, order.is_open, searches(stub), len(creates(stub))) == ("needs_person", True, 2, 1)
    stub.reply(DEVICES, Reply(201, activated(5)))
    send_again(order=order, by=admin_of(clinic), reason="Tenovi has nothing.")
    run(clinic)
    assert (fresh(order).state, fresh(order).sends) == ("confirmed", 2)


def test_given_up_it_frees_its_hardware(stub: VendorStub, clinic: Clinic) -> None:
    order = lost(stub, clinic)
    cancel_order(order=order, by=admin_of(clinic), reason="broken")
    assert place_one(clinic, None, handed_over()).state == "queued"


def test_put_off_without_a_trace_it_is_sent_again(stub: VendorStub, clinic: Clinic) -> None:
    stub.reply(DEVICES, Reply(429, {}), wire_page(), Reply(201, activated(5)))
    order = place_one(clinic, None, handed_over())
    for _ in range(3):
        run(clinic)
        ParkedKey.objects.all().delete()
    assert (fresh(order).state, [asked.method for asked in stub.asked]) == (
        "confirmed",
        ["POST", "GET", "POST"],
    )


def test_two_sensors_on_one_gateway_are_a_persons_to_tell_apart(stub: VendorStub, clinic: Clinic) -> None:
    record = activated(5, name=HAILIE, sensor_code="25")
    stub.reply(DEVICES, LOST, LOST, wire_page(record))
    first = place_one(clinic, None, handed_over(HAILIE, sensor_id="H-1"))
    second = place_one(clinic, None, handed_over(HAILIE, sensor_id="H-2"))
    run(clinic, 3)
    assert {fresh(first).state, fresh(second).state} == {"needs_person"}


def test_a_patients_sensor_in_doubt_on_the_same_gateway_is_no_ones_yet(
    stub: VendorStub, clinic: Clinic
) -> None:
    """The vendor's record may leave the patient out."""
    record = activated(5, name=HAILIE, sensor_code="25")
    stub.reply(DEVICES, LOST, LOST, wire_page(record))
    theirs = place_one(clinic, somebody(clinic), handed_over(HAILIE, sensor_id="H-1"))
    order = place_one(clinic, None, handed_over(HAILIE, sensor_id="H-2"))
    run(clinic, 3)
    assert fresh(order).state == "needs_person"
    assert fresh(theirs).device is None


def test_a_patient_whose_id_looks_like_the_hardware_is_looked_up_apart(
    stub: VendorStub, clinic: Clinic
) -> None:
    stub.reply(DEVICES, LOST, LOST, wire_page())
    order = place_one(clinic, None, handed_over())
    theirs = place_one(clinic, somebody(clinic, GATEWAY))
    run(clinic, 2)
    assert {fresh(order).searches, fresh(theirs).searches} == {1}
    asked = [one.query.partition("=")[0] for one in stub.work if one.method == "GET"]
    assert sorted(asked) == ["device__hardware_uuid__iexact", "patient__external_id"]


def test_a_look_whose_request_is_gone_begins_again(stub: VendorStub, clinic: Clinic) -> None:
    stub.reply(DEVICES, LOST, LOST, wire_page(activated(5)))
    order = place_one(clinic, None, handed_over())
    run(clinic)
    assert fresh(order).unread_lists == [GATEWAY]
    assert mend(ORDERS) == 0
    Request.objects.for_clinic(clinic).filter(kind=RequestKind.DEVICES_ON_HARDWARE).delete()
    assert mend(ORDERS) == 1
    run(clinic)
    assert fresh(order).state == "confirmed"


def test_an_event_for_an_unknown_device_is_evidence_too(stub: VendorStub, clinic: Clinic) -> None:
    order = lost(stub, clinic)
    stub.reply(f"{DEVICES}{uuid.UUID(int=5)}/", Reply(200, activated(5)))
    news = {"hwi_device_id": str(uuid.UUID(int=5)), "patient_id": "", "status": "Delivered"}
    deliver(clinic, news, kind="fulfillment")
    ask_about_unknown_devices()
    run(clinic)
    assert adopt_what_turned_up(ORDERS) == 1
    assert fresh(order).state == "confirmed"


HOURS = datetime.timedelta(hours=1)
DEVICES_AT_VENDOR = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from([SCALE, BPM]),
            "hardware_uuid": st.sampled_from([GATEWAY, OTHER, ""]),
            "vendor_patient_id": st.sampled_from(["", "mrn-1"]),
            "sensor_id": st.sampled_from(["", "H-1"]),
            "age": st.sampled_from([-2 * HOURS, 0 * HOURS, 2 * HOURS, None]),
            "is_known_before": st.booleans(),
            "is_held": st.booleans(),
            "is_claimed": st.booleans(),
        }
    ),
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(rows=DEVICES_AT_VENDOR)
def test_only_a_device_that_is_new_on_the_hardware_and_nobodys_can_be_it(rows: list[dict[str, Any]]) -> None:
    clinic = make_clinic(f"of-{uuid.uuid4().hex[:12]}")
    sent = timezone.now()
    order = make_stock_order(clinic, sent)
    mine = {make_row(clinic, row, sent).id for row in rows if could_be_it(row)}
    for row in rows:
        if not could_be_it(row):
            make_row(clinic, row, sent)
    assert set(candidates_for(order).values_list("id", flat=True)) == mine


def could_be_it(row: dict[str, Any]) -> bool:
    is_bad = (
        row["is_known_before"]
        or row["is_held"]
        or row["is_claimed"]
        or row["vendor_patient_id"]
        or row["sensor_id"]
    )
    return (
        not is_bad
        and (row["name"], row["hardware_uuid"]) == (SCALE, GATEWAY)
        and row["age"] in (None, 0 * HOURS)
    )


def make_stock_order(clinic: Clinic, sent: datetime.datetime, **fields: Any) -> Order:
    doubt = {"state": "needs_person", "sends": 1, "first_sent_at": sent, "unconfirmed_at": sent}
    return Order.objects.create(
        clinic=clinic,
        placed_by=admin_of(clinic),
        **{
            "device_name": SCALE,
            "ship_by": "on_site",
            "hardware_uuid": GATEWAY,
            "idempotency_key": str(uuid.uuid4()),
            **doubt,
            **fields,
        },
    )


def make_row(clinic: Clinic, row: dict[str, Any], sent: datetime.datetime) -> Device:
    said = ("name", "hardware_uuid", "vendor_patient_id", "sensor_id")
    made = None if row["age"] is None else sent + row["age"]
    device = make_device(clinic, **{name: row[name] for name in said}, vendor_created_at=made)
    if row["is_known_before"]:
        Device.objects.for_clinic(clinic).filter(id=device.id).update(created_at=sent - HOURS)
    if row["is_held"]:
        assign(device, somebody(clinic, str(device.id)))
    if row["is_claimed"]:
        make_stock_order(clinic, sent, hardware_uuid=OTHER, state="confirmed", device=device, is_open=False)
    return device
