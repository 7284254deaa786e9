"""Somebody says that nobody has a device: that holds against whatever the vendor lists afterwards."""

from __future__ import annotations

import datetime
import html
import importlib
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from clinics.models import AuditEvent, Clinic, Role
from devices import handlers, vendor_answers
from devices.models import Assignment, Device
from measurements.models import Measurement, VitalDay
from measurements.reclassify import claim_readings
from measurements.recount import drifted_patients
from tenovi.client.records import Device as VendorDevice
from tenovi.client.records import Page
from tenovi.models import Priority, Request, RequestKind
from tenovi.outbound.enqueue import enqueue
from tenovi.outbound.sender import drain
from tests.factories import deliver, element, make_device, make_user, settled
from tests.vendor import DEVICES, vendor_clinic, wire_device
from tests.vendor_stub import Reply, VendorStub

pytestmark = pytest.mark.django_db(transaction=True)

SEVEN = uuid.UUID(int=7)
RECORD = f"{DEVICES}{SEVEN}/"
CREATED = "2025-03-04T15:02:11.204917Z"
ALL_OF_IT = {"nobody": "on", "day": "2025-03-04", "time": "00:00"}
"""From a moment before the assignment began, which is when the vendor created the device."""


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    stub.reply(DEVICES, Reply(body=[wire_device(7, "mrn-7781")]))
    return vendor_clinic()


@pytest.fixture
def device(clinic: Clinic) -> Device:
    """The vendor's list has brought it with its patient, who measured on two days."""
    listed(clinic)
    for day in (5, 6):
        row = element(
            SEVEN,
            patient_id="mrn-7781",
            timestamp=f"2025-03-{day:02}T17:00:00Z",
            filter_params={"measurement_index": day},
        )
        assert settled(deliver(clinic, row)) == {"stored": 1}
    return Device.objects.for_clinic(clinic).get()


@pytest.fixture
def admin(clinic: Clinic) -> Client:
    client = Client()
    client.force_login(make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN, name="Pat Admin"))
    return client


def listed(clinic: Clinic) -> None:
    """The vendor's list of devices is read, and what follows from it is done."""
    enqueue(clinic, RequestKind.DEVICES, insist=True)
    drain()
    assert not Request.objects.for_clinic(clinic).exists()
    claim_readings()


def taken_away(admin: Client, device: Device) -> None:
    answer = admin.post(f"/c/alpha/devices/{device.id}/holder/", {**ALL_OF_IT, "do": "give"})
    assert answer.status_code == 302
    assert days(device.clinic) == 0


def days(clinic: Clinic) -> int:
    return VitalDay.objects.for_clinic(clinic).filter(readings__gt=0).count()


def periods(device: Device) -> list[tuple[str | None, str | None]]:
    rows = Assignment.periods.for_clinic(device.clinic).filter(device=device).order_by("starts_at")
    return [
        (
            one.patient.external_id if one.patient else None,
            one.decided_by.email if one.decided_by else None,
        )
        for one in rows.select_related("patient", "decided_by")
    ]


def text(client: Client, path: str, **query: str) -> str:
    page = client.get(path, query).content.decode()
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_the_next_list_gives_nothing_back(admin: Client, device: Device) -> None:
    assert days(device.clinic) == 2
    taken_away(admin, device)
    events = AuditEvent.objects.filter(clinic_id=device.clinic_id).count()
    for _ in range(2):
        listed(device.clinic)
    assert days(device.clinic) == 0
    assert not Measurement.objects.for_clinic(device.clinic).exclude(patient=None).exists()
    assert periods(device) == [(None, "admin@alpha.test")]
    assert AuditEvent.objects.filter(clinic_id=device.clinic_id).count() == events
    assert drifted_patients(device.clinic) == []


def test_readings_that_come_later_are_nobodys_whoever_they_name(admin: Client, device: Device) -> None:
    taken_away(admin, device)
    row = element(SEVEN, patient_id="mrn-7781", timestamp="2025-03-04T15:01:00Z", value_1=120)
    assert settled(deliver(device.clinic, row)) == {"stored": 1}
    assert days(device.clinic) == 0


def test_the_page_says_who_decided_and_what_to_do_about_the_vendor(admin: Client, device: Device) -> None:
    taken_away(admin, device)
    listed(device.clinic)
    said = text(admin, f"/c/alpha/devices/{device.id}/")
    assert "Nobody has it since Tue, Mar 4, 2025, 12:00 AM EST , said Pat Admin" in said
    assert "Tenovi has this device under mrn-7781, here somebody has said that nobody has it." in said
    assert "If that patient has it, say since when; if nobody does, stop using it" in said
    assert "belong to no patient" not in said
    on_list = text(admin, "/c/alpha/devices/", show="differs")
    assert "Tenovi BPM - L" in on_list
    assert "without a patient" not in on_list
    holder = text(admin, f"/c/alpha/devices/{device.id}/holder/")
    assert "Here nobody has it, at Tenovi mrn-7781 does" in holder


def test_saying_it_twice_changes_nothing(admin: Client, device: Device) -> None:
    taken_away(admin, device)
    said = admin.post(f"/c/alpha/devices/{device.id}/holder/", {**ALL_OF_IT, "do": "give"}).content.decode()
    assert "This is how it is written already" in said


def test_a_person_gives_it_back(admin: Client, device: Device) -> None:
    taken_away(admin, device)
    again = {"patient": "mrn-7781", "day": "2025-03-06", "time": "00:00", "do": "give"}
    admin.post(f"/c/alpha/devices/{device.id}/holder/", again)
    assert periods(device) == [(None, "admin@alpha.test"), ("mrn-7781", "admin@alpha.test")]
    assert days(device.clinic) == 1


def test_a_device_nobody_ever_had_may_be_kept_from_the_vendors_patient(clinic: Clinic, admin: Client) -> None:
    device = make_device(clinic, hwi_device_id=SEVEN)
    taken_away(admin, device)
    listed(clinic)
    assert periods(device) == [(None, "admin@alpha.test")]


def test_a_discharge_is_a_decision_about_its_devices(admin: Client, device: Device, stub: VendorStub) -> None:
    patient = Assignment.objects.for_clinic(device.clinic).get().holder
    left = {"day": "2025-03-06", "time": "00:00", "do": "discharge"}
    assert admin.post(f"/c/alpha/patients/{patient.id}/discharge/", left).status_code == 302
    stub.reply(f"/hwi/unlink-gateway/{SEVEN}/", Reply(200, wire_device(7, "mrn-7781", unlinked_on=None)))
    stub.reply("/hwi/hardware-uuid-logs/", Reply(200, []))
    listed(device.clinic)
    assert periods(device) == [("mrn-7781", None), (None, "admin@alpha.test")]
    assert days(device.clinic) == 1


def _update(device: Device) -> Request:
    return Request(clinic=device.clinic, kind=RequestKind.DEVICE_UPDATE, target=str(SEVEN))


LISTED = VendorDevice.from_wire(wire_device(7, "mrn-7781"))
ANSWERS: dict[str, Callable[[Device], Any]] = {
    "store_listed": lambda device: vendor_answers.store_listed(_update(device), Page((LISTED,), "", 1, 0)),
    "store_device": lambda device: handlers.store_device(_update(device), LISTED),
    "store_holder": lambda device: handlers.store_holder(_update(device), LISTED),
    "store_unlinked": lambda device: handlers.store_unlinked(_update(device), LISTED),
    "store_deleted": lambda device: handlers.store_deleted(_update(device), None),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_no_answer_of_the_vendor_gives_a_device_to_anybody(
    admin: Client, device: Device, answer: str
) -> None:
    taken_away(admin, device)
    Device.objects.for_clinic(device.clinic).update(deleted_at=device.synced_at, vendor_patient_id="")
    with transaction.atomic():
        ANSWERS[answer](device)
    claim_readings()
    assert periods(device) == [(None, "admin@alpha.test")]
    assert days(device.clinic) == 0


def test_a_row_of_nobodys_neither_claims_nor_reaches_back(device: Device) -> None:
    moment = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    row: dict[str, Any] = {"clinic": device.clinic, "device": device, "starts_at": moment}
    row["ends_at"] = moment + datetime.timedelta(1)
    for wrong in ({"claimed_at": moment, "reaches_back": True}, {"claimed_at": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Assignment.periods.create(**row, **wrong)


def test_the_vendor_is_asked_about_one_device_with_the_same_result(
    admin: Client, device: Device, stub: VendorStub
) -> None:
    taken_away(admin, device)
    stub.reply(RECORD, Reply(body=wire_device(7, "mrn-9999")))
    enqueue(device.clinic, RequestKind.DEVICE, str(SEVEN), priority=Priority.READING)
    drain()
    assert periods(device) == [(None, "admin@alpha.test")]


def test_a_decision_from_before_it_left_a_row_holds_after_the_update(admin: Client, device: Device) -> None:
    taken_away(admin, device)
    Assignment.periods.for_clinic(device.clinic).delete()  # as older versions did
    migration = importlib.import_module("devices.migrations.0010_decided_before")
    with connection.cursor() as cursor:
        for _ in range(2):
            cursor.execute(migration.DECIDED)
    listed(device.clinic)
    assert periods(device) == [(None, "admin@alpha.test")]
    assert days(device.clinic) == 0
