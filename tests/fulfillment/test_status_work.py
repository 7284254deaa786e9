"""Each of the vendor's statuses has its sentence and, where somebody must act, the page on which they do."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from clinics.models import AuditEvent, Clinic, Role
from devices.models import Device
from fulfillment.models import Order
from fulfillment.orders.progress import catch_up
from fulfillment.shipments.remedies import WORK
from fulfillment.vendor_statuses import STATUSES, Act, Stage, Status, status_named
from patients.models import Patient
from tests.factories import assign, make_device, make_order
from tests.fulfillment.crashing import clinic_at_its_vendor
from tests.fulfillment.ordering import SCALE, fresh, handed_over, place_one, run, shipped, somebody
from tests.fulfillment.vendor import news, tell
from tests.pages import signed_in, text_of
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

UNHEARD_OF = status_named("Out for Delivery")


@pytest.fixture
def clinic(sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Clinic:
    return clinic_at_its_vendor(sandbox, settings, monkeypatch)


@pytest.fixture
def admin(clinic: Clinic) -> Client:
    return signed_in(clinic, Role.CLINIC_ADMIN)


def confirmed(clinic: Clinic, status: str) -> Order:
    patient = somebody(clinic)
    device = make_device(clinic, name=SCALE, status=status, hardware_uuid="A1B2C3D4E5F6", sensor_code="13")
    assign(device, patient)
    return make_order(patient, state="confirmed", device=device, vendor_status=status)


def url(order: Order) -> str:
    return f"/c/{order.clinic.slug}/orders/{order.id}/"


def test_whoever_must_act_has_a_way_and_every_way_has_its_work() -> None:
    assert set(WORK) == set(Act) == {status.act for status in STATUSES if status.act}
    for status in (*STATUSES, UNHEARD_OF):
        assert status.meaning and status.turn
        assert status.act or status.stage != Stage.NEEDS_YOU


@pytest.mark.parametrize("status", [*STATUSES, UNHEARD_OF], ids=lambda one: one.name)
def test_the_pages_of_the_order_and_the_device_lead_on_from_each_status(
    clinic: Clinic, admin: Client, status: Status
) -> None:
    order = confirmed(clinic, status.name)
    answer = admin.get(url(order))
    assert status.meaning in text_of(answer)
    section = re.search(r'class="card work".*?</section>', answer.content.decode(), re.DOTALL)
    assert bool(section) == bool(status.act)
    if section:
        ways = re.findall(r'class="btn" href="([^"]+)"', section[0])
        assert ways and all(admin.get(way).status_code == 200 for way in ways)
        assert status.turn in text_of(admin.get(f"/c/alpha/devices/{order.device_id}/"))
        assert url(order) in admin.get(f"/c/alpha/devices/{order.device_id}/").content.decode()


@pytest.mark.parametrize("status", [one for one in STATUSES if one.act], ids=lambda one: one.name)
def test_a_device_without_an_order_leads_on_too(clinic: Clinic, admin: Client, status: Status) -> None:
    """It was ordered in the vendor's own dashboard, or before this clinic used Vitaldays."""
    order = confirmed(clinic, status.name)
    page = f"/c/alpha/devices/{order.device_id}/"
    order.delete()
    answer = admin.get(page)
    assert status.turn in text_of(answer)
    work = re.search(r'id="work-title".*?</section>', answer.content.decode(), re.DOTALL)
    assert work is not None
    ways = re.findall(r'class="btn" href="([^"]+)"', work[0])
    assert page not in ways and bool(ways) == (status.act != Act.ASK_VENDOR)
    assert all(admin.get(way).status_code == 200 for way in ways)


def test_the_shipping_list_leads_to_where_somebody_acts(clinic: Clinic, admin: Client) -> None:
    order = confirmed(clinic, "Dropship Requested")
    assert order.device is not None
    tell(clinic, news(order.device, "On Hold"))
    assert url(order) in admin.get("/c/alpha/fulfillment/").content.decode()


def test_an_id_that_tenovi_does_not_know_is_corrected_and_sent(
    clinic: Clinic, sandbox: Sandbox, admin: Client
) -> None:
    printed = sandbox.call("/hwi/hwi-gateways/").json()["results"][0]["gateway_uuid"]
    misread = printed[:-1] + ("0" if printed[-1] != "0" else "1")
    order = place_one(
        clinic, somebody(clinic, "misread-1"), handed_over("Tenovi Thermometer", printed.upper())
    )
    run(clinic)
    device = fresh(order).device
    assert device is not None and device.status == "Unknown Gateway ID"
    page = f"/c/alpha/devices/{device.id}/hardware/"
    assert page in admin.get(url(order)).content.decode()
    wrong = text_of(admin.post(page, {"hardware_uuid": "not an id"}))
    assert "This is no Gateway ID" in wrong
    admin.post(page, {"hardware_uuid": misread})
    assert "Tenovi’s answer appears here by itself" in text_of(admin.get(url(order)))
    run(clinic, 2)
    catch_up()
    assert fresh(order).vendor_status == "Delivered"
    record = sandbox.call(f"/hwi/hwi-devices/{device.hwi_device_id}/").json()
    assert record["device"]["hardware_uuid"] == misread
    line = AuditEvent.objects.get(action="device_hardware_corrected")
    assert line.detail["hardware_uuid"][1] == misread.upper()
    assert "Needs a person" not in text_of(admin.get(url(order)))


def test_a_parcel_that_waits_for_the_address_says_why_and_goes_on_once_it_is_confirmed(
    clinic: Clinic, sandbox: Sandbox, admin: Client
) -> None:
    patient = somebody(clinic, "rural-1", address="1 Nowhere Rd")
    order = place_one(clinic, patient, shipped(SCALE, new_gateway=True))
    run(clinic)
    device = fresh(order).device
    assert device is not None
    sandbox.control("orders", {"device": str(device.hwi_device_id)})
    tell(clinic, news(device, "Client Action Required", patient_id="rural-1", hardware_uuid=None))
    run(clinic)
    text = text_of(admin.get(url(order)))
    assert "Tenovi says: Address could not be verified." in text
    assert "Confirm this address" in text and "Change the address" in text
    Patient.objects.for_clinic(clinic).update(address_status="Verified")  # its verdict on the record
    confirm = f"/c/alpha/patients/{patient.id}/confirm-address/"
    version = Patient.objects.for_clinic(clinic).get(id=patient.id).version
    admin.post(confirm, {"version": version, "reason": "The patient lives there."})
    run(clinic, 2)
    text = text_of(admin.get(url(order)))
    assert "The record that Tenovi ships by was sent" in text and "Nothing now" in text
    assert sandbox.control("orders", {"device": str(device.hwi_device_id)})["record"]["status"] == "Shipped"


def test_what_somebody_told_tenovi_is_in_the_history(clinic: Clinic, admin: Client) -> None:
    order = confirmed(clinic, "On Hold")
    assert admin.post(f"{url(order)}told/", {"said": " "}).status_code == 400
    admin.post(f"{url(order)}told/", {"said": "They wait for a new batch."})
    text = text_of(admin.get(url(order)))
    assert "Tenovi was asked or told by" in text and "They wait for a new batch." in text
    assert AuditEvent.objects.filter(action="order_told").count() == 1


def test_who_may_not_manage_devices_reads_who_can(clinic: Clinic) -> None:
    order = confirmed(clinic, "Unknown Gateway ID")
    nurse = signed_in(clinic, Role.CARE_MANAGER)
    assert "A clinic admin can: correct the id." in text_of(nurse.get(url(order)))
    assert nurse.get(f"/c/alpha/devices/{order.device_id}/hardware/").status_code == 403


def test_an_ended_device_cannot_be_corrected(clinic: Clinic, admin: Client) -> None:
    order = confirmed(clinic, "Unlinked")
    Device.objects.for_clinic(clinic).update(unlinked_at=timezone.now())
    page = f"/c/alpha/devices/{order.device_id}/hardware/"
    assert "no longer in service" in text_of(admin.post(page, {"hardware_uuid": "A1B2C3D4E5A7"}))
    assert Device.objects.for_clinic(clinic).get().hardware_uuid == "A1B2C3D4E5F6"
