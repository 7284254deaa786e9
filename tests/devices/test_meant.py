"""A request that was meant for an earlier patient is not sent for the present one, of every kind."""

from __future__ import annotations

import json
import uuid

import pytest
from django.test import Client

from clinics.models import Clinic, User
from devices.models import Assignment, Device
from fulfillment.models import Replacement, SupplyRequest
from fulfillment.special_orders import actions
from patients.models import Patient
from tenovi.models import Request, RequestKind, RequestState
from tenovi.outbound.calls import CALLS, MEANT_FOR, WRITES, Meant
from tenovi.outbound.sender import drain
from tenovi.registry import REQUESTS, always_meant
from tests.factories import GATEWAY_ID, LONG_AGO, assign, make_device
from tests.pages import text_of
from tests.vendor import vendor_clinic
from tests.vendor_stub import Reply, VendorStub

pytestmark = pytest.mark.django_db(transaction=True)

SEVEN = uuid.UUID(int=7)
PROPERTIES = f"/hwi/hwi-devices/{SEVEN}/properties/"
PIN = "0b7c1f5e-6a0d-4b1e-9a55-2f4d7a1c9e01"
SENT_OUT = {RequestKind.REPLACEMENT_CREATE: Replacement, RequestKind.SUPPLY_CREATE: SupplyRequest}


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    stub.reply(PROPERTIES, Reply(201, {"id": "1", "key": "step_goal", "value": "6000"}))
    return vendor_clinic()


@pytest.fixture
def admin(by: User) -> Client:
    client = Client()
    client.force_login(by)
    return client


@pytest.fixture
def watch(clinic: Clinic, ada: Patient) -> Device:
    """A watch that Ada has."""
    watch = make_device(
        clinic, "tenovi-watch", hwi_device_id=SEVEN, name="Tenovi Watch", hardware_uuid=GATEWAY_ID
    )
    assign(watch, ada)
    return watch


def want(admin: Client, device: Device, key: str, value: str, do: str = "set") -> None:
    fields = {"do": do, "key": key, "value": value}
    assert admin.post(f"/c/alpha/devices/{device.id}/properties/", fields).status_code == 302


def given_to(device: Device, patient: Patient | None) -> None:
    Assignment.objects.for_clinic(device.clinic).filter(device=device).update(ends_at="2025-03-04T00:00Z")
    if patient:
        assign(device, patient, starts_at=LONG_AGO.replace(year=2026))


def test_every_kind_says_whether_what_it_is_about_can_change_hands() -> None:
    assert MEANT_FOR.keys() == set(RequestKind)
    assert set(CALLS) | set(WRITES) == set(RequestKind)


def test_what_was_meant_for_a_holder_is_checked_and_nothing_else_is() -> None:
    checked = {kind for kind, handler in REQUESTS.items() if handler.check is not always_meant}
    assert checked == {kind for kind, meant in MEANT_FOR.items() if meant == Meant.HOLDER_WHEN_ASKED}


@pytest.mark.parametrize("now", ["bo", None])
@pytest.mark.parametrize(("key", "do"), [("step_goal", "set"), ("usual_arm", "add")])
def test_a_persons_setting_is_not_set_for_the_next_patient(
    request: pytest.FixtureRequest,
    admin: Client,
    watch: Device,
    stub: VendorStub,
    now: str | None,
    key: str,
    do: str,
) -> None:
    want(admin, watch, key, "6000", do)
    given_to(watch, request.getfixturevalue(now) if now else None)
    drain()
    assert not stub.paths()
    assert Request.objects.for_clinic(watch.clinic).get().state == RequestState.PARKED
    page = text_of(admin.get(f"/c/alpha/devices/{watch.id}/properties/"))
    whose = "the device went to Bo Finch" if now else "the device was taken from its patient"
    assert f"since somebody asked for this, {whose}. Save it again" in page


def test_saved_again_it_is_for_whoever_has_the_device_now(
    admin: Client, watch: Device, bo: Patient, stub: VendorStub
) -> None:
    want(admin, watch, "step_goal", "6000")
    given_to(watch, bo)
    drain()
    want(admin, watch, "step_goal", "4000")
    drain()
    assert [json.loads(asked.body)["value"] for asked in stub.asked] == ["4000"]


def test_what_is_of_the_device_goes_on(admin: Client, watch: Device, bo: Patient, stub: VendorStub) -> None:
    want(admin, watch, "measurement_webhook_id", PIN)
    given_to(watch, bo)
    drain()
    assert stub.paths() == [PROPERTIES]


@pytest.mark.parametrize("kind", SENT_OUT)
def test_nothing_is_shipped_to_who_had_the_device_before(
    by: User, watch: Device, ada: Patient, bo: Patient, stub: VendorStub, kind: RequestKind
) -> None:
    wanted = SENT_OUT[kind](clinic=watch.clinic, device=watch, patient=ada, shipping_address="1 Main St")
    asked = actions.place_request(order_request=wanted, by=by)
    given_to(watch, bo)
    drain()
    assert not stub.paths()
    now = type(asked).objects.for_clinic(watch.clinic).get(id=asked.id)
    assert (now.state, "the device went to Bo Finch. Ask again" in now.reason) == ("refused", True)
    assert not Request.objects.for_clinic(watch.clinic).filter(kind=kind).exists()
