"""A record that was requested before a change, and stored after it, undoes nothing of the change."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from clinics.models import Clinic
from devices.actions.wanted import WRITTEN_HERE
from devices.handlers import note_refusal, store_deleted, store_holder, store_unlinked
from devices.models import Assignment, Device
from tenovi.client.errors import Invalid
from tenovi.client.records import Device as VendorDevice
from tenovi.models import Request, RequestKind
from tenovi.outbound.enqueue import enqueue
from tenovi.outbound.sender import drain
from tests.devices.test_wanted import SAID
from tests.factories import assign, make_device, make_patient
from tests.fulfillment.vendor import news, tell
from tests.vendor import DEVICES, vendor_clinic, wire_device, wire_page
from tests.vendor_stub import Reply, VendorStub

pytestmark = pytest.mark.django_db(transaction=True)

SEVEN, EIGHT = uuid.UUID(int=7), uuid.UUID(int=8)
RECORD = f"{DEVICES}{SEVEN}/"
NEW = "B1B2C3D4E5F6"
Change = Callable[[Device], None]


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    stub.reply(f"{DEVICES}{EIGHT}/", Reply(body=page_of(8)))
    return vendor_clinic()


@pytest.fixture
def device(clinic: Clinic, stub: VendorStub) -> Device:
    """As the vendor's list had it yesterday."""
    other = wire_device(8, "P-1", hardware_uuid="D1B2C3D4E5F6")
    stub.reply(DEVICES, wire_page(wire_device(7, "P-1"), other))
    enqueue(clinic, RequestKind.DEVICES)
    drain()
    return fresh(clinic)


def fresh(clinic: Clinic, hwi_device_id: uuid.UUID = SEVEN) -> Device:
    return Device.objects.for_clinic(clinic).get(hwi_device_id=hwi_device_id)


def page_of(number: int) -> dict[str, Any]:
    """A record that differs from the one before in every member that is stored."""
    moment = "2025-04-05T16:00:00.000000Z"
    inner = {
        "name": "Tenovi Scale",
        "sensor_code": "13",
        "sensor_id": "S-1",
        "hardware_uuid": "C1B2C3D4E5F6",
        "created": moment,
        "fulfillment_request": {"fulfilled": False, "invalid_address": "No such street."},
    }
    times = {"connected_on": moment, "last_measurement": moment}
    return {**wire_device(number, "P-9", **inner), "status": "Delivered", **times}


def unlinked(number: int) -> dict[str, Any]:
    return {**page_of(number), "status": "Unlinked", "unlinked_on": "2025-04-05T16:00:00.000000Z"}


def values(device: Device) -> dict[str, Any]:
    rows = Device.objects.for_clinic(device.clinic).filter(id=device.id)
    return {name: value for name, value in rows.values()[0].items() if name != "synced_at"}


def answered(device: Device, kind: str) -> Request:
    return Request(clinic=device.clinic, kind=kind, target=str(device.hwi_device_id))


def record(**inner: Any) -> VendorDevice:
    return VendorDevice.from_wire(wire_device(7, "P-2", **inner))


def told(device: Device, status: str, **members: str) -> None:
    assert tell(device.clinic, news(device, status, patient_id="", **members)) == {"stored": 1}


def replacement(device: Device) -> None:
    told(device, "Replaced", hardware_uuid=NEW)


def status(device: Device) -> None:
    told(device, "Delivered")


def unlink_by_news(device: Device) -> None:
    told(device, "Unlinked")


def unlink(device: Device) -> None:
    with transaction.atomic():
        store_unlinked(answered(device, RequestKind.DEVICE_UNLINK), record(hardware_uuid=None))


def hand_over(device: Device) -> None:
    with transaction.atomic():
        store_holder(answered(device, RequestKind.DEVICE_UPDATE), record())


def deletion(device: Device) -> None:
    with transaction.atomic():
        store_deleted(answered(device, RequestKind.DEVICE_DELETE), None)


def refused_deletion(device: Device) -> None:
    note_refusal(answered(device, RequestKind.DEVICE_DELETE), Invalid("Refused.", status=400))


CHANGES: list[Change] = [replacement, status, unlink_by_news, unlink, hand_over, deletion, refused_deletion]


def read_while(stub: VendorStub, device: Device, change: Change, row: dict[str, Any]) -> dict[str, Any]:
    """The change happens after the list was asked for, and before its answer is here."""
    after: list[dict[str, Any]] = []

    def happens() -> None:
        change(fresh(device.clinic))
        after.append(values(device))
        connection.close()

    stub.reply(DEVICES, Reply(body=[row, page_of(8)], before=happens))
    enqueue(device.clinic, RequestKind.DEVICES)
    drain()
    (before_it_was_stored,) = after
    return before_it_was_stored


def in_between(change: Change, device: Device) -> None:
    """In the vendor's thread, which has a connection of its own."""
    change(device)
    connection.close()


def written(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name, value in after.items() if value != before[name]}


@pytest.mark.parametrize("row", [page_of, unlinked])
@pytest.mark.parametrize("change", CHANGES)
def test_an_older_list_writes_no_field_of_a_device_that_changed(
    stub: VendorStub, device: Device, change: Change, row: Callable[[int], dict[str, Any]]
) -> None:
    stub.reply(RECORD, Reply(404, {}))
    record = read_while(stub, device, change, row(7))
    assert written(record, values(device)) == set()
    other = fresh(device.clinic, EIGHT)
    assert (other.name, other.status) == ("Tenovi Scale", "Delivered")  # of which nothing newer was known


def test_the_list_writes_every_field_that_is_the_vendors(stub: VendorStub, device: Device) -> None:
    """Without a change: so the test above is about all of them."""
    before = values(device)
    wrote: set[str] = set()
    for row in (page_of(7), unlinked(7)):
        read_while(stub, device, lambda device: None, row)
        wrote |= written(before, values(device))
    assert wrote - {"changed_at"} == SAID - {"deleted_at"} | set(WRITTEN_HERE)


@pytest.mark.parametrize("change", [replacement, hand_over])
def test_an_older_list_gives_no_device_back(stub: VendorStub, device: Device, change: Change) -> None:
    Assignment.objects.for_clinic(device.clinic).filter(device=device).delete()
    assign(device, make_patient(device.clinic, "P-2"))
    stub.reply(RECORD, Reply(404, {}))
    read_while(stub, device, change, page_of(7))
    assignment = Assignment.objects.for_clinic(device.clinic).select_related("patient").get(device=device)
    assert (assignment.holder.external_id, fresh(device.clinic).vendor_patient_id == "P-9") == ("P-2", False)


def test_every_device_behind_the_replaced_gateway_keeps_the_new_one(
    stub: VendorStub, clinic: Clinic, device: Device
) -> None:
    behind = make_device(clinic, hwi_device_id=uuid.UUID(int=9), hardware_uuid=device.hardware_uuid)
    stub.reply(DEVICES, Reply(body=[wire_device(9)], before=partial(in_between, replacement, device)))
    stub.reply(f"{DEVICES}{behind.hwi_device_id}/", Reply(404, {}))
    enqueue(clinic, RequestKind.DEVICES)
    drain()
    assert fresh(clinic, behind.hwi_device_id).hardware_uuid == NEW


def test_what_a_list_knew_too_early_is_read_anew(stub: VendorStub, device: Device) -> None:
    stub.reply(RECORD, Reply(body={**wire_device(7, "P-1", hardware_uuid=NEW), "status": "Returned"}))
    read_while(stub, device, replacement, page_of(7))
    assert stub.paths()[-1] == RECORD
    assert (fresh(device.clinic).status, fresh(device.clinic).hardware_uuid) == ("Returned", NEW)


def test_each_page_of_a_list_counts_from_when_it_was_asked_for(
    stub: VendorStub, clinic: Clinic, device: Device
) -> None:
    """What changed while the first page was read is known to the second."""
    first = wire_page(page_of(8), then=2, total=2)
    happens = Reply(body=first.body, before=partial(in_between, status, device))
    stub.reply(DEVICES, happens, wire_page(page_of(7)))
    enqueue(clinic, RequestKind.DEVICES)
    drain()
    assert fresh(clinic).name == "Tenovi Scale"


def test_one_record_that_was_asked_for_earlier_undoes_nothing_either(
    stub: VendorStub, clinic: Clinic, device: Device
) -> None:
    happens = Reply(body=page_of(7), before=partial(in_between, replacement, device))
    stub.reply(
        RECORD, happens, Reply(body={**wire_device(7, "P-1", hardware_uuid=NEW), "status": "Returned"})
    )
    enqueue(clinic, RequestKind.DEVICE, str(SEVEN))
    drain()
    assert (len(stub.paths()), fresh(clinic).status, fresh(clinic).hardware_uuid) == (3, "Returned", NEW)
