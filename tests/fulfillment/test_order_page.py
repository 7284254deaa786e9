"""The page of one order: where it is, what happened, and what a person can decide."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from clinics.models import Clinic, Role
from fulfillment.models import Order, RequestEvent
from patients.models import Patient
from tenovi.models import Request
from tests.factories import assign, deliver, make_clinic, make_device, make_order, make_user
from tests.fulfillment.ordering import GATEWAY, SCALE, fresh, offer, place_one, shipped, somebody

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> Clinic:
    clinic = make_clinic("alpha")
    offer(clinic)
    return clinic


@pytest.fixture
def patient(clinic: Clinic) -> Patient:
    return somebody(clinic)


def browser(clinic: Clinic, role: str = Role.CLINIC_ADMIN) -> Client:
    client = Client()
    client.force_login(make_user(f"{role}@{clinic.slug}.test", clinic, role))
    return client


def url(order: Order) -> str:
    return f"/c/{order.clinic.slug}/orders/{order.id}/"


def page(client: Client, order: Order) -> str:
    answer = client.get(url(order))
    assert answer.status_code == 200
    return answer.content.decode()


def decide(client: Client, order: Order, **said: str) -> str:
    answer = client.post(f"{url(order)}decide/", said, follow=True)
    return answer.content.decode()


def lost(patient: Patient, **fields: Any) -> Order:
    """An order that a person has to decide about."""
    now = timezone.now()
    made: dict[str, Any] = {"state": "needs_person", "sends": 1, "first_sent_at": now, "unconfirmed_at": now}
    return make_order(patient, **made | fields)


def test_it_says_what_was_ordered_for_whom_and_what_happened(clinic: Clinic, patient: Patient) -> None:
    wanted = shipped(hardware_uuid=GATEWAY, notify_emails="a@example.com", require_signature=True)
    order = place_one(clinic, patient, wanted)
    text = page(browser(clinic), order)
    for said in (
        *(SCALE, "Test Person", "Tenovi ships it", GATEWAY, "1 Main St, Irvine, CA, 92614", "a@example.com"),
        *("with signature", "Waiting to be sent", "nothing has reached Tenovi yet", "Ordered</strong> by"),
    ):
        assert said in text, said


def test_what_tenovi_told_stands_between_our_own_steps(clinic: Clinic, patient: Patient) -> None:
    device = make_device(clinic, hwi_device_id=uuid.UUID(int=5), name=SCALE)
    assign(device, patient)
    order = make_order(patient, state="confirmed", device=device)
    RequestEvent.objects.create(clinic=clinic, order=order, what="confirmed")
    link = "https://www.ups.com/track?tracknum=1Z9"
    news = {"hwi_device_id": str(device.hwi_device_id), "status": "Shipped", "tracking_link": link}
    deliver(clinic, news, kind="fulfillment")
    text = page(browser(clinic), order)
    assert text.index("Confirmed by Tenovi") < text.index("<strong>Shipped</strong>")
    assert f'href="{link}"' in text
    assert f"/c/alpha/devices/{device.id}/" in text


def test_an_order_that_waits_is_cancelled_with_one_click(clinic: Clinic, patient: Patient) -> None:
    order = place_one(clinic, patient)
    client = browser(clinic)
    assert "Cancel this order" in page(client, order)
    assert "The order is cancelled." in decide(client, order, do="cancel")
    assert fresh(order).state == "cancelled"
    assert "Cancel this order" not in page(client, order)


def test_one_of_the_devices_found_is_chosen(clinic: Clinic, patient: Patient) -> None:
    order = lost(patient, matches=2)
    devices = [
        make_device(
            clinic,
            name=SCALE,
            vendor_patient_id="mrn-7781",
            vendor_created_at=timezone.now(),
            status="Shipped",
        )
        for _ in range(2)
    ]
    client = browser(clinic)
    text = page(client, order)
    assert text.count("This is it") == 2
    assert all(str(device.hwi_device_id) in text for device in devices)
    assert "settled with this device" in decide(client, order, do="choose", device=str(devices[1].id))
    assert fresh(order).device == devices[1]


def test_a_device_that_is_no_choice_changes_nothing(clinic: Clinic, patient: Patient) -> None:
    order = lost(patient)
    for device in (str(make_device(clinic).id), "x", ""):
        assert "no longer be chosen" in decide(browser_again(clinic), order, do="choose", device=device)
    assert fresh(order).state == "needs_person"


def browser_again(clinic: Clinic) -> Client:
    client = Client()
    client.force_login(make_user(f"{uuid.uuid4()}@alpha.test", clinic, Role.CLINIC_ADMIN))
    return client


@pytest.mark.parametrize(("way", "state"), [("again", "queued"), ("give-up", "cancelled")])
def test_sending_again_and_giving_up_need_a_reason(
    clinic: Clinic, patient: Patient, way: str, state: str
) -> None:
    order = lost(patient)
    client = browser(clinic)
    answer = client.post(f"{url(order)}decide/", {"do": way, f"{way}-reason": " "})
    assert answer.status_code == 400
    assert "This field is required." in answer.content.decode()
    assert fresh(order).state == "needs_person"
    decide(client, order, do=way, **{f"{way}-reason": "Asked on the phone"})
    assert fresh(order).state == state
    assert "Asked on the phone" in page(client, order)
    assert Request.objects.for_clinic(clinic).exists() == (way == "again")


def test_a_decision_that_came_too_late_is_said_and_changes_nothing(clinic: Clinic, patient: Patient) -> None:
    order = make_order(patient, state="sending", sends=1, first_sent_at=timezone.now())
    for said in ({"do": "cancel"}, {"do": "again", "again-reason": "because"}, {"do": "dance"}):
        text = decide(browser_again(clinic), order, **said)
        assert "notice-failed" in text or "can no longer" in text or "Choose one" in text
    assert fresh(order).state == "sending"


def test_who_may_only_look_sees_no_buttons(clinic: Clinic, patient: Patient) -> None:
    order = lost(patient)
    care = browser(clinic, Role.CARE_MANAGER)
    text = page(care, order)
    assert "Somebody has to decide" in text
    assert "Send it again" not in text
    assert care.post(f"{url(order)}decide/", {"do": "give-up", "give-up-reason": "x"}).status_code == 403
    assert browser(clinic, Role.BILLING).get(url(order)).status_code == 403


@pytest.mark.parametrize("state", ["unknown", "refused", "cancelled", "sending"])
def test_every_state_says_what_it_means(clinic: Clinic, patient: Patient, state: str) -> None:
    closed = state in ("refused", "cancelled")
    order = make_order(patient, state=state, is_open=not closed, reason="What Tenovi said.")
    text = page(browser(clinic), order)
    assert order.get_state_display() in text
    assert "What Tenovi said." in text
