"""Devices that the clinic has in hand, activated for no patient yet: ordered, shown, handed out."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from clinics.models import AuditEvent, Clinic, Role
from devices.models import Assignment, Device, DeviceType
from fulfillment.models import Order, Shipment
from fulfillment.orders.actions import AlreadyOpen
from fulfillment.orders.validation import CannotOrder
from measurements.models import Measurement
from tests.factories import assign, deliver, element, make_order, settled, vendor_time
from tests.fulfillment.ordering import (
    BPM,
    CELLULAR,
    GATEWAY,
    IMEI,
    SCALE,
    activated,
    admin_of,
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
from tests.fulfillment.vendor import news, tell
from tests.pages import signed_in, text_of
from tests.rest import api_client
from tests.vendor import DEVICES, vendor_clinic
from tests.vendor_stub import Reply, VendorStub

pytestmark = pytest.mark.django_db(transaction=True)

FORM = "/c/alpha/fulfillment/orders/new/stock/"
API = "/api/v1/clinics/alpha/orders/"


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    clinic = vendor_clinic()
    offer(clinic)
    return clinic


@pytest.fixture
def admin(clinic: Clinic) -> Client:
    return signed_in(clinic, Role.CLINIC_ADMIN)


def stocked(stub: VendorStub, clinic: Clinic) -> Device:
    """A cuff that was activated into stock."""
    stub.reply(DEVICES, Reply(201, activated(5, name=BPM, sensor_code="10")))
    order = place_one(clinic, None, handed_over(BPM))
    run(clinic)
    device = fresh(order).device
    assert device is not None
    return device


# Ordered.


def test_it_is_activated_without_a_patient_and_is_nobodys(stub: VendorStub, clinic: Clinic) -> None:
    stub.reply(DEVICES, Reply(201, activated(5)))
    order = place_one(clinic, None, handed_over())
    run(clinic)
    (asked,) = creates(stub)
    assert json.loads(asked.body) == {"device": {"name": SCALE, "hardware_uuid": GATEWAY}}
    order = fresh(order)
    assert (order.state, order.vendor_status, order.is_open) == ("confirmed", "Delivered", False)
    assert steps_of(order) == ["placed", "sent", "confirmed"]
    assert not Assignment.periods.for_clinic(clinic).exists()
    placed = AuditEvent.objects.get(action="order_placed")
    assert placed.detail == {"state": "queued", "into_stock": True, "ship_by": "on_site", "again": False}


@pytest.mark.parametrize(
    "fields",
    [
        {"ship_by": "tenovi", "hardware_uuid": GATEWAY},
        {"ship_by": "clinic", "hardware_uuid": GATEWAY},
        {"ship_by": "on_site", "hardware_uuid": ""},
    ],
)
def test_the_database_lets_only_what_is_in_hand_be_for_nobody(clinic: Clinic, fields: dict[str, str]) -> None:
    order = make_order(somebody(clinic))
    with pytest.raises(IntegrityError, match="order_without_patient_is_in_hand"), transaction.atomic():
        Order.objects.for_clinic(clinic).filter(id=order.id).update(patient=None, **fields)


@pytest.mark.parametrize("wanted", [shipped(), shipped(ship_by="clinic", hardware_uuid=GATEWAY)])
def test_a_parcel_for_nobody_is_refused_in_words(clinic: Clinic, wanted: Any) -> None:
    with pytest.raises(CannotOrder) as refused:
        place_one(clinic, None, wanted)
    assert list(refused.value.of_line(0)) == ["patient"]


def test_many_of_one_kind_go_into_stock_and_each_hardware_once(clinic: Clinic) -> None:
    first = place_one(clinic, None, handed_over())
    place_one(clinic, None, handed_over(hardware_uuid="0123456789AC"))
    with pytest.raises(AlreadyOpen) as same:
        place_one(clinic, None, handed_over(hardware_uuid="01-23-45-67-89-ab"))
    assert same.value.order == first
    with pytest.raises(CannotOrder, match="cannot be ordered"):
        place_one(clinic, None, handed_over(), again=True)
    with pytest.raises(CannotOrder, match="cannot be ordered"):
        place_one(clinic, somebody(clinic), handed_over())


# The script's way.


def post(clinic: Clinic, key: str = "key-1", **changes: Any) -> Any:
    api = api_client(admin_of(clinic))
    body = {"patient": None, "device_name": SCALE, "ship_by": "on_site", "hardware_uuid": GATEWAY} | changes
    headers = {"Idempotency-Key": key}
    return api.post(API, json.dumps(body), content_type="application/json", headers=headers)


def test_a_script_says_null_for_the_patient_and_reads_null(clinic: Clinic) -> None:
    answer = post(clinic)
    assert (answer.status_code, answer.json()["patient"], answer.json()["state"]) == (201, None, "queued")
    assert post(clinic).status_code == 200
    assert api_client(admin_of(clinic)).get(API).json()["results"] == [answer.json()]
    second = post(clinic, "key-2")
    assert (second.status_code, second.json()["order"]) == (409, answer.json()["id"])
    assert post(clinic, patient=somebody(clinic).external_id).status_code == 409


def test_a_script_that_leaves_the_patient_out_meant_somebody(clinic: Clinic) -> None:
    api = api_client(admin_of(clinic))
    body = {"device_name": SCALE, "ship_by": "on_site", "hardware_uuid": GATEWAY}
    headers = {"Idempotency-Key": "key-1"}
    answer = api.post(API, json.dumps(body), content_type="application/json", headers=headers)
    assert (answer.status_code, list(answer.json())) == (400, ["patient"])


# The form.


def filled(clinic: Clinic, *names: str, **fields: Any) -> dict[str, Any]:
    types = DeviceType.objects.for_clinic(clinic).filter(name__in=names or [SCALE])
    return {
        "devices": [str(one.id) for one in types],
        "how": "on_site",
        "gateway": GATEWAY,
        "token": "one",
    } | fields


def test_the_form_is_offered_where_an_order_begins(clinic: Clinic, admin: Client) -> None:
    patient = somebody(clinic)
    for path in ("/c/alpha/fulfillment/orders/new/", f"/c/alpha/patients/{patient.id}/order/"):
        page = admin.get(path)
        assert FORM in page.content.decode()
        assert "into stock, for no patient yet" in text_of(page).lower()


def test_the_form_leads_to_the_order(clinic: Clinic, admin: Client) -> None:
    page = text_of(admin.get(FORM))
    assert "Into stock, for no patient yet: they are here already" in page
    assert "Tenovi ships it" not in page
    details = text_of(admin.post(FORM, filled(clinic, SCALE, CELLULAR) | {"go": "details"}))
    assert "Gateway ID" in details
    assert f"IMEI of the {CELLULAR}" in details
    cellular = DeviceType.objects.for_clinic(clinic).get(name=CELLULAR)
    given = filled(clinic, SCALE, CELLULAR) | {f"imei-{cellular.id}": IMEI}
    review = text_of(admin.post(FORM, given | {"go": "review"}))
    assert f"into stock, for no patient yet, {GATEWAY}" in review
    assert "consent" not in review
    admin.post(FORM, given | {"go": "place"})
    orders = Order.objects.for_clinic(clinic).order_by("device_name")
    assert [(one.device_name, one.hardware_uuid, one.patient) for one in orders] == [
        (CELLULAR, IMEI, None),
        (SCALE, GATEWAY, None),
    ]


def test_a_second_click_and_another_tab_activate_nothing_more(clinic: Clinic, admin: Client) -> None:
    given = filled(clinic) | {"go": "place"}
    first = admin.post(FORM, given)
    assert admin.post(FORM, given)["Location"] == first["Location"]
    other = text_of(admin.post(FORM, given | {"token": "another tab"}))
    assert "is on order on this hardware already" in other
    assert Order.objects.for_clinic(clinic).count() == 1


@pytest.mark.parametrize("how", ["tenovi", "clinic", "", "post"])
def test_a_form_that_asks_for_a_parcel_orders_nothing(clinic: Clinic, admin: Client, how: str) -> None:
    answer = admin.post(FORM, filled(clinic, how=how) | {"go": "place"})
    assert "Where they go" in text_of(answer)
    assert not Order.objects.for_clinic(clinic).exists()


def test_a_gateway_that_a_patient_uses_is_warned_of(clinic: Clinic, admin: Client) -> None:
    device = Device.objects.create(
        clinic=clinic,
        hwi_device_id="00000000-0000-0000-0000-000000000009",
        hardware_uuid=GATEWAY,
        sensor_code="10",
    )
    assign(device, somebody(clinic))
    review = text_of(admin.post(FORM, filled(clinic) | {"go": "review"}))
    assert f"A patient’s device sends through {GATEWAY}." in review
    assert "Test Person" not in review


# Shown.


def test_it_is_among_the_devices_without_a_patient_as_in_stock(
    stub: VendorStub, clinic: Clinic, admin: Client
) -> None:
    device = stocked(stub, clinic)
    assert "in stock" in text_of(admin.get("/c/alpha/devices/", {"show": "unassigned"}))
    assert "In stock: nobody has had it yet." in text_of(admin.get(f"/c/alpha/devices/{device.id}/"))


def test_its_order_reads_well_without_a_patient(stub: VendorStub, clinic: Clinic, admin: Client) -> None:
    device = stocked(stub, clinic)
    order = Order.objects.for_clinic(clinic).get()
    page = text_of(admin.get(f"/c/alpha/orders/{order.id}/"))
    for words in (
        "Into stock, for no patient yet, ordered",
        "Activated; nothing has been measured yet.",
        "Once a patient gets it, say so on the device’s page: Tenovi is told.",
        "How Into stock",
    ):
        assert words in page
    assert "None" not in page
    row = text_of(admin.get("/c/alpha/fulfillment/orders/"))
    assert "no patient yet Into stock" in row
    found = admin.get("/c/alpha/fulfillment/orders/", {"search": device.hardware_uuid})
    assert 'scope="row"' in found.content.decode()


@pytest.mark.parametrize("state", ["queued", "sending", "unknown", "needs_person", "refused", "cancelled"])
def test_every_state_of_it_has_a_page_and_a_place_on_the_board(
    clinic: Clinic, admin: Client, state: str
) -> None:
    order = place_one(clinic, None, handed_over())
    now, is_sent = timezone.now(), state not in ("queued", "cancelled")
    Order.objects.for_clinic(clinic).update(
        state=state,
        is_open=state not in ("refused", "cancelled"),
        **({"sends": 1, "first_sent_at": now, "unconfirmed_at": now} if is_sent else {}),
    )
    page = text_of(admin.get(f"/c/alpha/orders/{order.id}/"))
    assert "Into stock, for no patient yet" in page
    assert (FORM in admin.get(f"/c/alpha/orders/{order.id}/").content.decode()) == (state == "refused")
    board = text_of(admin.get("/c/alpha/fulfillment/?view=board"))
    assert ("into stock" in board) == (state != "cancelled")


def test_who_only_sees_orders_activates_nothing(clinic: Clinic) -> None:
    care = signed_in(clinic, Role.CARE_MANAGER)
    order = place_one(clinic, None, handed_over())
    assert care.get(f"/c/alpha/orders/{order.id}/").status_code == 200
    assert {care.get(FORM).status_code, care.post(FORM, {}).status_code} == {403}


# What it sends, and who gets it.


def reading_of(device: Device, taken_at: datetime.datetime, index: int, **changes: Any) -> dict[str, Any]:
    return element(
        device,
        timestamp=vendor_time(taken_at),
        created=vendor_time(taken_at),
        hardware_uuid=device.hardware_uuid,
        filter_params={"measurement_index": index},
        **changes,
    )


def test_what_it_sends_in_stock_is_kept_and_nobodys_and_once_handed_out_the_patients(
    stub: VendorStub, clinic: Clinic, admin: Client
) -> None:
    device, patient = stocked(stub, clinic), somebody(clinic)
    now = timezone.now().replace(microsecond=0)
    before = reading_of(device, now - datetime.timedelta(hours=3), 1, patient_id="")
    assert settled(deliver(clinic, before)) == {"stored": 1}
    assert Measurement.objects.for_clinic(clinic).get().patient is None
    assert "1 reading belongs to no patient" in text_of(admin.get(f"/c/alpha/devices/{device.id}/"))

    hand_out(admin, device, patient.external_id, now - datetime.timedelta(hours=1))
    stub.reply(f"{DEVICES}{device.hwi_device_id}/", Reply(200, activated(5, patient=patient.external_id)))
    run(clinic)
    (told,) = [json.loads(one.body) for one in stub.asked if one.method == "PUT"]
    assert told["patient"]["external_id"] == patient.external_id
    assert told["device"]["hardware_uuid"] == GATEWAY
    after = reading_of(device, now - datetime.timedelta(minutes=30), 2, patient_id=patient.external_id)
    assert settled(deliver(clinic, after)) == {"stored": 1}
    whose = Measurement.objects.for_clinic(clinic).order_by("taken_at").values_list("patient", flat=True)
    assert list(whose) == [None, patient.id]
    assert "in stock" not in text_of(admin.get("/c/alpha/devices/"))


def hand_out(admin: Client, device: Device, external_id: str, since: datetime.datetime) -> None:
    local = since.astimezone(device.clinic.zone)
    said = {"patient": external_id, "day": f"{local:%Y-%m-%d}", "time": f"{local:%H:%M}", "do": "give"}
    assert admin.post(f"/c/alpha/devices/{device.id}/holder/", said).status_code == 302


def test_what_lies_in_stock_for_weeks_asks_nobody_to_call_a_patient(
    stub: VendorStub, clinic: Clinic, admin: Client
) -> None:
    device = stocked(stub, clinic)
    tell(clinic, news(device, "Delivered", patient_id=""))
    long_ago = timezone.now() - datetime.timedelta(days=20)
    Shipment.objects.for_clinic(clinic).update(since=long_ago)
    order = Order.objects.for_clinic(clinic).get()
    assert call_is_asked_for(admin, order) == (False, False)
    assert "Once a patient gets it" in text_of(admin.get("/c/alpha/fulfillment/"))
    held = assign(device, somebody(clinic), starts_at=timezone.now() - datetime.timedelta(days=1))
    assert call_is_asked_for(admin, order) == (False, False)
    held.starts_at = timezone.now() - datetime.timedelta(days=5)
    held.save()
    assert call_is_asked_for(admin, order) == (True, True)


def call_is_asked_for(admin: Client, order: Order) -> tuple[bool, bool]:
    """In the list of what needs the clinic, and on the page of the order."""
    needs = admin.get("/c/alpha/fulfillment/", {"stage": "needs-you"})
    return "Call the patient" in text_of(needs), "Call the patient" in text_of(
        admin.get(f"/c/alpha/orders/{order.id}/")
    )
