"""What waits in quarantine, and what people do about it: all of a device at once, on the record, undoable."""

from __future__ import annotations

import datetime
import json
import uuid
from typing import Any

import pytest
from django.core import mail
from django.db.models import F
from django.test import Client

from clinics.models import AuditEvent, Clinic
from measurements.models import Measurement
from tenovi.inbound.reasons import QUARANTINED, sentence
from tenovi.models import Delivery, DeliveryItem, Priority, Request, RequestKind
from tests.clinics.signing_in import letters_to
from tests.factories import assign, deliver, element, held_device, make_clinic, make_device, make_patient
from tests.measurements.test_waiting_rows import fetch
from tests.pages import signed_in, text_of

pytestmark = pytest.mark.django_db

PAGE = "/c/alpha/deliveries/waiting/"
ACCEPT = f"{PAGE}accept/"
DEVICE = uuid.UUID(int=99, version=4)


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def admin(clinic: Clinic) -> Client:
    return signed_in(clinic, "clinic_admin")


def post(browser: Client, do: str, path: str = PAGE, **fields: Any) -> str:
    wanted = {"do": do, "device": str(DEVICE), "kind": "measurements", "reason": "unknown_device", **fields}
    return text_of(browser.post(path, wanted, follow=True))


def states(clinic: Clinic) -> list[tuple[str, str]]:
    found = DeliveryItem.objects.for_clinic(clinic).order_by("delivery__received_at", "index")
    return list(found.values_list("state", "reason"))


def make_wait(clinic: Clinic, reason: str, times: int = 1) -> None:
    for _ in range(times):
        deliver(clinic, element(DEVICE))
    DeliveryItem.objects.for_clinic(clinic).update(reason=reason)


def test_what_waits_is_grouped_by_device_and_reason_with_its_age(clinic: Clinic, admin: Client) -> None:
    deliver(clinic, [element(DEVICE), element(DEVICE, value_1=99), element(uuid.uuid4())])
    deliver(clinic, element(held_device(clinic), value_1=None))
    Delivery.objects.for_clinic(clinic).update(received_at=F("received_at") - datetime.timedelta(hours=30))
    page = text_of(admin.get(PAGE))
    assert "4 elements of what Tenovi sent wait for a decision" in page
    assert "4 for more than a day" in page
    assert page.count(str(DEVICE)) >= 1
    for reason in ("unknown_device", "value_missing"):
        assert sentence(reason) in page
    assert "Discard 2" in page


def test_nothing_waits_is_said(admin: Client) -> None:
    assert "Nothing waits for a decision." in text_of(admin.get(PAGE))


@pytest.mark.parametrize("role", ["clinic_admin", "operator"])
@pytest.mark.parametrize("reason", QUARANTINED)
def test_what_is_discarded_waits_no_more_and_can_be_taken_back(
    clinic: Clinic, role: str, reason: str
) -> None:
    browser = signed_in(clinic, role)
    make_wait(clinic, reason, times=2)
    assert "Discard 2" in text_of(browser.get(PAGE))
    said = post(browser, "discard", reason=reason, note="the cuff was tried out at the clinic")
    assert "2 elements discarded." in said
    assert "the cuff was tried out at the clinic" in said
    assert states(clinic) == [("discarded", reason)] * 2
    assert set(Delivery.objects.for_clinic(clinic).values_list("state", flat=True)) == {"settled"}
    assert "2 elements taken back." in post(browser, "take_back", reason=reason)
    assert [state for state, _ in states(clinic)] == ["quarantined"] * 2
    assert set(Delivery.objects.for_clinic(clinic).values_list("state", flat=True)) == {"quarantined"}
    record = AuditEvent.objects.filter(action__startswith="elements_").order_by("id")
    assert [event.action for event in record] == ["elements_discarded", "elements_taken_back"]
    assert record[0].detail["why"] == "the cuff was tried out at the clinic"


def test_without_a_reason_nothing_is_discarded(clinic: Clinic, admin: Client) -> None:
    make_wait(clinic, "unknown_device")
    assert "Say why" in post(admin, "discard", note="  ")
    assert states(clinic) == [("quarantined", "unknown_device")]


def test_what_was_discarded_and_is_good_by_now_is_stored_when_it_is_taken_back(
    clinic: Clinic, admin: Client
) -> None:
    make_wait(clinic, "unknown_device")
    post(admin, "discard", note="not ours")
    assign(make_device(clinic, hwi_device_id=DEVICE), make_patient(clinic))
    post(admin, "take_back")
    assert states(clinic) == [("stored", "")]
    assert Measurement.objects.for_clinic(clinic).count() == 1


def test_what_was_discarded_does_not_come_back_with_the_next_fetch(clinic: Clinic, admin: Client) -> None:
    deliver(clinic, element(DEVICE))
    post(admin, "discard", note="not ours")
    fetch(clinic, json.dumps(element(DEVICE, value_1="131.00", value_2="82.00")).encode())
    assert states(clinic) == [("discarded", "unknown_device")]


def test_one_element_can_be_taken_back_by_itself(clinic: Clinic, admin: Client) -> None:
    make_wait(clinic, "unknown_device", times=2)
    post(admin, "discard", note="not ours")
    one = DeliveryItem.objects.for_clinic(clinic).earliest("id")
    page = admin.get(f"/c/alpha/deliveries/{one.delivery_id}/")
    assert "clinic_admin@alpha.test: not ours" in text_of(page)
    admin.post(PAGE, {"do": "take_back", "item": one.id})
    assert sorted(state for state, _ in states(clinic)) == ["discarded", "quarantined"]


def wrong_patient(clinic: Clinic) -> None:
    device = make_device(clinic, hwi_device_id=DEVICE)
    assign(device, make_patient(clinic, "holder", name="Ada Holder"))
    make_patient(clinic, "mrn-otto", name="Otto Other")
    deliver(clinic, [element(DEVICE, patient_id="mrn-otto", value_1=value) for value in (120, 121)])
    assert states(clinic) == [("quarantined", "wrong_patient")] * 2


def test_an_admin_says_that_readings_are_the_holders_and_they_are_stored(
    clinic: Clinic, admin: Client
) -> None:
    wrong_patient(clinic)
    page = text_of(admin.get(PAGE))
    assert "Tenovi names Otto Other" in page
    assert "Here it is held by Ada Holder" in page
    assert "Say who has the device" in page
    why = {"reason": "wrong_patient", "note": "she rang us"}
    assert "2 elements accepted as the holder’s." in post(admin, "accept", ACCEPT, **why)
    assert states(clinic) == [("stored", "")] * 2
    whose = Measurement.objects.for_clinic(clinic).values_list("patient__external_id", flat=True)
    assert set(whose) == {"holder"}
    event = AuditEvent.objects.get(action="elements_accepted_for_holder")
    assert (event.detail["elements"], event.detail["why"]) == (2, "she rang us")


def test_an_operator_neither_sees_nor_decides_whose_they_are(clinic: Clinic) -> None:
    wrong_patient(clinic)
    operator = signed_in(clinic, "operator")
    page = text_of(operator.get(PAGE))
    for hidden in ("Otto", "Ada", "mrn-otto", "Say who has the device", "It is the holder’s"):
        assert hidden not in page
    denied = operator.post(ACCEPT, {"device": str(DEVICE), "reason": "wrong_patient", "note": "x"})
    assert denied.status_code == 403
    assert states(clinic) == [("quarantined", "wrong_patient")] * 2


def test_only_what_is_in_doubt_for_its_patient_can_be_accepted(clinic: Clinic, admin: Client) -> None:
    make_wait(clinic, "value_impossible")
    said = post(admin, "accept", ACCEPT, reason="value_impossible", note="trust me")
    assert "None of that waits any more." in said
    assert states(clinic) == [("quarantined", "value_impossible")]


def test_tenovi_is_asked_again_about_a_device_before_other_work(clinic: Clinic, admin: Client) -> None:
    make_wait(clinic, "unknown_device")
    assert "Tenovi is asked about this device." in post(admin, "ask")
    asked = Request.objects.for_clinic(clinic).get(kind=RequestKind.DEVICE)
    assert (asked.target, asked.priority) == (str(DEVICE), Priority.PERSON)
    assert AuditEvent.objects.filter(action="vendor_asked_about_device").exists()


def test_all_of_a_group_is_tried_again(clinic: Clinic, admin: Client) -> None:
    make_wait(clinic, "internal_error", times=2)
    assign(make_device(clinic, hwi_device_id=DEVICE), make_patient(clinic))
    assert "Tried again; 0 of these still wait." in post(admin, "settle", reason="internal_error")
    assert sorted(state for state, _ in states(clinic)) == ["duplicate", "stored"]


@pytest.mark.django_db(transaction=True)
def test_an_operator_tells_the_clinics_admins_without_saying_whose(clinic: Clinic, admin: Client) -> None:
    wrong_patient(clinic)
    operator = signed_in(clinic, "operator")
    assert "Tell the clinic" in text_of(operator.get(PAGE))
    assert "Tell the clinic" not in text_of(admin.get(PAGE))
    assert "1 letter sent to the clinic’s admins." in post(operator, "tell", reason="wrong_patient")
    (letter,) = letters_to("clinic_admin@alpha.test")
    text = f"{mail.outbox[0].subject} {letter}"
    assert "/c/alpha/deliveries/waiting/" in text
    assert sentence("wrong_patient") in text
    assert not any(word in text for word in ("Otto", "Ada", "mrn-otto", "holder", str(DEVICE)))
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("do", ["discard", "take_back", "settle", "ask", "tell", "", "accept"])
@pytest.mark.parametrize(
    "fields", [{"device": "x"}, {"item": "x"}, {"item": "9" * 30}, {"reason": "\0" * 90}, {"kind": "?"}]
)
def test_what_makes_no_sense_changes_nothing(
    clinic: Clinic, admin: Client, do: str, fields: dict[str, str]
) -> None:
    make_wait(clinic, "unknown_device")
    post(admin, do, note="why\0", **fields)
    assert states(clinic) == [("quarantined", "unknown_device")]


def test_another_clinics_elements_are_out_of_reach(clinic: Clinic, admin: Client) -> None:
    beta = make_clinic("beta")
    make_wait(beta, "unknown_device")
    theirs = DeliveryItem.objects.for_clinic(beta).get()
    for fields in ({}, {"item": str(theirs.id)}):
        assert "None of that waits any more." in post(admin, "discard", note="x", **fields)
    assert states(beta) == [("quarantined", "unknown_device")]
