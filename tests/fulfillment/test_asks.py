"""Replacements and supplies: sent at most once, and what nobody knows is settled from the vendor's list."""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from clinics.models import AuditEvent, Clinic, Role, User
from devices.models import Device, Gateway
from fulfillment.addresses import shipping_of
from fulfillment.at_most_once.search import start_due_searches
from fulfillment.models import Replacement, SpecialOrder, SupplyModule, SupplyRequest, SupplyType
from fulfillment.special_orders import actions, policy
from patients.models import Patient
from tenovi.models import Request, RequestKind
from tenovi.outbound.enqueue import enqueue
from tenovi.outbound.sender import drain
from tests.factories import GATEWAY_ID, held_device, make_device, make_user
from tests.fulfillment.vendor import news, order, tell, tell_order
from tests.pages import text_of
from tests.vendor import stub_as_vendor, vendor_clinic
from tests.vendor_stub import Reply, VendorStub

pytestmark = pytest.mark.django_db(transaction=True)

REPLACEMENTS, SUPPLIES = "/hwi/hwi-replacements/", "/devices/supply-requests/"
TYPES, BULK = "/asr/supply-types/", "/hwi/hwi-bulk-orders/"
NUMBER = "7a0e7c11-93d4-4c1e-8f0d-0c3f5a1b7d99"
NEW = "A1B2C3D4E5A7"
WORKER_DIED = datetime.timedelta(minutes=11)


@pytest.fixture
def stub(settings: Settings) -> Iterator[VendorStub]:
    with stub_as_vendor(settings) as running:
        running.reply(REPLACEMENTS, Reply(body=[]))
        running.reply(SUPPLIES, Reply(body=[]))
        yield running


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    return vendor_clinic()


@pytest.fixture
def device(clinic: Clinic) -> Device:
    device = held_device(clinic)
    Device.objects.for_clinic(clinic).update(name="Tenovi BPM - L", hardware_uuid=GATEWAY_ID)
    Patient.objects.for_clinic(clinic).update(
        name="Ada",
        address="1 Main St",
        city="Irvine",
        state="CA",
        zip_code="92614",
        address_status="Verified",
    )
    device.refresh_from_db()
    return device


@pytest.fixture
def admin(clinic: Clinic) -> User:
    return make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN)


@pytest.fixture
def alice(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


def the_patient(clinic: Clinic) -> Patient:
    return Patient.objects.for_clinic(clinic).get()


def replace(device: Device, admin: User, *parts: str, **fields: Any) -> Replacement:
    patient = the_patient(device.clinic)
    wanted = Replacement(
        clinic=device.clinic,
        device=device,
        patient=patient,
        parts=list(parts or ["Gateway"]),
        **shipping_of(patient) | fields,
    )
    return actions.place_request(order_request=wanted, by=admin)


def record(device: Device, **changes: Any) -> dict[str, Any]:
    """A replacement as the vendor has it."""
    return {
        "id": NUMBER,
        "hwi_device_id": str(device.hwi_device_id),
        "device_types": [{"name": "Gateway"}],
        "fulfilled": False,
        "created": timezone.now().isoformat(),
    } | changes


def work(clinic: Clinic) -> None:
    """The queue is worked off, whatever rests for a while."""
    for _ in range(4):
        Request.objects.for_clinic(clinic).update(not_before=Now())
        drain()


def now_of(order_request: Any) -> Any:
    return type(order_request).objects.for_clinic(order_request.clinic).get(id=order_request.id)


def posts(stub: VendorStub, path: str = REPLACEMENTS) -> list[dict[str, Any]]:
    asked = (one for one in stub.asked if one.method == "POST" and one.path.endswith(path))
    return [json.loads(one.body) for one in asked]


def test_a_replacement_is_asked_for_with_the_address_of_the_record(
    stub: VendorStub, device: Device, admin: User
) -> None:
    stub.reply(REPLACEMENTS, Reply(201, record(device)))
    asked = replace(device, admin, "Tenovi BPM - L", "Gateway", notify_emails="ops@alpha.test")
    work(device.clinic)
    assert posts(stub) == [
        {
            "hwi_device_id": str(device.hwi_device_id),
            "device_types": [{"name": "Tenovi BPM - L"}, {"name": "Gateway"}],
            "shipping_name": "Ada",
            "shipping_address": "1 Main St",
            "shipping_city": "Irvine",
            "shipping_state": "CA",
            "shipping_zip_code": "92614",
            "notify_emails": "ops@alpha.test",
        }
    ]
    assert (now_of(asked).state, now_of(asked).vendor_id) == ("confirmed", NUMBER)
    told = AuditEvent.objects.filter(target_id=str(asked.id)).order_by("id")
    assert [event.action for event in told] == [
        "replacement_asked_for",
        "replacement_sent",
        "replacement_confirmed",
    ]
    assert told[0].actor_label == "admin@alpha.test"


def test_a_unit_from_stock_is_asked_for_without_an_address(
    stub: VendorStub, device: Device, admin: User
) -> None:
    stub.reply(REPLACEMENTS, Reply(201, record(device)))
    replace(device, admin, **dict.fromkeys(policy.SHIPPING, ""))
    work(device.clinic)
    assert posts(stub)[0].keys() == {"hwi_device_id", "device_types"}


def test_the_same_form_twice_and_the_same_need_twice_are_one_request(device: Device, admin: User) -> None:
    first = replace(device, admin, token="form")
    assert replace(device, admin, token="form").id == first.id
    with pytest.raises(actions.AlreadyRequested) as known:
        replace(device, admin, token="another form")
    assert known.value.existing.id == first.id
    assert Request.objects.for_clinic(device.clinic).filter(kind=RequestKind.REPLACEMENT_CREATE).count() == 1


def test_what_the_vendor_refuses_says_why_and_is_not_kept_among_what_has_stopped(
    stub: VendorStub, device: Device, admin: User
) -> None:
    stub.reply(REPLACEMENTS, Reply(400, {"shipping_zip_code": ["This ZIP code does not exist."]}))
    asked = replace(device, admin)
    work(device.clinic)
    assert now_of(asked).state == "refused"
    assert "shipping zip code: This ZIP code does not exist." in now_of(asked).reason
    assert not Request.objects.for_clinic(device.clinic).filter(kind=RequestKind.REPLACEMENT_CREATE).exists()


def doubtful(stub: VendorStub, device: Device, admin: User, *listed: dict[str, Any]) -> Replacement:
    """One whose answer was lost; the vendor's list then shows `listed`."""
    stub.reply(REPLACEMENTS, Reply(500, {}), Reply(body=list(listed)))
    asked = replace(device, admin)
    work(device.clinic)
    return now_of(asked)  # type: ignore[no-any-return]


def test_a_lost_answer_is_settled_by_the_one_entry_that_fits(
    stub: VendorStub, device: Device, admin: User
) -> None:
    asked = doubtful(stub, device, admin, record(device))
    assert (asked.state, asked.vendor_id, len(posts(stub))) == ("confirmed", NUMBER, 1)
    assert Replacement.objects.for_clinic(device.clinic).count() == 1
    assert not Request.objects.for_clinic(device.clinic).filter(state="unknown").exists()


@pytest.mark.parametrize(
    "other",
    [
        {"device_types": [{"name": "Tenovi BPM - L"}]},
        {"hwi_device_id": str(uuid.UUID(int=9))},
        {"created": "2020-01-01T00:00:00Z"},
    ],
)
def test_an_entry_about_something_else_settles_nothing(
    stub: VendorStub, device: Device, admin: User, other: dict[str, Any]
) -> None:
    asked = doubtful(stub, device, admin, record(device, **other))
    assert (asked.state, asked.searches) == ("unknown", 1)


def test_without_a_trace_in_two_looks_a_person_may_send_it_again_with_a_reason(
    stub: VendorStub, device: Device, admin: User, alice: Client
) -> None:
    asked = doubtful(stub, device, admin)
    address = f"/c/alpha/fulfillment/replacements/{asked.id}/act/"
    alice.post(address, {"do": "again", "reason": "too early"})
    assert now_of(asked).state == "unknown"
    with time_machine.travel(timezone.now() + WORKER_DIED):
        assert start_due_searches(policy.REPLACEMENTS) == 1
        work(device.clinic)
        assert now_of(asked).searches == 2
        alice.post(address, {"do": "again", "reason": " "})
        assert (now_of(asked).state, len(posts(stub))) == ("needs_person", 1)
        stub.reply(REPLACEMENTS, Reply(201, record(device)))
        answer = alice.post(address, {"do": "again", "reason": "Ada still has none"})
        work(device.clinic)
    fresh = Replacement.objects.for_clinic(device.clinic).get(instead_of=asked)
    assert answer["Location"] == f"/c/alpha/fulfillment/replacements/{fresh.id}/"
    assert (now_of(asked).state, now_of(fresh).state) == ("cancelled", "confirmed")
    assert "Ada still has none" in now_of(asked).reason
    assert len(posts(stub)) == 2


def test_of_two_entries_that_fit_a_person_chooses(
    stub: VendorStub, device: Device, admin: User, alice: Client
) -> None:
    other = str(uuid.UUID(int=5))
    asked = doubtful(stub, device, admin, record(device), record(device, id=other))
    assert (asked.state, asked.shown_state) == ("needs_person", "unknown")
    page = alice.get(f"/c/alpha/fulfillment/replacements/{asked.id}/")
    assert text_of(page).count("This one") == 2
    found = Replacement.objects.for_clinic(device.clinic).get(vendor_id=other)
    alice.post(f"{page.request['PATH_INFO']}act/", {"do": "adopt", "found": str(found.id)})
    assert (now_of(asked).state, now_of(asked).vendor_id) == ("confirmed", other)


def test_one_in_doubt_can_be_given_up(stub: VendorStub, device: Device, admin: User, alice: Client) -> None:
    asked = doubtful(stub, device, admin)
    alice.post(f"/c/alpha/fulfillment/replacements/{asked.id}/act/", {"do": "give-up"})
    assert now_of(asked).state == "cancelled"
    assert not Request.objects.for_clinic(device.clinic).filter(state="unknown").exists()


def test_it_is_taken_back_before_it_was_sent(stub: VendorStub, device: Device, admin: User) -> None:
    asked = replace(device, admin)
    assert actions.withdraw(order_request=asked, by=admin)
    work(device.clinic)
    assert (now_of(asked).state, posts(stub)) == ("cancelled", [])


@pytest.mark.parametrize(("answer", "state"), [(Reply(204), "cancelled"), (Reply(400, {}), "confirmed")])
def test_a_pending_one_is_withdrawn_at_the_vendor_while_that_allows_it(
    stub: VendorStub, device: Device, admin: User, answer: Reply, state: str
) -> None:
    stub.reply(REPLACEMENTS, Reply(201, record(device)))
    stub.reply(f"{REPLACEMENTS}{NUMBER}/", answer)
    asked = replace(device, admin)
    work(device.clinic)
    assert actions.withdraw(order_request=now_of(asked), by=admin)
    assert now_of(asked).state == "withdrawing"
    work(device.clinic)
    assert now_of(asked).state == state
    assert not Request.objects.for_clinic(device.clinic).exists()


def test_a_new_gateway_is_followed_on_every_device_behind_the_old_one(
    stub: VendorStub, device: Device, admin: User
) -> None:
    clinic = device.clinic
    behind = make_device(clinic, "tenovi-scale", hardware_uuid=GATEWAY_ID)
    elsewhere = make_device(clinic, hardware_uuid="FFFFFFFFFFFF")
    stub.reply(REPLACEMENTS, Reply(201, record(device)))
    asked = replace(device, admin)
    work(clinic)
    tell(clinic, news(device, "Replaced", patient_id="", hardware_uuid=NEW.lower(), device_id=GATEWAY_ID))
    found = dict(Device.objects.for_clinic(clinic).values_list("id", "hardware_uuid"))
    assert found == {device.id: NEW, behind.id: NEW, elsewhere.id: "FFFFFFFFFFFF"}
    assert Gateway.objects.for_clinic(clinic).filter(gateway_id=NEW).exists()
    assert now_of(asked).state == "fulfilled"


def test_replacements_told_in_the_wrong_order_end_at_the_same_gateway(clinic: Clinic, device: Device) -> None:
    newest = "A1B2C3D4E5B8"
    tell(clinic, news(device, "Replaced", patient_id="", hardware_uuid=newest, device_id=NEW))
    tell(clinic, news(device, "Replaced", patient_id="", hardware_uuid=NEW, device_id=GATEWAY_ID))
    assert Device.objects.for_clinic(clinic).get(id=device.id).hardware_uuid == newest


def test_hardware_that_is_chosen_at_shipment_stands_on_the_device(clinic: Clinic) -> None:
    ordered = held_device(clinic)
    tell(clinic, news(ordered, "Shipped", patient_id="", hardware_uuid=NEW))
    assert Device.objects.for_clinic(clinic).get().hardware_uuid == NEW


def supply(admin: User, device: Device, **fields: Any) -> SupplyRequest:
    patient = the_patient(device.clinic)
    wanted = SupplyRequest(
        clinic=device.clinic,
        patient=patient,
        device=device,
        hardware_uuid=GATEWAY_ID,
        supply_name="Lancets (100)",
        **shipping_of(patient) | fields,
    )
    return actions.place_request(order_request=wanted, by=admin)


def test_supplies_name_the_gateway_and_the_device_they_are_for(
    stub: VendorStub, device: Device, admin: User, alice: Client
) -> None:
    stub.reply(SUPPLIES, Reply(201, {"id": NUMBER, "supply_name": "Lancets (100)", "fulfilled": False}))
    asked = supply(admin, device)
    work(device.clinic)
    (sent,) = posts(stub, SUPPLIES)
    assert sent["gateway_id"] == GATEWAY_ID
    assert sent["related_client_device_id"] == str(device.hwi_device_id)
    assert now_of(asked).state == "confirmed"
    tell_order(device.clinic, order(request_id=NUMBER, order_type="SU", status="Shipped", patient_id=None))
    assert now_of(asked).state == "fulfilled"
    page = text_of(alice.get(f"/c/alpha/fulfillment/supplies/{asked.id}/"))
    assert "The parcel Shipped" in page


def test_supplies_go_to_the_other_path_where_the_account_has_that(
    stub: VendorStub, device: Device, admin: User
) -> None:
    other = "/asr/supply-requests/"
    stub.reply(SUPPLIES, Reply(404, {}))
    stub.reply(other, Reply(201, {"id": NUMBER, "supply_name": "Lancets (100)"}))
    asked = supply(admin, device)
    work(device.clinic)
    assert (len(posts(stub, other)), now_of(asked).state) == (1, "confirmed")


def test_an_account_without_the_module_says_so_and_shows_no_failure(
    stub: VendorStub, clinic: Clinic, device: Device, alice: Client
) -> None:
    stub.reply(TYPES, Reply(403, {"detail": "This module is not enabled for your account."}))
    enqueue(clinic, RequestKind.SUPPLY_TYPES)
    work(clinic)
    assert not Request.objects.for_clinic(clinic).exists()
    for page in (
        "/c/alpha/fulfillment/supplies/",
        f"/c/alpha/patients/{the_patient(clinic).id}/supplies/",
    ):
        assert "Tenovi has not enabled supplies for this account." in text_of(alice.get(page))
    stub.reply(TYPES, Reply(body=[{"name": "Lancets (100)", "up_front_cost": "12.00"}]))
    enqueue(clinic, RequestKind.SUPPLY_TYPES)
    work(clinic)
    assert SupplyModule.objects.for_clinic(clinic).get().is_enabled
    assert SupplyType.objects.for_clinic(clinic).get().name == "Lancets (100)"


def test_a_bulk_order_of_the_list_and_of_the_webhook_are_one(stub: VendorStub, clinic: Clinic) -> None:
    told = order()
    tell_order(clinic, told)
    stub.reply(
        BULK,
        Reply(
            body={
                "count": 1,
                "next": None,
                "results": [
                    {
                        "id": 77,
                        "order_number": told["order_number"],
                        "shipping_status": "DE",
                        "modified": "2025-03-06T10:00:00Z",
                        "contents": told["contents"],
                        "manifest": [
                            {"loose_items": [{"gateway_id": "A1B2C3D4E501"}, {"imei": "356000000000001"}]}
                        ],
                    }
                ],
            }
        ),
    )
    enqueue(clinic, RequestKind.BULK_ORDERS)
    work(clinic)
    found = SpecialOrder.objects.for_clinic(clinic).get()
    assert (found.status, found.request_id) == ("Delivered", told["request_id"])
    assert found.manifest == {"gateway_ids": ["A1B2C3D4E501"], "imeis": ["356000000000001"]}
