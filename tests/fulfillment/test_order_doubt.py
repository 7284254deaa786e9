"""An order whose answer was lost: never repeated, looked for until it is found or a person decides."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import pytest
from django.utils import timezone

from clinics.models import AuditEvent, Clinic
from devices.from_vendor import ask_about_unknown_devices
from devices.models import Device
from fulfillment.at_most_once.search import adopt_what_turned_up, mend
from fulfillment.models import Order, RequestEvent
from fulfillment.orders.actions import TooLate, adopt_match, cancel_order, send_again
from fulfillment.orders.policy import ORDERS
from patients.models import Patient
from tenovi.models import ParkedKey, Request, RequestKind
from tenovi.outbound.enqueue import enqueue
from tests.factories import deliver
from tests.fulfillment.ordering import (
    BPM,
    LOST,
    SCALE,
    admin_of,
    created,
    creates,
    fresh,
    later,
    lost,
    offer,
    place_one,
    run,
    searches,
    shipped,
    somebody,
    steps_of,
    unconfirmed,
)
from tests.vendor import DEVICES, vendor_clinic, wire_device, wire_page
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


# Every list that may show it.


@pytest.mark.parametrize("reply", [Reply(429, {}), LOST])
def test_nothing_is_decided_before_every_spelling_of_the_patients_id_was_looked_up(
    stub: VendorStub, clinic: Clinic, reply: Reply
) -> None:
    Device.objects.create(clinic=clinic, hwi_device_id=uuid.UUID(int=9), vendor_patient_id="mrn-7781")
    patient = somebody(clinic, "MRN-7781")
    order = unconfirmed(stub, clinic, patient, wire_page(), wire_page(created(5)), reply=reply)
    run_despite_pauses(clinic, 3)
    order = fresh(order)
    assert (order.state, looks_for_patient(stub), len(creates(stub))) == ("confirmed", 2, 1)
    assert order.device is not None
    assert order.device.hwi_device_id == uuid.UUID(int=5)


def test_two_matches_under_two_spellings_are_a_persons_to_decide(stub: VendorStub, clinic: Clinic) -> None:
    Device.objects.create(clinic=clinic, hwi_device_id=uuid.UUID(int=9), vendor_patient_id="mrn-7781")
    patient = somebody(clinic, "MRN-7781")
    order = unconfirmed(
        stub, clinic, patient, wire_page(created(5, patient="MRN-7781")), wire_page(created(6))
    )
    run(clinic)
    assert (fresh(order).state, fresh(order).matches) == ("needs_person", 2)


def test_a_list_that_was_half_read_before_the_doubt_is_read_from_its_start(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    stub.reply(DEVICES, wire_page({"odd": 1}, then=2), LOST, LOST, wire_page())
    enqueue(clinic, RequestKind.DEVICES_OF_PATIENT, patient.external_id)
    run(clinic)
    order = place_one(clinic, patient)
    run(clinic)
    assert [
        asked.query[-len("page=1&page_size=500") :] for asked in stub.asked if "external_id" in asked.query
    ][-1] == "page=1&page_size=500"
    assert (fresh(order).state, fresh(order).searches) == ("unknown", 1)


def test_a_look_whose_request_somebody_deleted_begins_again(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    stub.reply(DEVICES, LOST, LOST, wire_page(created(5)))
    order = place_one(clinic, patient)
    run(clinic)
    assert fresh(order).unread_lists == [patient.external_id]
    Request.objects.for_clinic(clinic).filter(kind=RequestKind.DEVICES_OF_PATIENT).delete()
    assert mend(ORDERS) == 1
    run(clinic)
    assert fresh(order).state == "confirmed"
    assert mend(ORDERS) == 0


def looks_for_patient(stub: VendorStub) -> int:
    return sum("patient__external_id" in asked.query for asked in stub.asked)


# Doubt.


def test_a_lost_answer_is_looked_for_at_once_and_the_one_match_adopted(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    order = unconfirmed(stub, clinic, patient, wire_page(created(5)))
    assert (order.state, len(creates(stub))) == ("confirmed", 1)
    assert order.device is not None
    assert order.device.hwi_device_id == uuid.UUID(int=5)
    assert steps_of(order) == ["placed", "sent", "doubted", "looked", "adopted"]
    assert not Request.objects.for_clinic(clinic).exists()


def test_after_two_looks_without_a_trace_a_person_is_asked_and_nothing_was_sent_twice(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    order = unconfirmed(stub, clinic, patient, wire_page())
    assert (order.state, order.searches) == ("unknown", 1)
    assert order.search_due_at is not None
    assert order.search_due_at - timezone.now() > datetime.timedelta(minutes=9)
    run(clinic, 3)
    assert (fresh(order).state, searches(stub)) == ("unknown", 1)
    later(order)
    order = fresh(order)
    assert (order.state, order.is_open, searches(stub), len(creates(stub))) == ("needs_person", True, 2, 1)
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
    order = unconfirmed(stub, clinic, patient, wire_page(row))
    assert (order.state, order.matches) == ("unknown", 0)


def test_a_device_that_was_known_before_is_not_the_order(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    Device.objects.create(clinic=clinic, hwi_device_id=uuid.UUID(int=5))
    assert unconfirmed(stub, clinic, patient, wire_page(created(5))).matches == 0


def test_with_two_matches_a_person_chooses_and_sees_both(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    order = unconfirmed(stub, clinic, patient, wire_page(created(5), created(6)))
    assert (order.state, order.matches) == ("needs_person", 2)
    (step,) = RequestEvent.objects.for_clinic(clinic).filter(order=order, what="looked")
    assert [one["hwi_device_id"] for one in step.detail["found"]] == [str(uuid.UUID(int=n)) for n in (5, 6)]
    chosen = Device.objects.for_clinic(clinic).get(hwi_device_id=uuid.UUID(int=6))
    order = adopt_match(order=order, device=chosen, by=admin_of(clinic))
    assert (order.state, order.device) == ("confirmed", chosen)
    assert AuditEvent.objects.get(action="order_adopted").actor_label == "admin@alpha.test"


def test_only_a_device_that_can_be_the_order_may_be_chosen(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    order = unconfirmed(stub, clinic, patient, wire_page(created(5), created(6)))
    other = Device.objects.create(clinic=clinic, hwi_device_id=uuid.UUID(int=9))
    with pytest.raises(ValueError, match="cannot be"):
        adopt_match(order=order, device=other, by=admin_of(clinic))


def test_two_lost_orders_of_the_same_device_are_told_apart_by_a_person(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    stub.reply(DEVICES, LOST, LOST, wire_page(created(5)))
    first, second = place_one(clinic, patient), place_one(clinic, patient, again=True)
    run(clinic, 3)
    assert {fresh(first).state, fresh(second).state} == {"needs_person"}
    assert Order.objects.for_clinic(clinic).filter(device__isnull=False).count() == 0


def test_a_list_on_several_pages_is_one_look(stub: VendorStub, clinic: Clinic, patient: Patient) -> None:
    order = unconfirmed(stub, clinic, patient, wire_page(then=2), wire_page(created(5)))
    run(clinic)
    assert (fresh(order).state, searches(stub)) == ("confirmed", 2)


def test_a_list_with_an_unreadable_row_proves_nothing(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    order = unconfirmed(stub, clinic, patient, wire_page({"odd": 1}))
    assert order.state == "needs_person"
    assert "could not be read" in order.reason


def test_a_list_that_cannot_be_read_at_all_ends_with_a_person(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    order = unconfirmed(stub, clinic, patient, Reply(400, {}))
    assert (order.state, len(creates(stub))) == ("needs_person", 1)
    assert "could not be read" in order.reason


def test_the_list_is_read_under_each_spelling_of_the_patients_id(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    Device.objects.create(clinic=clinic, hwi_device_id=uuid.UUID(int=1), vendor_patient_id="MRN-7781")
    unconfirmed(stub, clinic, patient, wire_page())
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
    assert adopt_what_turned_up(ORDERS) == 1
    assert fresh(order).state == "confirmed"


# Asked too often.


def test_an_order_the_vendor_put_off_is_sent_again_when_no_trace_is_there(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    stub.reply(DEVICES, Reply(429, {}), wire_page(), Reply(201, created(5)))
    order = place_one(clinic, patient)
    run_despite_pauses(clinic, 3)
    assert (fresh(order).state, fresh(order).sends, len(creates(stub))) == ("confirmed", 2, 2)
    assert [asked.method for asked in stub.asked] == ["POST", "GET", "POST"]


def test_an_order_the_vendor_put_off_but_took_is_not_sent_again(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    stub.reply(DEVICES, Reply(429, {}), wire_page(created(5)))
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
    assert mend(ORDERS) == 2
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
