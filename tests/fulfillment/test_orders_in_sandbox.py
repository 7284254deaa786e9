"""Every way to give a patient a device, against the played vendor."""

from __future__ import annotations

import datetime

import pytest
from django.utils import timezone
from pytest_django import Settings

from clinics.models import Clinic
from devices.models import Device, DeviceType
from fulfillment.models import Order
from fulfillment.orders.validation import Wanted
from measurements import reconcile
from measurements.actions.reassignment import give_device
from measurements.models import Cause, Measurement
from tenovi.models import ParkedKey, Request, RequestKind
from tenovi.outbound.enqueue import enqueue
from tests.fulfillment.crashing import clinic_at_its_vendor
from tests.fulfillment.ordering import (
    BPM,
    CELLULAR,
    GATEWAY,
    HAILIE,
    IMEI,
    SCALE,
    TRIVIDIA,
    admin_of,
    fresh,
    handed_over,
    place,
    place_one,
    run,
    shipped,
    somebody,
)
from tests.sandbox_server import Sandbox

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.clock]

WAYS: list[tuple[Wanted, str]] = [
    (handed_over(SCALE), "Delivered"),
    (handed_over(CELLULAR, IMEI), "Delivered"),
    (handed_over(HAILIE, sensor_id="H1234567"), "Delivered"),
    (handed_over(TRIVIDIA, bluetooth_passkey="123456"), "Delivered"),
    (shipped(BPM, ship_by="clinic", new_gateway=True), "Pending Shipment"),
    (shipped("Tenovi Pulse Ox", gateway_only=True), "Dropship Requested"),
    (shipped("Tenovi Thermometer"), "Dropship Requested"),
]


@pytest.fixture
def clinic(sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Clinic:
    return clinic_at_its_vendor(sandbox, settings, monkeypatch)


def test_each_way_is_taken_and_one_device_made(clinic: Clinic, sandbox: Sandbox) -> None:
    patient = somebody(clinic, "ways-1")
    place(clinic, patient, *(wanted for wanted, _ in WAYS))
    run(clinic)
    orders = Order.objects.for_clinic(clinic).order_by("line")
    assert [(order.state, order.vendor_status) for order in orders] == [
        ("confirmed", status) for _, status in WAYS
    ]
    made = sandbox.call("/hwi/hwi-devices/", patient__external_id="ways-1", page=1).json()["results"]
    assert sorted(record["device"]["name"] for record in made) == sorted(one.device_name for one, _ in WAYS)


def test_what_went_into_stock_is_handed_to_a_patient_of_whom_tenovi_is_told(
    clinic: Clinic, sandbox: Sandbox
) -> None:
    order = place_one(clinic, None, handed_over(BPM))
    run(clinic)
    device = fresh(order).device
    assert device is not None
    record = sandbox.call(f"/hwi/hwi-devices/{device.hwi_device_id}/").json()
    assert (record["patient"], record["device"]["hardware_uuid"]) == (None, GATEWAY)
    patient = somebody(clinic, "ways-5")
    give_device(device=device, patient=patient, since=timezone.now(), by=admin_of(clinic))
    run(clinic)
    record = sandbox.call(f"/hwi/hwi-devices/{device.hwi_device_id}/").json()
    assert (record["patient_id"], record["device"]["hardware_uuid"]) == ("ways-5", GATEWAY)


def test_a_passkey_reaches_the_device_right_after_its_activation(clinic: Clinic, sandbox: Sandbox) -> None:
    wanted = handed_over(TRIVIDIA, bluetooth_passkey="123456")
    order = place_one(clinic, somebody(clinic, "ways-4"), wanted)
    run(clinic, 2)
    device = fresh(order).device
    assert device is not None
    (found,) = sandbox.call(f"/hwi/hwi-devices/{device.hwi_device_id}/properties/").json()
    assert (found["key"], found["value"]) == ("bluetooth_passkey", "123456")
    assert fresh(order).bluetooth_passkey == ""


def test_a_device_for_who_has_a_gateway_is_sent_without_another(clinic: Clinic, sandbox: Sandbox) -> None:
    patient = somebody(clinic, "ways-2")
    place(clinic, patient, handed_over(SCALE))
    run(clinic)
    order = place_one(clinic, patient, shipped(BPM))
    run(clinic)
    device = fresh(order).device
    assert device is not None
    record = sandbox.call(f"/hwi/hwi-devices/{device.hwi_device_id}/").json()
    assert record["device"]["hardware_uuid"] == GATEWAY
    assert record["device"]["fulfillment_request"]["ship_gateway_only"] is False


def test_what_the_vendor_knows_better_is_a_refusal_in_its_words(clinic: Clinic, sandbox: Sandbox) -> None:
    """A device that was activated elsewhere, and that nothing here knows yet."""
    body = {"device": {"name": SCALE, "hardware_uuid": GATEWAY}, "patient": {"external_id": "elsewhere"}}
    assert sandbox.call("/hwi/hwi-devices/", method="POST", body=body).status_code == 201
    assert not Device.objects.for_clinic(clinic).exists()
    order = place_one(clinic, somebody(clinic, "ways-3"), handed_over(SCALE))
    run(clinic)
    assert (fresh(order).state, fresh(order).reason) == (
        "refused",
        "Device with this Gateway ID/Sensor Code already exists",
    )


def test_every_read_about_each_device_that_was_ordered_is_answered(clinic: Clinic, sandbox: Sandbox) -> None:
    """What the product has created there is as good as what was there before."""
    enqueue(clinic, RequestKind.DEVICE_TYPES, insist=True)
    run(clinic)
    types = list(DeviceType.objects.for_clinic(clinic).filter(is_offered=True).order_by("name"))
    patient = somebody(clinic, "reads-1")
    for number in range(0, len(types), 4):
        wanted = [_shipped(one) for one in types[number : number + 4]]
        place(clinic, patient, *wanted)
        run(clinic)
    devices = list(Device.objects.for_clinic(clinic))
    assert len(devices) == len(types) > 15
    for device in devices:
        for _ in range(2):
            record = sandbox.control("orders", {"device": str(device.hwi_device_id)})["record"]
        assert sandbox.control("live", {"device": str(device.hwi_device_id)})["rows"]
        _ask_everything_about(clinic, device, record["device"]["hardware_uuid"])
    since = timezone.now() - datetime.timedelta(days=1)
    comparison = reconcile.start(clinic=clinic, cause=Cause.PERSON, since=since, by=admin_of(clinic))
    for kind in (RequestKind.DEVICES, RequestKind.GATEWAYS, RequestKind.HARDWARE_LOG, RequestKind.PATIENTS):
        enqueue(clinic, kind, insist=True)
    enqueue(clinic, RequestKind.DEVICES_OF_PATIENT, "reads-1", insist=True)
    run(clinic, 3)
    assert list(Request.objects.for_clinic(clinic).values_list("kind", "state", "reason")) == []
    assert not ParkedKey.objects.exists()
    assert comparison is not None
    comparison.refresh_from_db()
    assert comparison.finished_at is not None
    read = set(Measurement.objects.for_clinic(clinic).values_list("hwi_device_id", flat=True))
    assert read == {device.hwi_device_id for device in devices}


def _shipped(one: DeviceType) -> Wanted:
    return shipped(one.name, new_gateway=bool(one.sensor_code), sensor_id="H1234567" * one.sensor_id_required)


def _ask_everything_about(clinic: Clinic, device: Device, hardware: str) -> None:
    target = str(device.hwi_device_id)
    enqueue(clinic, RequestKind.DEVICE, target)
    enqueue(clinic, RequestKind.PROPERTIES, target)
    if device.sensor_code:
        enqueue(clinic, RequestKind.GATEWAY, hardware)
