"""A person's change of a device stays until the vendor has it: our value and theirs are two things."""

from __future__ import annotations

import ast
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from clinics.models import AuditEvent, Clinic, Role
from devices.actions.wanted import WRITTEN_HERE
from devices.from_vendor import store_vendor_device
from devices.models import Device
from devices.sync import start_due
from fulfillment.models import Order
from tenovi.client.records import Device as VendorDevice
from tenovi.models import Request, RequestKind
from tenovi.outbound.enqueue import enqueue
from tenovi.outbound.sender import drain
from tests.factories import assign, make_device, make_order, make_patient, make_user
from tests.pages import text_of
from tests.vendor import DEVICES, empty_account, vendor_clinic, wire_device
from tests.vendor_stub import Reply, VendorStub

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
SEVEN = uuid.UUID(int=7)
RECORD = f"{DEVICES}{SEVEN}/"
PACKED, OTHER = "0123456789AB", "F1B2C3D4E5F6"
UPDATES = Request.objects.across_clinics().filter(kind=RequestKind.DEVICE_UPDATE)


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    return vendor_clinic()


@pytest.fixture
def device(clinic: Clinic) -> Device:
    """Ordered for a patient, without hardware yet."""
    device = make_device(clinic, "tenovi-scale", hwi_device_id=SEVEN, name="Tenovi Scale", sensor_code="13")
    assign(device, make_patient(clinic, "P-1", name="Ada Lark"))
    return device


@pytest.fixture
def order(clinic: Clinic, device: Device) -> Order:
    """Waits for our own staff to pack it."""
    patient = make_patient(clinic, "P-2")
    return make_order(
        patient, device=device, state="confirmed", vendor_status="Pending Shipment", ship_by="clinic"
    )


@pytest.fixture
def admin(clinic: Clinic) -> Client:
    client = Client()
    client.force_login(make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN))
    return client


def pack(admin: Client, order: Order) -> None:
    path = f"/c/alpha/orders/{order.id}/shipped/"
    assert admin.post(path, {"hardware_uuid": PACKED}).status_code == 302


def wire(hardware: str | None) -> dict[str, Any]:
    return wire_device(7, "P-1", hardware_uuid=hardware, name="Tenovi Scale", sensor_code="13")


def listed(device: Device, hardware: str | None) -> Device:
    """The vendor's list names this hardware."""
    return store_vendor_device(clinic=device.clinic, record=VendorDevice.from_wire(wire(hardware)))


def page(admin: Client, device: Device, of: str = "") -> str:
    return text_of(admin.get(f"/c/alpha/devices/{device.id}/{of}"))


def test_an_older_list_does_not_undo_what_was_packed(
    admin: Client, device: Device, order: Order, stub: VendorStub
) -> None:
    stub.reply(RECORD, Reply(200, wire(PACKED)))
    pack(admin, order)
    assert listed(device, None).hardware_uuid == PACKED
    shown = page(admin, device)
    assert "Hardware 0123456789AB is recorded here; Tenovi has none for this device." in shown
    assert "0123456789AB at Tenovi: none" in shown
    drain()
    (asked,) = stub.asked
    assert json.loads(asked.body)["device"]["hardware_uuid"] == PACKED
    assert listed(device, PACKED).unsent == {}
    assert "at Tenovi:" not in page(admin, device)
    assert listed(device, OTHER).hardware_uuid == OTHER  # the vendor knows better from then on


def test_packing_revives_an_update_that_had_failed(admin: Client, device: Device, order: Order) -> None:
    enqueue(device.clinic, RequestKind.DEVICE_UPDATE, str(SEVEN))
    UPDATES.update(state="parked", attempts=5, reason="no", not_before="2999-01-01T00:00:00Z")
    pack(admin, order)
    assert (UPDATES.get().state, UPDATES.get().attempts) == ("waiting", 0)


def test_a_device_nobody_has_is_told_of_too(
    admin: Client, clinic: Clinic, order: Order, stub: VendorStub
) -> None:
    device = make_device(clinic, hwi_device_id=uuid.UUID(int=8), name="Tenovi Scale", sensor_code="13")
    Order.objects.for_clinic(clinic).filter(id=order.id).update(device=device)
    stub.reply(f"{DEVICES}{uuid.UUID(int=8)}/", Reply(200, wire_device(8, hardware_uuid=PACKED)))
    pack(admin, order)
    drain()
    assert json.loads(stub.asked[0].body) == {"device": {"name": "Tenovi Scale", "hardware_uuid": PACKED}}


def test_another_word_of_the_vendor_is_overruled_on_record(
    admin: Client, device: Device, order: Order
) -> None:
    pack(admin, order)
    for _ in range(2):
        assert listed(device, OTHER).unsent == {"hardware_uuid": OTHER}
    event = AuditEvent.objects.get(action="vendor_change_overruled")
    assert event.detail == {"hardware_uuid": [OTHER, PACKED]}


def test_a_vendor_that_keeps_its_own_is_told_each_night(
    admin: Client, device: Device, order: Order, stub: VendorStub
) -> None:
    stub.reply(RECORD, Reply(200, wire(OTHER)))
    pack(admin, order)
    drain()
    assert not UPDATES.exists()
    empty_account(stub)
    assert start_due() == 1
    assert UPDATES.get().target == str(SEVEN)


def test_a_person_says_which_is_right(admin: Client, device: Device, order: Order, stub: VendorStub) -> None:
    stub.reply(RECORD, Reply(200, wire(OTHER)))
    pack(admin, order)
    drain()
    assert "Recorded here: 0123456789AB . At Tenovi: F1B2C3D4E5F6" in page(admin, device, "holder/")
    admin.post(f"/c/alpha/devices/{device.id}/holder/", {"do": "send"})
    assert UPDATES.exists()
    admin.post(f"/c/alpha/devices/{device.id}/holder/", {"do": "take"})
    now = Device.objects.for_clinic(device.clinic).get()
    assert (now.hardware_uuid, now.unsent) == (OTHER, {})
    event = AuditEvent.objects.get(action="device_vendor_right")
    assert event.detail["hardware_uuid"] == [PACKED, OTHER]


OURS = {
    *("id", "clinic", "hwi_device_id", "unsent", "synced_at", "changed_at", "created_at"),
    "delete_when_unlinked",
}
SAID = {
    *("name", "kind", "status", "sensor_code", "sensor_id", "vendor_created_at", "vendor_patient_id"),
    *("connected_at", "unlinked_at", "unlinked_by_vendor", "deleted_at", "order_fulfilled"),
    *("last_measurement_at", "held_for"),
}
"""Only what the vendor says, written by its answers and its news; and what is no business of the vendor."""
WRITES_SAID = {"devices/from_vendor.py", "devices/actions/ending.py", "devices/actions/wanted.py"}


def test_every_field_of_a_device_is_ours_or_the_vendors_or_both() -> None:
    names = {field.name for field in Device._meta.concrete_fields}
    assert names == OURS | SAID | set(WRITTEN_HERE)
    assert not SAID & set(WRITTEN_HERE)


def assigned(path: Path) -> set[str]:
    """Names assigned as attributes of something called a device."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            value = node.value
            if isinstance(value, ast.Name) and value.id == "device":
                names.add(node.attr)
    return names


def test_what_the_vendor_knows_is_written_in_few_places() -> None:
    rooms = ("billing", "clinics", "dashboard", "devices", "fulfillment", "measurements", "patients")
    paths = [path for room in rooms for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts]
    writing = {str(path.relative_to(ROOT)) for path in paths if assigned(path) & (SAID | set(WRITTEN_HERE))}
    assert writing == WRITES_SAID
    assert not assigned(ROOT / "devices/from_vendor.py") & set(WRITTEN_HERE)
