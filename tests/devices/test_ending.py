"""Unlinking and deleting a device: the request, its result, and the page meanwhile."""

from __future__ import annotations

import datetime
import html
import re
import uuid
from typing import Any

import pytest
from django.test import Client

from clinics.models import AuditEvent, Clinic, Role
from devices.actions.ending import ENDS
from devices.from_vendor import store_vendor_device
from devices.hardware_log import NO_PATH
from devices.models import Assignment, Device, DeviceType
from tenovi.client.records import Device as VendorDevice
from tenovi.models import Priority, Request, RequestKind
from tenovi.outbound.sender import drain
from tests.factories import LONG_AGO, assign, make_device, make_patient, make_user
from tests.vendor import PATIENTS, vendor_clinic, wire_device
from tests.vendor_stub import Reply, VendorStub

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.clock]

SEVEN = uuid.UUID(int=7)
UNLINK = f"/hwi/unlink-gateway/{SEVEN}/"
RECORD = f"/hwi/hwi-devices/{SEVEN}/"
FULFILLED = "HWI Devices attached to a fulfilled Fulfillment Request cannot be deleted."


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    return vendor_clinic()


@pytest.fixture
def device(clinic: Clinic) -> Device:
    """A cuff that a patient has."""
    device = make_device(clinic, hwi_device_id=SEVEN, name="Tenovi BPM - L", hardware_uuid="A1B2C3D4E5F6")
    assign(device, make_patient(clinic, name="Ada Lark"))
    return device


@pytest.fixture
def admin(clinic: Clinic) -> Client:
    client = Client()
    client.force_login(make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN))
    return client


def unlinked(**members: Any) -> Reply:
    return Reply(200, {**wire_device(7, hardware_uuid=None), "status": "Unlinked", **members})


def page(device: Device) -> str:
    return f"/c/alpha/devices/{device.id}/end/"


def text(client: Client, url: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", client.get(url).content.decode())).split())


def now_at(device: Device) -> Device:
    return Device.objects.for_clinic(device.clinic).get(id=device.id)


def assignment(device: Device) -> Assignment:
    return Assignment.objects.for_clinic(device.clinic).get(device=device)


def test_what_hardware_it_had_is_known_as_soon_as_it_is_unlinked(
    admin: Client, device: Device, stub: VendorStub
) -> None:
    """Its record names no hardware from then on: the log is asked for this device, not in the night."""
    entry = {
        "id": 5,
        "object_id": str(SEVEN),
        "old_hardware_uuid": "a1b2-c3d4-e5f6",
        "new_hardware_uuid": None,
        "changer": "admin",
        "created": "2025-06-01T12:00:00.000000Z",
    }
    stub.reply(UNLINK, unlinked(unlinked_on="2025-06-01T12:00:00.000000Z"))
    stub.reply("/hwi/hardware-uuid-logs/", Reply(200, [entry]))
    admin.post(page(device), {"do": "unlink"})
    drain()
    (call,) = [one for one in stub.work if "hardware-uuid-logs" in one.path]
    assert f"object_id={SEVEN}" in call.query
    assert not Request.objects.for_clinic(device.clinic).exists()
    assert "A1B2C3D4E5F6 none admin" in text(admin, f"/c/alpha/devices/{device.id}/")
    assert device.name in text(admin, "/c/alpha/devices/?search=a1b2c3d4e5f6")


def test_the_log_of_a_device_is_asked_for_before_the_device_goes(
    admin: Client, device: Device, stub: VendorStub
) -> None:
    """Its record is gone then, and what the vendor's log still has of it nobody promises."""
    stub.reply(RECORD, Reply(204, b""))
    stub.reply("/hwi/hardware-uuid-logs/", Reply(200, []))
    admin.post(page(device), {"do": "delete"})
    drain()
    assert [(asked.method, path) for asked, path in zip(stub.work, stub.paths(), strict=True)] == [
        ("GET", "/hwi/hardware-uuid-logs/"),
        ("DELETE", RECORD),
    ]
    assert f"object_id={SEVEN}" in stub.work[0].query
    assert now_at(device).deleted_at is not None


def test_a_log_that_cannot_be_read_holds_no_deletion_up(
    admin: Client, device: Device, stub: VendorStub
) -> None:
    stub.reply(RECORD, Reply(204, b""))
    stub.reply("/hwi/hardware-uuid-logs/", Reply(500, {}))
    stub.reply(PATIENTS, Reply(body=[]))  # the vendor itself is there
    admin.post(page(device), {"do": "delete"})
    drain()
    assert now_at(device).deleted_at is not None


def test_a_vendor_without_a_log_says_so_once_however_many_devices_are_unlinked(
    clinic: Clinic, admin: Client, stub: VendorStub
) -> None:
    for number in (7, 8, 9):
        device = make_device(clinic, hwi_device_id=uuid.UUID(int=number), hardware_uuid=f"{number:012X}")
        answer = {**wire_device(number, hardware_uuid=None), "status": "Unlinked"}
        stub.reply(f"/hwi/unlink-gateway/{device.hwi_device_id}/", Reply(200, answer))
        admin.post(page(device), {"do": "unlink"})
    drain()
    request = Request.objects.for_clinic(clinic).get()
    assert (request.kind, request.target, request.state) == (RequestKind.HARDWARE_LOG, "", "parked")
    assert request.reason == NO_PATH
    assert text(admin, "/c/alpha/operations/").count(NO_PATH) == 1


def test_what_unlinking_means_is_said_before_the_click(admin: Client, device: Device) -> None:
    DeviceType.objects.create(clinic=device.clinic, name=device.name, monthly_cost="5.00")
    shown = text(admin, page(device))
    assert "Tenovi charges $5.00 a month for it until it is unlinked." in shown
    assert "Until then both go on." in shown
    assert "From that moment Ada Lark does not have it any more." in shown
    assert not Request.objects.for_clinic(device.clinic).exists()


def test_a_click_is_a_request_in_front_of_all_others_and_a_line_in_the_record(
    admin: Client, device: Device
) -> None:
    admin.post(page(device), {"do": "unlink"})
    request = Request.objects.for_clinic(device.clinic).get()
    assert (request.kind, request.target) == (RequestKind.DEVICE_UNLINK, str(SEVEN))
    assert request.priority == Priority.PERSON
    event = AuditEvent.objects.get(action="device_unlink_asked")
    assert (event.actor_label, event.target_id) == ("admin@alpha.test", str(device.id))
    assert "Unlinking: it waits to be sent to Tenovi." in text(admin, page(device))
    assert assignment(device).ends_at is None


def test_once_it_is_unlinked_the_patient_has_it_no_longer(
    admin: Client, device: Device, stub: VendorStub
) -> None:
    at = datetime.datetime(2025, 6, 1, 12, tzinfo=datetime.UTC)
    stub.reply(UNLINK, unlinked(unlinked_on="2025-06-01T12:00:00.000000Z"))
    admin.post(page(device), {"do": "unlink"})
    drain()
    assert (now_at(device).unlinked_at, now_at(device).hardware_uuid) == (at, "")
    assert assignment(device).ends_at == at
    event = AuditEvent.objects.get(action="device_unlinked")
    assert event.actor_label == "admin@alpha.test"
    assert event.detail["assignment_ends_at"] == [None, at.isoformat()]
    shown = text(admin, page(device))
    assert "nothing is charged for it any more" in shown
    assert "Unlink at Tenovi" not in shown


def test_a_vendor_that_does_not_say_when_has_done_it_now(
    admin: Client, device: Device, stub: VendorStub
) -> None:
    stub.reply(UNLINK, unlinked())
    before = datetime.datetime.now(datetime.UTC)
    admin.post(page(device), {"do": "unlink"})
    drain()
    ended = assignment(device).ends_at
    assert ended is not None
    assert ended >= before
    assert now_at(device).unlinked_at == ended


def test_a_deleted_device_stays_here_for_its_readings(
    admin: Client, device: Device, stub: VendorStub
) -> None:
    stub.reply(RECORD, Reply(204))
    admin.post(page(device), {"do": "delete"})
    drain()
    assert now_at(device).deleted_at is not None
    assert assignment(device).ends_at is not None
    assert AuditEvent.objects.filter(action="device_deleted").count() == 1
    assert "Deleted at Tenovi" in text(admin, page(device))
    assert "deleted at Tenovi" in text(admin, f"/c/alpha/devices/{device.id}/")
    assert not Device.objects.for_clinic(device.clinic).at_the_vendor().exists()


def test_a_device_that_cannot_be_deleted_is_offered_to_be_unlinked(
    admin: Client, device: Device, stub: VendorStub
) -> None:
    stub.reply(RECORD, Reply(400, {"detail": FULFILLED}))
    admin.post(page(device), {"do": "delete"})
    drain()
    shown = text(admin, page(device))
    assert "Tenovi did not delete it." in shown
    assert "it came with an order that was fulfilled" in shown
    assert "Unlink it instead" in shown
    assert "Delete at Tenovi" not in shown
    assert assignment(device).ends_at is None
    admin.post(page(device), {"do": "unlink"})
    asked = Request.objects.for_clinic(device.clinic).filter(kind__in=ENDS)
    assert list(asked.values_list("kind", "state")) == [(RequestKind.DEVICE_UNLINK, "waiting")]


def test_a_fulfilled_order_the_vendor_tells_of_is_known_before_the_click(
    admin: Client, device: Device, stub: VendorStub
) -> None:
    stub.reply(UNLINK, Reply(200, wire_device(7, fulfillment_request={"fulfilled": True})))
    admin.post(page(device), {"do": "unlink"})
    drain()
    assert "This is not possible" in text(admin, page(device))
    admin.post(page(device), {"do": "delete"})
    assert not Request.objects.for_clinic(device.clinic).filter(kind=RequestKind.DEVICE_DELETE).exists()


def test_a_device_the_vendor_lists_again_is_there_again(device: Device) -> None:
    Device.objects.for_clinic(device.clinic).update(deleted_at=LONG_AGO)
    store_vendor_device(clinic=device.clinic, record=VendorDevice.from_wire(wire_device(7)))
    assert now_at(device).deleted_at is None


def test_a_key_at_rest_is_named_as_what_it_waits_for(admin: Client, device: Device, stub: VendorStub) -> None:
    stub.reply(UNLINK, Reply(403, {"detail": "no"}))
    admin.post(page(device), {"do": "unlink"})
    drain()
    shown = text(admin, page(device))
    assert re.search(r"Unlinking: it waits to be sent to Tenovi\. Tenovi [^.]+key", shown)
    assert "Create a new one in the Tenovi dashboard" in shown
    assert assignment(device).ends_at is None
