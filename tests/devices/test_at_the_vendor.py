"""What is sent to the played vendor is spelled and asked for as its pages say, in each way that it may speak."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from clinics.models import Clinic
from devices.actions.assignments import tell_vendor
from devices.models import Assignment, Device, Gateway
from devices.sync import poll_gateways
from patients.models import Patient
from tenovi.models import Request, RequestKind
from tenovi.outbound.enqueue import enqueue
from tests.factories import assign
from tests.fulfillment.crashing import clinic_at_its_vendor
from tests.fulfillment.ordering import (
    BPM,
    HAILIE,
    SCALE,
    fresh,
    handed_over,
    place_one,
    run,
    shipped,
    somebody,
)
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clinic(sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Clinic:
    return clinic_at_its_vendor(sandbox, settings, monkeypatch)


def record_of(sandbox: Sandbox, device: Device) -> dict[str, Any]:
    record: dict[str, Any] = sandbox.call(f"/hwi/hwi-devices/{device.hwi_device_id}/").json()
    return record


def hardware_at(sandbox: Sandbox, device: Device) -> str:
    return str(record_of(sandbox, device)["device"]["hardware_uuid"])


def calls(sandbox: Sandbox, method: str, path: str) -> list[int | None]:
    seen = sandbox.requests()
    return [one["status"] for one in seen if one["method"] == method and path in one["path"]]


@pytest.mark.parametrize("case", ["lower", "upper"])
def test_gateways_are_asked_about_in_the_vendors_spelling(
    clinic: Clinic, sandbox: Sandbox, case: str
) -> None:
    sandbox.control("settings", {"hardware_case": case})
    enqueue(clinic, RequestKind.DEVICES)
    run(clinic)
    assert poll_gateways() > 5
    run(clinic)
    assert set(calls(sandbox, "GET", "gateway-info")) == {200}
    assert not Gateway.objects.for_clinic(clinic).filter(polled_at=None).exists()
    assert not Request.objects.for_clinic(clinic).exists()


@pytest.mark.parametrize("case", ["lower", "upper"])
def test_a_device_joins_the_gateway_at_home_in_the_vendors_spelling(
    clinic: Clinic, sandbox: Sandbox, case: str
) -> None:
    sandbox.control("settings", {"hardware_case": case})
    enqueue(clinic, RequestKind.DEVICES)
    run(clinic)
    patient = Patient.objects.for_clinic(clinic).get(external_id="P-0002")
    Patient.objects.for_clinic(clinic).filter(id=patient.id).update(
        name="Test Person", address="1 Main St", city="Irvine", state="CA", zip_code="92614"
    )
    patient.refresh_from_db()
    assignment = (
        Assignment.objects.for_clinic(clinic).filter(patient=patient).select_related("device").first()
    )
    assert assignment is not None
    home = hardware_at(sandbox, assignment.device)
    order = place_one(clinic, patient, shipped(SCALE))
    run(clinic)
    device = fresh(order).device
    assert device is not None
    assert (hardware_at(sandbox, device), order.hardware_uuid) == (home, home.upper())


@pytest.mark.parametrize(
    ("typed", "sent"), [("0123-4567-89ab", "0123456789ab"), ("0123456789AB", "0123456789AB")]
)
def test_an_id_that_is_new_to_us_is_sent_as_the_label_has_it(
    clinic: Clinic, sandbox: Sandbox, typed: str, sent: str
) -> None:
    order = place_one(clinic, somebody(clinic, "typed-1"), handed_over(SCALE, typed))
    run(clinic)
    assert fresh(order).vendor_status == "Delivered"
    assert fresh(order).sent["device"]["hardware_uuid"] == sent
    second = place_one(clinic, somebody(clinic, "typed-2"), handed_over(BPM, "0123 4567 89aB"))
    run(clinic)
    assert fresh(second).sent["device"]["hardware_uuid"] == sent
    assert fresh(second).vendor_status == "Delivered"


@pytest.mark.parametrize(
    ("variant", "verbs"),
    [
        ({}, {"PUT": [200], "PATCH": []}),
        ({"patches_devices": True}, {"PUT": [200], "PATCH": []}),
        ({"puts_devices": False, "patches_devices": True}, {"PUT": [405], "PATCH": [200]}),
    ],
)
def test_a_patient_is_attached_by_the_documented_verb_and_the_device_stays_whole(
    clinic: Clinic, sandbox: Sandbox, variant: dict[str, bool], verbs: dict[str, list[int]]
) -> None:
    sandbox.control("settings", variant)
    order = place_one(clinic, somebody(clinic, "first-1"), handed_over(HAILIE, sensor_id="H1234567"))
    run(clinic)
    device = fresh(order).device
    assert device is not None
    before = record_of(sandbox, device)
    Assignment.objects.for_clinic(clinic).update(ends_at=timezone.now())
    assign(device, somebody(clinic, "second-1"), starts_at=timezone.now())
    tell_vendor(device)
    run(clinic, 2)
    after = record_of(sandbox, device)
    assert after["patient_id"] == "second-1"
    assert after["device"] == before["device"]
    path = f"/hwi-devices/{device.hwi_device_id}/"
    assert {verb: calls(sandbox, verb, path) for verb in verbs} == verbs
    assert not Request.objects.for_clinic(clinic).exists()


def test_where_neither_verb_is_offered_a_person_reads_so(clinic: Clinic, sandbox: Sandbox) -> None:
    sandbox.control("settings", {"puts_devices": False})
    order = place_one(clinic, somebody(clinic, "first-2"), handed_over(SCALE))
    run(clinic)
    device = fresh(order).device
    assert device is not None
    tell_vendor(device)
    run(clinic, 3)
    waiting = Request.objects.for_clinic(clinic).get()
    assert (waiting.state, waiting.reason[:26]) == ("parked", "Tenovi does not offer this")
