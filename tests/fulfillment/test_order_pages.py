"""The order form, the page of an order, the board, the shipping list and the file of parcels."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from clinics.models import AuditEvent, Clinic, Role
from devices.models import Assignment, Device, DeviceType
from fulfillment.bulk_load import load_events
from fulfillment.models import Order
from patients.models import Patient
from tenovi.models import Request, RequestKind
from tests.factories import assign, held_device, make_clinic, make_device
from tests.fulfillment.ordering import (
    BPM,
    CELLULAR,
    GATEWAY,
    HAILIE,
    IMEI,
    SCALE,
    TRIVIDIA,
    offer,
    place_one,
    shipped,
    somebody,
)
from tests.fulfillment.vendor import news, tell
from tests.pages import signed_in, text_of

pytestmark = pytest.mark.django_db

ORDERS, TO_SHIP, SHIPMENTS = (f"/c/alpha/fulfillment/{part}" for part in ("orders/", "to-ship/", ""))


ONE = "/c/alpha/orders/"


@pytest.fixture
def clinic() -> Clinic:
    clinic = make_clinic("alpha")
    offer(clinic)
    return clinic


@pytest.fixture
def patient(clinic: Clinic) -> Patient:
    return somebody(clinic, consented_on=datetime.date(2025, 1, 1), address_status="Verified")


@pytest.fixture
def alice(clinic: Clinic) -> Client:
    return signed_in(clinic, Role.CLINIC_ADMIN)


def key_of(clinic: Clinic, name: str) -> str:
    return str(DeviceType.objects.for_clinic(clinic).get(name=name).id)


def filled(clinic: Clinic, *names: str, **fields: Any) -> dict[str, Any]:
    devices = [key_of(clinic, name) for name in names or [SCALE]]
    return {"devices": devices, "how": "tenovi", "through": "new", "token": "one"} | fields


def page_of(patient: Patient) -> str:
    return f"/c/alpha/patients/{patient.id}/order/"


def orders_in(clinic: Clinic) -> list[Order]:
    return list(Order.objects.for_clinic(clinic).order_by("line"))


def step_of(answer: Any) -> str:
    found = re.search(r'<li aria-current="step">(?:<svg.*?</svg>)?([^<]+)', answer.content.decode())
    return found[1] if found else ""


def test_the_form_says_whom_a_cuff_fits(clinic: Clinic, patient: Patient, alice: Client) -> None:
    page = alice.get(page_of(patient)).content.decode()
    assert "Tenovi BPM - L (large cuff, 22–45 cm)" in page
    assert "Tenovi Cellular BPM - L (large cuff, 22–45 cm)" in page
    assert "Tenovi Scale (" not in page


def test_the_form_leads_from_the_patient_to_the_order(
    clinic: Clinic, patient: Patient, alice: Client
) -> None:
    assert page_of(patient) in alice.get(f"{ORDERS}new/?search=test").content.decode()
    assert step_of(alice.get(page_of(patient))) == "Devices"
    details = alice.post(page_of(patient), filled(clinic) | {"go": "details"})
    assert step_of(details) == "Details"
    assert "1 Main St" in text_of(details)
    given = filled(
        clinic, notify_emails="ops@alpha.test", require_signature="on", shipping_notes="Ring twice"
    )
    review = alice.post(page_of(patient), given | {"go": "review"})
    assert step_of(review) == "Review"
    for words in (
        "Charges may apply",
        "Tenovi ships it, with a new gateway",
        "Ring twice",
        "The address is verified",
    ):
        assert words in text_of(review)
    assert orders_in(clinic) == []
    answer = alice.post(page_of(patient), given | {"go": "place"})
    (order,) = orders_in(clinic)
    assert answer["Location"] == f"{ONE}{order.id}/"
    assert (order.device_name, order.ship_by, order.require_signature) == (SCALE, "tenovi", True)
    assert (order.notify_emails, order.shipping_notes) == ("ops@alpha.test", "Ring twice")


def test_a_second_click_and_another_tab_order_nothing_more(
    clinic: Clinic, patient: Patient, alice: Client
) -> None:
    given = filled(clinic) | {"go": "place"}
    first = alice.post(page_of(patient), given)
    assert alice.post(page_of(patient), given)["Location"] == first["Location"]
    other = alice.post(page_of(patient), given | {"token": "another tab"})
    assert "is on order for Test Person already" in text_of(other)
    assert len(orders_in(clinic)) == 1
    alice.post(page_of(patient), given | {"token": "another tab", "again": "on"})
    assert len(orders_in(clinic)) == 2


def test_a_second_click_finds_the_order_whose_gateway_is_in_use_by_the_first(
    clinic: Clinic, patient: Patient, alice: Client
) -> None:
    given = filled(clinic, how="on_site", gateway=GATEWAY) | {"go": "place"}
    first = alice.post(page_of(patient), given)
    assert alice.post(page_of(patient), given)["Location"] == first["Location"]
    other = text_of(alice.post(page_of(patient), given | {"token": "another tab"}))
    assert "is on order for Test Person already" in other
    assert len(orders_in(clinic)) == 1


@pytest.mark.parametrize("token", ["", "\0", "x" * 70])
def test_a_form_without_a_usable_token_is_still_one_order(
    clinic: Clinic, patient: Patient, alice: Client, token: str
) -> None:
    given = filled(clinic, token=token) | {"go": "place"}
    alice.post(page_of(patient), given)
    alice.post(page_of(patient), given)
    assert len(orders_in(clinic)) == 1


def test_the_same_form_with_something_else_in_it_orders_nothing(
    clinic: Clinic, patient: Patient, alice: Client
) -> None:
    alice.post(page_of(patient), filled(clinic) | {"go": "place"})
    answer = alice.post(page_of(patient), filled(clinic, BPM) | {"go": "place"}, follow=True)
    assert "Nothing was ordered twice" in text_of(answer)
    assert len(orders_in(clinic)) == 1


def test_several_devices_go_in_one_order_with_what_each_needs(
    clinic: Clinic, patient: Patient, alice: Client
) -> None:
    hailie, trividia, cellular = (key_of(clinic, name) for name in (HAILIE, TRIVIDIA, CELLULAR))
    given = filled(clinic, HAILIE, TRIVIDIA, CELLULAR, how="on_site") | {"go": "details"}
    page = text_of(alice.post(page_of(patient), given))
    for words in ("Gateway ID", f"IMEI of the {CELLULAR}", f"Sensor id of the {HAILIE}", "Bluetooth passkey"):
        assert words in page
    own = {
        "gateway": "01-23-45-67-89-ab",
        f"sensor-{hailie}": "H-77",
        f"passkey-{trividia}": "123456",
        f"imei-{cellular}": IMEI,
    }
    alice.post(page_of(patient), given | own | {"go": "place"})
    found = {order.device_name: order for order in orders_in(clinic)}
    assert {name: order.hardware_uuid for name, order in found.items()} == {
        HAILIE: GATEWAY,
        TRIVIDIA: GATEWAY,
        CELLULAR: IMEI,
    }
    assert (found[HAILIE].sensor_id, found[TRIVIDIA].bluetooth_passkey) == ("H-77", "123456")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"gateway": ""}, "Enter the Gateway ID printed on the gateway."),
        ({"gateway": "12345"}, "This is no Gateway ID: it has 12 characters"),
    ],
)
def test_what_is_missing_is_said_beside_the_field_and_nothing_typed_is_lost(
    clinic: Clinic, patient: Patient, alice: Client, fields: dict[str, str], words: str
) -> None:
    answer = alice.post(page_of(patient), filled(clinic, how="on_site", **fields) | {"go": "review"})
    assert step_of(answer) == "Details"
    assert words in text_of(answer)
    assert f'value="{fields["gateway"]}"' in answer.content.decode() or not fields["gateway"]


def test_an_address_that_is_not_whole_is_said_before_anything_is_sent(
    clinic: Clinic, patient: Patient, alice: Client
) -> None:
    Patient.objects.for_clinic(clinic).update(zip_code="")
    answer = alice.post(page_of(patient), filled(clinic) | {"go": "place"})
    assert "lacks what a parcel needs: ZIP code" in text_of(answer)
    assert orders_in(clinic) == []


def test_a_device_at_home_brings_its_gateway_into_the_order(
    clinic: Clinic, patient: Patient, alice: Client
) -> None:
    assign(make_device(clinic, hardware_uuid=GATEWAY, sensor_code="10"), patient)
    page = alice.post(page_of(patient), filled(clinic, through="") | {"go": "details"})
    assert f"They join gateway {GATEWAY} at home" in text_of(page)
    alice.post(page_of(patient), filled(clinic, through=f"home:{GATEWAY}") | {"go": "place"})
    assert orders_in(clinic)[0].hardware_uuid == GATEWAY


def test_only_a_gateway_can_be_ordered(clinic: Clinic, patient: Patient, alice: Client) -> None:
    alice.post(page_of(patient), filled(clinic, through="only") | {"go": "place"})
    assert orders_in(clinic)[0].gateway_only


def test_the_review_warns_of_what_somebody_should_know(
    clinic: Clinic, patient: Patient, alice: Client
) -> None:
    Patient.objects.for_clinic(clinic).update(consented_on=None, address_status="Invalid")
    place_one(clinic, patient)
    Order.objects.for_clinic(clinic).update(is_open=False)
    page = text_of(alice.post(page_of(patient), filled(clinic, SCALE, BPM) | {"go": "review"}))
    for words in (
        "within the last 30 days",
        "not verified the address",
        "No consent",
        "decides how to pack them",
    ):
        assert words in page


def order_told(clinic: Clinic, patient: Patient, *statuses: str, **fields: Any) -> tuple[Order, Device]:
    """An order whose device is known, and what was told about it."""
    order = place_one(clinic, patient, shipped(**fields))
    device = make_device(clinic, "tenovi-scale", name=SCALE, sensor_code="13")
    assign(device, patient, starts_at=timezone.now())
    Order.objects.for_clinic(clinic).filter(id=order.id).update(
        state="confirmed", device=device, vendor_status="Pending Shipment"
    )
    for status in statuses:
        link = "https://www.ups.com/track?tracknum=1Z9" if status == "Shipped" else None
        tell(clinic, news(device, status, patient_id="", hardware_uuid=None, tracking_link=link))
    return order, device


def test_the_page_of_an_order_tells_its_way_with_links_of_known_carriers(
    clinic: Clinic, patient: Patient, alice: Client
) -> None:
    order, _ = order_told(clinic, patient, "Dropship Requested", "Shipped", "Delivered")
    page = alice.get(f"{ONE}{order.id}/")
    words = text_of(page).partition("What happened")[2]
    places = [
        words.index(word) for word in ("Ordered by admin@", "Dropship Requested", "Shipped", "Delivered")
    ]
    assert places == sorted(places)
    assert 'href="https://www.ups.com/track?tracknum=1Z9"' in page.content.decode()
    assert "Delivered to first reading so far" in words


def test_an_order_that_needs_the_clinic_says_the_next_step(
    clinic: Clinic, patient: Patient, alice: Client
) -> None:
    order, _ = order_told(clinic, patient, "Client Action Required")
    page = text_of(alice.get(f"{ONE}{order.id}/"))
    assert "Next step: Correct or confirm the patient’s address." in page
    assert "Correct or confirm the address" in page


def test_delivered_and_silent_for_three_days_is_work_everywhere(
    clinic: Clinic, patient: Patient, alice: Client
) -> None:
    Patient.objects.for_clinic(clinic).update(phone_number="555-0100")
    order, device = order_told(clinic, patient)
    delivered_at = timezone.now() - datetime.timedelta(days=4, hours=1)
    Assignment.objects.for_clinic(clinic).filter(device=device).update(starts_at=delivered_at)
    load_events(clinic, [(news(device, "Delivered", patient_id=""), delivered_at)])
    assert "Call the patient (555-0100)" in text_of(alice.get(f"{ONE}{order.id}/"))
    for address in (SHIPMENTS, f"{SHIPMENTS}?stage=needs-you", f"{SHIPMENTS}?view=board"):
        assert "Call the patient: no reading in 4 days." in text_of(alice.get(address))
    assert "Call the patient" not in text_of(alice.get(f"{SHIPMENTS}?stage=delivered"))
    Device.objects.for_clinic(clinic).update(last_measurement_at=timezone.now())
    assert "Call the patient" not in text_of(alice.get(SHIPMENTS))


def test_days_stand_beside_the_clinics_usual_once_there_is_one(
    clinic: Clinic, patient: Patient, alice: Client
) -> None:
    now = timezone.now()
    for _ in range(3):
        other = held_device(clinic, external_id=patient.external_id)
        way = ((30, "Dropship Requested"), (28, "Shipped"), (25, "Delivered"), (24, "Connected"))
        load_events(
            clinic,
            [
                (news(other, status, patient_id=""), now - datetime.timedelta(days=days))
                for days, status in way
            ],
        )
    order, _ = order_told(clinic, patient, "Shipped")
    page = text_of(alice.get(f"{ONE}{order.id}/"))
    assert "Ordered to shipped 0.0 2.0 Shipped to delivered so far 0.0 3.0" in page


def needing_a_person(clinic: Clinic, patient: Patient) -> Order:
    order = place_one(clinic, patient)
    Request.objects.for_clinic(clinic).update(state="unknown")
    now = timezone.now()
    Order.objects.for_clinic(clinic).filter(id=order.id).update(
        state="needs_person", searches=2, reason="No trace.", sends=1, first_sent_at=now, unconfirmed_at=now
    )
    return order


def test_a_care_manager_sees_orders_and_decides_nothing(clinic: Clinic, patient: Patient) -> None:
    order = needing_a_person(clinic, patient)
    bob = signed_in(clinic, Role.CARE_MANAGER)
    assert bob.get(ORDERS).status_code == bob.get(TO_SHIP).status_code == 200
    for address in (f"{ONE}{order.id}/shipped/", page_of(patient)):
        assert bob.post(address, {"go": "place"}).status_code == 403


@pytest.mark.parametrize(
    ("text", "found"),
    [("test person", True), ("scale", True), ("01-23-45", True), ("1Z9", True), ("nobody", False)],
)
def test_orders_are_found_by_patient_device_gateway_and_tracking(
    clinic: Clinic, patient: Patient, alice: Client, text: str, found: bool
) -> None:
    order_told(clinic, patient, "Shipped", hardware_uuid=GATEWAY)
    page = alice.get(ORDERS, {"search": text})
    assert ('scope="row"' in page.content.decode()) == found


def test_the_board_shows_orders_and_parcels_by_what_is_to_be_done(
    clinic: Clinic, patient: Patient, alice: Client
) -> None:
    needing_a_person(clinic, patient)
    order_told(clinic, somebody(clinic, "second", name="Second Person"), "Shipped")
    page = text_of(alice.get(f"{SHIPMENTS}?view=board"))
    assert re.search(r"Needs you 1 .*Test Person.*Being prepared 0 .*On its way 1 .*Second Person", page)


def test_what_our_own_staff_ships_waits_until_its_gateway_is_recorded(
    clinic: Clinic, patient: Patient, alice: Client
) -> None:
    order, device = order_told(clinic, patient, ship_by="clinic", shipping_notes="Large cuff")
    page = text_of(alice.get(TO_SHIP))
    for words in ("1 parcel for our own staff", "1 Main St", "Large cuff"):
        assert words in page
    act = f"{ONE}{order.id}/shipped/"
    wrong = alice.post(act, {"hardware_uuid": "12345"})
    assert "This is no Gateway ID" in text_of(wrong)
    assert 'value="12345"' in wrong.content.decode()
    alice.post(act, {"hardware_uuid": "01-23-45-67-89-ab", "tracking": "ups.com/track?tracknum=1Z9"})
    assert Device.objects.for_clinic(clinic).get(id=device.id).hardware_uuid == GATEWAY
    told = Request.objects.for_clinic(clinic).get(kind=RequestKind.DEVICE_UPDATE)
    assert told.target == str(device.hwi_device_id)
    assert "Nothing to pack" in text_of(alice.get(TO_SHIP))
    shown = alice.get(f"{ONE}{order.id}/")
    assert "Shipped by our own staff" in text_of(shown)
    assert 'href="https://ups.com/track?tracknum=1Z9"' in shown.content.decode()


def test_a_gateway_that_has_such_a_device_is_not_packed_again(
    clinic: Clinic, patient: Patient, alice: Client
) -> None:
    order, _ = order_told(clinic, patient, ship_by="clinic")
    make_device(clinic, hardware_uuid=GATEWAY, sensor_code="13")
    answer = alice.post(f"{ONE}{order.id}/shipped/", {"hardware_uuid": GATEWAY})
    assert "Another device of this kind sends through it" in text_of(answer)


def test_parcels_are_exported_as_they_are_filtered_and_no_cell_can_run(
    clinic: Clinic, patient: Patient, alice: Client
) -> None:
    Patient.objects.for_clinic(clinic).update(name="=HYPERLINK(1)")
    order_told(clinic, patient, "Shipped")
    lines = b"".join(alice.get(f"{SHIPMENTS}export.csv?stage=travelling")).decode().splitlines()
    assert lines[0].startswith("external_id,patient_name,device")
    assert "'=HYPERLINK(1)" in lines[1]
    assert "UPS,https://www.ups.com/track?tracknum=1Z9" in lines[1]
    assert len(b"".join(alice.get(f"{SHIPMENTS}export.csv?stage=ended")).splitlines()) == 1
    assert AuditEvent.objects.filter(action="parcels_exported", clinic_id=clinic.id).count() == 2
