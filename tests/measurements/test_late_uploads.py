"""A device keeps readings and sends them after it changed hands: the vendor then names whoever has it now."""

from __future__ import annotations

import datetime
import uuid

import pytest

from clinics.models import Clinic, User
from devices.models import Assignment, Device
from devices.tasks import settle_unknown
from measurements.actions.reassignment import give_device
from measurements.recount import drifted_patients
from patients.models import Patient
from tenovi.models import Delivery
from tenovi.outbound.sender import drain
from tests.factories import LONG_AGO, assign, deliver, element, make_device, make_patient, settled
from tests.two_patients import days, on
from tests.vendor import DEVICES, vendor_clinic, wire_device
from tests.vendor_stub import Reply, VendorStub

pytestmark = pytest.mark.django_db(transaction=True)

SEVEN = uuid.UUID(int=7)
RECORD = f"{DEVICES}{SEVEN}/"


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    stub.reply(RECORD, Reply(200, wire_device(7, "P-2")))
    return vendor_clinic()


@pytest.fixture
def device(clinic: Clinic, ada: Patient) -> Device:
    """Ada has it, here and at the vendor."""
    device = make_device(clinic, hwi_device_id=SEVEN, vendor_patient_id="P-1")
    assign(device, ada, agreed_at=LONG_AGO)
    return device


def sends(device: Device, day: int, named: str, uploaded: int, became: str) -> None:
    """The device uploads what was taken on one day on another, under this name."""
    row = element(
        device,
        patient_id=named,
        timestamp=f"2025-03-{day:02}T17:00:00Z",
        created=f"2025-03-{uploaded:02}T18:00:00Z",
        filter_params={"measurement_index": day},
    )
    assert settled(deliver(device.clinic, row)) == {became: 1}


def waiting(clinic: Clinic) -> int:
    return Delivery.objects.for_clinic(clinic).filter(state="quarantined").count()


def test_once_both_sides_know_the_reading_is_whose_the_device_was(
    device: Device, ada: Patient, bo: Patient, by: User
) -> None:
    give_device(device=device, patient=bo, since=on(5), by=by)
    drain()
    sends(device, 4, "P-2", uploaded=6, became="stored")
    sends(device, 6, "P-2", uploaded=6, became="stored")
    assert (days(ada), days(bo)) == ([4], [6])
    assert drifted_patients(device.clinic) == []


def test_what_came_before_the_vendor_knew_is_settled_by_itself(
    device: Device, ada: Patient, bo: Patient, by: User
) -> None:
    give_device(device=device, patient=bo, since=on(5), by=by)
    sends(device, 4, "P-2", uploaded=6, became="quarantined")
    settle_unknown()
    assert waiting(device.clinic) == 1
    drain()
    settle_unknown()
    assert waiting(device.clinic) == 0
    assert (days(ada), days(bo)) == ([4], [])
    assert not Assignment.objects.for_clinic(device.clinic).filter(resettle_due=True).exists()


def test_what_the_vendor_knew_first_is_explained_by_the_persons_word(
    device: Device, ada: Patient, bo: Patient, by: User
) -> None:
    Device.objects.for_clinic(device.clinic).update(vendor_patient_id="P-2")
    device.refresh_from_db()
    give_device(device=device, patient=bo, since=on(5), by=by)
    sends(device, 4, "P-2", uploaded=6, became="stored")
    assert days(ada) == [4]


def test_without_a_handover_another_name_waits_for_a_person(
    device: Device, ada: Patient, bo: Patient, by: User
) -> None:
    sends(device, 4, "P-2", uploaded=4, became="quarantined")
    give_device(device=device, patient=bo, since=datetime.datetime.now(datetime.UTC), by=by)
    drain()
    settle_unknown()
    # Received before the handover: the vendor had the device under somebody else while Ada had it.
    assert waiting(device.clinic) == 1
    assert (days(ada), days(bo)) == ([], [])


def test_a_third_name_is_not_explained_by_a_handover(
    device: Device, ada: Patient, bo: Patient, by: User
) -> None:
    make_patient(device.clinic, "P-3")
    give_device(device=device, patient=bo, since=on(5), by=by)
    drain()
    sends(device, 4, "P-3", uploaded=6, became="quarantined")
    assert days(ada) == []


def test_the_holder_before_is_no_explanation_for_the_one_after(
    device: Device, ada: Patient, bo: Patient, by: User
) -> None:
    give_device(device=device, patient=bo, since=on(5), by=by)
    drain()
    Assignment.objects.for_clinic(device.clinic).filter(patient=bo).update(misnamed_until=on(5))
    sends(device, 6, "P-1", uploaded=7, became="quarantined")
    assert days(bo) == []


def test_without_the_vendors_receipt_only_ours_tells(
    device: Device, ada: Patient, bo: Patient, by: User
) -> None:
    give_device(device=device, patient=bo, since=on(5), by=by)
    drain()
    row = element(device, patient_id="P-2", timestamp="2025-03-04T17:00:00Z", created=None)
    assert settled(deliver(device.clinic, row)) == {"stored": 1}
    assert days(ada) == [4]
