"""The vendor's records of devices, and their effect on ours."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import psycopg
import pytest
from django.db import transaction
from django.db.models.functions import Now

from clinics.models import Clinic
from devices.from_vendor import ask_about_unknown_devices, settle_what_became_known, store_vendor_device
from devices.models import Assignment, Device
from devices.vendor_answers import store_listed
from measurements.models import Measurement
from measurements.reclassify import claim_readings
from patients.models import Patient
from tenovi.client.records import Device as VendorDevice
from tenovi.client.records import Page
from tenovi.models import Request, RequestKind
from tests.factories import assign, deliver, element, make_clinic, make_device, make_patient, settled
from tests.vendor import wire_device
from tests.web_server import database_url

pytestmark = pytest.mark.django_db

CREATED = datetime.datetime(2025, 3, 4, 15, 2, 11, 204917, tzinfo=datetime.UTC)
SEVEN = uuid.UUID(int=7)


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic()


def told(clinic: Clinic, row: dict[str, Any]) -> Device:
    """Store a record of a device as the vendor sends it."""
    return store_vendor_device(clinic=clinic, record=VendorDevice.from_wire(row))


def assignments(clinic: Clinic) -> list[Assignment]:
    return list(Assignment.objects.for_clinic(clinic).select_related("patient").order_by("starts_at"))


def test_a_device_gets_its_kind_and_one_spelling_of_its_hardware_id(clinic: Clinic) -> None:
    device = told(clinic, wire_device(7))
    assert (device.hwi_device_id, device.kind, device.status) == (SEVEN, "tenovi-bpm", "Connected")
    assert (device.hardware_uuid, device.vendor_created_at) == ("A1B2C3D4E5F6", CREATED)


def test_a_device_is_one_row_however_often_it_is_listed(clinic: Clinic) -> None:
    told(clinic, wire_device(7))
    told(clinic, wire_device(7, hardware_uuid="FED091A643FF"))
    assert Device.objects.for_clinic(clinic).get().hardware_uuid == "FED091A643FF"


def test_the_first_patient_named_has_had_it_since_it_was_created(clinic: Clinic) -> None:
    told(clinic, wire_device(7, "mrn-7781"))
    (rows,) = assignments(clinic)
    assert (rows.holder.external_id, rows.holder.name) == ("mrn-7781", "Test Person")
    assert (rows.starts_at, rows.ends_at, rows.reaches_back, rows.claimed_at) == (CREATED, None, True, None)


def test_a_patient_we_know_in_another_case_is_the_same_patient(clinic: Clinic) -> None:
    ours = make_patient(clinic, "MRN-7781")
    told(clinic, wire_device(7, "mrn-7781"))
    assert assignments(clinic)[0].patient == ours


def test_a_device_known_without_patient_is_not_given_to_one_in_hindsight(clinic: Clinic) -> None:
    told(clinic, wire_device(7))
    told(clinic, wire_device(7, "mrn-7781"))
    (rows,) = assignments(clinic)
    assert rows.starts_at > CREATED + datetime.timedelta(days=30)
    assert rows.reaches_back


def test_another_patient_at_the_vendor_is_noted_and_nothing_is_moved(clinic: Clinic) -> None:
    told(clinic, wire_device(7, "mrn-7781"))
    device = told(clinic, wire_device(7, "mrn-9999"))
    assert [rows.holder.external_id for rows in assignments(clinic)] == ["mrn-7781"]
    assert device.vendor_patient_id == "mrn-9999"
    assert list(Device.objects.for_clinic(clinic).with_another_patient_at_the_vendor()) == [device]


def test_a_device_that_agrees_with_the_vendor_is_no_work(clinic: Clinic) -> None:
    told(clinic, wire_device(7, "MRN-7781"))
    told(clinic, wire_device(8))
    assert not Device.objects.for_clinic(clinic).with_another_patient_at_the_vendor().exists()


@pytest.mark.parametrize("status", ["Delivered", "Returned", "Something new"])
def test_no_status_but_unlinked_ends_an_assignment(clinic: Clinic, status: str) -> None:
    told(clinic, wire_device(7, "mrn-7781"))
    told(clinic, wire_device(7, "mrn-7781") | {"status": status, "unlinked_on": "2025-06-01T00:00:00Z"})
    assert assignments(clinic)[0].ends_at is None


def test_an_assignment_a_person_ended_stays_ended(clinic: Clinic) -> None:
    device = make_device(clinic, hwi_device_id=SEVEN)
    assign(device, make_patient(clinic), ends_at=CREATED)
    told(clinic, wire_device(7, "mrn-7781"))
    assert len(assignments(clinic)) == 1


def test_one_device_that_cannot_be_stored_costs_no_other_of_its_page(clinic: Clinic) -> None:
    request = Request.objects.create(clinic=clinic, kind=RequestKind.DEVICES)
    odd = VendorDevice.from_wire(wire_device(8))
    object.__setattr__(odd, "status", "x" * 500)
    page = Page(
        (VendorDevice.from_wire(wire_device(7)), odd, VendorDevice.from_wire(wire_device(9))), "", 3, 0
    )
    assert store_listed(request, page) == 1
    assert Device.objects.for_clinic(clinic).count() == 2


def test_a_reading_leaves_quarantine_once_its_device_is_known(clinic: Clinic) -> None:
    assert settled(deliver(clinic, element(SEVEN, patient_id="mrn-7781"))) == {"quarantined": 1}
    assert settle_what_became_known() == 0
    told(clinic, wire_device(7, "mrn-7781"))
    assert settle_what_became_known() == 1
    reading = Measurement.objects.for_clinic(clinic).select_related("patient").get()
    assert reading.patient == Patient.objects.for_clinic(clinic).get()
    assert settle_what_became_known() == 0


def test_a_reading_stored_before_its_assignment_is_attached_to_it(clinic: Clinic) -> None:
    told(clinic, wire_device(7))
    assert settled(deliver(clinic, element(SEVEN, patient_id="mrn-7781"))) == {"stored": 1}
    told(clinic, wire_device(7, "mrn-7781"))
    assert claim_readings() == 1


def test_the_vendor_is_asked_about_each_unknown_device_once(clinic: Clinic) -> None:
    deliver(clinic, [element(SEVEN), element(SEVEN, metric="pulse"), element(uuid.UUID(int=8))])
    ask_about_unknown_devices()
    assert ask_about_unknown_devices() == 0
    asked = Request.objects.for_clinic(clinic).filter(kind=RequestKind.DEVICE)
    assert sorted(asked.values_list("target", flat=True)) == [str(SEVEN), str(uuid.UUID(int=8))]


def test_one_that_was_parked_is_asked_about_again_when_its_pause_is_over(clinic: Clinic) -> None:
    deliver(clinic, element(SEVEN))
    ask_about_unknown_devices()
    Request.objects.for_clinic(clinic).update(state="parked", not_before=Now())
    assert ask_about_unknown_devices() == 1
    assert Request.objects.for_clinic(clinic).get().state == "waiting"


def test_a_device_of_another_clinic_stays_unknown_here(clinic: Clinic) -> None:
    told(make_clinic("beta"), wire_device(7))
    deliver(clinic, element(SEVEN))
    assert settle_what_became_known() == 0
    assert ask_about_unknown_devices() == 1


@pytest.mark.django_db(transaction=True)
def test_a_device_being_read_holds_up_nobody_who_refers_to_it(clinic: Clinic) -> None:
    """Lists are read in the vendor's order and referred to in ours: waiting for each other is a deadlock."""
    told(clinic, wire_device(7))
    with transaction.atomic(), psycopg.connect(database_url()) as somebody_else:
        told(clinic, wire_device(7, name="Another name"))
        referred_to = "SELECT name FROM devices_device WHERE hwi_device_id = %s FOR KEY SHARE NOWAIT"
        assert somebody_else.execute(referred_to, [SEVEN]).fetchall() == [("Tenovi BPM - L",)]
