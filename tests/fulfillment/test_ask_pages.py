"""The pages of replacements and supplies: asking keeps what was typed, and says what is missing."""

from __future__ import annotations

import pytest
from django.test import Client

from clinics.models import Clinic, Role
from devices.models import Device
from fulfillment.models import Replacement, SupplyRequest, SupplyType
from patients.models import Patient
from tests.factories import GATEWAY_ID, assign, held_device, make_clinic, make_device, make_user
from tests.fulfillment.vendor import order, tell_order, the_order
from tests.pages import signed_in, text_of
from tests.rest import api_client

pytestmark = pytest.mark.django_db

ADDRESS = {"name": "Ada", "address": "1 Main St", "city": "Irvine", "state": "CA", "zip_code": "92614"}


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def device(clinic: Clinic) -> Device:
    held_device(clinic)
    Device.objects.for_clinic(clinic).update(name="Tenovi BPM - L", hardware_uuid=GATEWAY_ID)
    Patient.objects.for_clinic(clinic).update(**ADDRESS)
    return Device.objects.for_clinic(clinic).get()


@pytest.fixture
def alice(clinic: Clinic) -> Client:
    return signed_in(clinic, Role.CLINIC_ADMIN)


def patient_of(clinic: Clinic) -> Patient:
    return Patient.objects.for_clinic(clinic).get()


def test_a_gateway_is_replaced_from_the_page_of_its_device(
    clinic: Clinic, device: Device, alice: Client
) -> None:
    make_device(clinic, name="Tenovi Scale", hardware_uuid=GATEWAY_ID)
    address = f"/c/alpha/devices/{device.id}/replace/"
    page = text_of(alice.get(address))
    for words in ("A new gateway also carries Tenovi Scale", "1 Main St", "may charge", "not checked"):
        assert words in page
    form = {"parts": ["Gateway"], "how": "tenovi", "notify_emails": "a@b.test; c@d.test", "token": "one"}
    answer = alice.post(address, form, follow=True)
    asked = Replacement.objects.for_clinic(clinic).get()
    assert (asked.parts, asked.notify_emails, asked.shipping_city) == (
        ["Gateway"],
        "a@b.test,c@d.test",
        "Irvine",
    )
    assert "Waiting to be sent" in text_of(answer)
    assert "Gateway" in text_of(alice.get("/c/alpha/fulfillment/replacements/?show=open"))
    assert alice.post(address, form).status_code == 302
    assert Replacement.objects.for_clinic(clinic).count() == 1


def test_a_second_one_names_the_first_and_keeps_what_was_typed(
    clinic: Clinic, device: Device, alice: Client
) -> None:
    address = f"/c/alpha/devices/{device.id}/replace/"
    form = {"parts": ["Gateway"], "how": "tenovi", "notify_emails": "kept@b.test"}
    alice.post(address, form | {"token": "one"})
    page = alice.post(address, form | {"token": "two"})
    assert "The same is on its way already" in text_of(page)
    assert "kept@b.test" in page.content.decode()
    assert alice.post(address, form | {"token": "two", "again": "on"}).status_code == 302
    assert Replacement.objects.for_clinic(clinic).count() == 2


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"how": "tenovi"}, "Choose the device, the gateway or both."),
        (
            {"parts": ["Gateway"], "how": "tenovi", "notify_emails": "nobody"},
            "nobody is not an e-mail address.",
        ),
        ({"parts": ["Gateway"], "how": "tenovi"}, "The patient’s record lacks: ZIP code."),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(
    clinic: Clinic, device: Device, alice: Client, form: dict[str, object], words: str
) -> None:
    Patient.objects.for_clinic(clinic).update(zip_code="")
    page = alice.post(f"/c/alpha/devices/{device.id}/replace/", form)
    assert words in text_of(page)
    assert not Replacement.objects.for_clinic(clinic).exists()


def test_supplies_are_asked_for_by_type_and_device(clinic: Clinic, device: Device, alice: Client) -> None:
    strips = SupplyType.objects.create(clinic=clinic, name="Strips (50)", needs_hardware=True)
    SupplyType.objects.create(clinic=clinic, name="Gone", is_offered=False)
    address = f"/c/alpha/patients/{patient_of(clinic).id}/supplies/"
    assert "Gone" not in text_of(alice.get(address))
    refused = alice.post(address, {"supply": strips.id, "token": "one"})
    assert "wants to know the gateway" in text_of(refused)
    alice.post(address, {"supply": strips.id, "hardware": str(device.id), "token": "one"})
    asked = SupplyRequest.objects.for_clinic(clinic).get()
    assert (asked.supply_name, asked.hardware_uuid) == ("Strips (50)", GATEWAY_ID)
    assert "Strips (50)" in text_of(alice.get("/c/alpha/fulfillment/supplies/?search=ada"))


def test_supplies_are_asked_for_by_gateway_where_no_device_is_meant(
    clinic: Clinic, device: Device, alice: Client
) -> None:
    plug = SupplyType.objects.create(clinic=clinic, name="Gateway plug", needs_hardware=True)
    address = f"/c/alpha/patients/{patient_of(clinic).id}/supplies/"
    assert f"The gateway {GATEWAY_ID}" in text_of(alice.get(address))
    alice.post(address, {"supply": plug.id, "hardware": GATEWAY_ID, "token": "one"})
    asked = SupplyRequest.objects.for_clinic(clinic).get()
    assert (asked.device_id, asked.hardware_uuid) == (None, GATEWAY_ID)


def test_a_script_names_a_gateway_of_the_patient_and_no_other(clinic: Clinic, device: Device) -> None:
    SupplyType.objects.create(clinic=clinic, name="Gateway plug", needs_hardware=True)
    make_device(clinic, hardware_uuid="0A0A0A0A0A0A")
    api = api_client(make_user("script@alpha.test", clinic, Role.CLINIC_ADMIN))
    body = {"patient": patient_of(clinic).external_id, "supply_name": "Gateway plug"}
    url, key = "/api/v1/clinics/alpha/supplies/", {"Idempotency-Key": "one"}
    strange = api.post(url, body | {"gateway": "0A0A0A0A0A0A"}, headers=key, format="json")
    assert (strange.status_code, list(strange.json())) == (400, ["gateway"])
    both = api.post(
        url, body | {"gateway": GATEWAY_ID, "device": str(device.hwi_device_id)}, headers=key, format="json"
    )
    assert (both.status_code, list(both.json())) == (400, ["gateway"])
    for status in (201, 200):
        taken = api.post(url, body | {"gateway": GATEWAY_ID.lower()}, headers=key, format="json")
        assert (taken.status_code, taken.json()["hardware_uuid"]) == (status, GATEWAY_ID)


@pytest.mark.parametrize("named", ["device", "gateway"])
def test_what_another_patient_has_cannot_be_named(
    clinic: Clinic, device: Device, alice: Client, named: str
) -> None:
    kind = SupplyType.objects.create(clinic=clinic, name="Lancets (100)")
    stranger = make_device(clinic, hardware_uuid="0A0A0A0A0A0A")
    assign(stranger, Patient.objects.create(clinic=clinic, external_id="other"))
    patient = Patient.objects.for_clinic(clinic).get(name="Ada")
    address = f"/c/alpha/patients/{patient.id}/supplies/"
    hardware = str(stranger.id) if named == "device" else stranger.hardware_uuid
    assert "Select a valid choice" in text_of(
        alice.post(address, {"supply": kind.id, "hardware": hardware, "token": "one"})
    )
    assert not SupplyRequest.objects.for_clinic(clinic).exists()


def test_a_care_manager_sees_and_does_not_ask(clinic: Clinic, device: Device, alice: Client) -> None:
    alice.post(
        f"/c/alpha/devices/{device.id}/replace/", {"parts": ["Gateway"], "how": "stock", "token": "one"}
    )
    asked = Replacement.objects.for_clinic(clinic).get()
    bob = signed_in(clinic, Role.CARE_MANAGER)
    page = text_of(bob.get(f"/c/alpha/fulfillment/replacements/{asked.id}/"))
    assert "Gateway" in page
    assert "Take it back" not in page
    assert (
        bob.post(f"/c/alpha/fulfillment/replacements/{asked.id}/act/", {"do": "withdraw"}).status_code == 403
    )


def test_a_bulk_order_opens_into_its_contents_and_manifest(clinic: Clinic, alice: Client) -> None:
    tell_order(clinic, order())
    address = f"/c/alpha/fulfillment/special-orders/{the_order(clinic).id}/"
    assert address in alice.get("/c/alpha/fulfillment/special-orders/").content.decode()
    page = text_of(alice.get(address))
    for words in ("Bulk SO-1234", "2 × Tenovi BPM - L", "A1B2C3D4E501", "A1B2C3D4E502", "Shipped"):
        assert words in page
