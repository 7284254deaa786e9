"""A device given to somebody from a moment on: assignments, readings, days and latest values follow."""

from __future__ import annotations

import pytest

from clinics.models import AuditEvent, Clinic, User
from devices.actions.assignments import note_told
from devices.models import Assignment, Device
from measurements.actions.exclusion import exclude_reading
from measurements.actions.reassignment import give_device, keep_holder, preview
from measurements.models import LatestReading, Measurement
from measurements.recount import drifted_patients
from patients.models import Patient
from tenovi.models import Request, RequestKind
from tests.factories import (
    LONG_AGO,
    assign,
    deliver,
    element,
    make_clinic,
    make_device,
    make_patient,
    settled,
)
from tests.two_patients import days, on

pytestmark = [pytest.mark.django_db, pytest.mark.clock]


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic()


@pytest.fixture
def device(clinic: Clinic, ada: Patient) -> Device:
    """Ada has it; it measured at noon of 3, 4, 5 and 6 March."""
    device = make_device(clinic, vendor_patient_id="P-1")
    assign(device, ada)
    for day in (3, 4, 5, 6):
        measured(device, day, "P-1")
    return device


def measured(device: Device, day: int, named: str, became: str = "stored") -> None:
    at = f"2025-03-{day:02}T17:00:00Z"
    row = element(device, timestamp=at, patient_id=named, filter_params={"measurement_index": day})
    assert settled(deliver(device.clinic, row)) == {became: 1}


def held(device: Device) -> list[tuple[str, int | None, int | None]]:
    rows = Assignment.objects.for_clinic(device.clinic).filter(device=device).order_by("starts_at")
    return [
        (
            row.holder.external_id,
            None if row.starts_at == LONG_AGO else row.starts_at.day,
            row.ends_at.day if row.ends_at else None,
        )
        for row in rows.select_related("patient")
    ]


def test_readings_and_days_from_then_on_are_the_new_patients(
    device: Device, ada: Patient, bo: Patient, by: User
) -> None:
    assert give_device(device=device, patient=bo, since=on(5), by=by) == 2
    assert (days(ada), days(bo)) == ([3, 4], [5, 6])
    assert held(device) == [("P-1", None, 5), ("P-2", 5, None)]
    assert LatestReading.objects.for_clinic(device.clinic).get(patient=ada).taken_at == on(4)
    assert drifted_patients(device.clinic) == []


def test_the_record_says_who_had_it_who_has_it_and_since_when(
    device: Device, ada: Patient, bo: Patient, by: User
) -> None:
    give_device(device=device, patient=bo, since=on(5), by=by)
    event = AuditEvent.objects.get(action="device_given")
    assert (event.actor_label, event.target_id) == (by.email, str(device.id))
    assert event.detail["patient"] == [str(ada.id), str(bo.id)]
    assert event.detail["since"] == on(5).isoformat()
    assert (event.detail["readings"], event.detail["struck_out"]) == (2, [])


def test_the_record_keeps_what_is_struck_out(device: Device, ada: Patient, bo: Patient, by: User) -> None:
    give_device(device=device, patient=bo, since=on(5), by=by)
    give_device(device=device, patient=ada, since=on(4), by=by)
    event = AuditEvent.objects.filter(action="device_given").latest("id")
    assert event.detail["struck_out"] == [{"patient": str(bo.id), "from": on(5).isoformat(), "until": None}]


def test_nothing_is_told_about_a_device_the_vendor_has_forgotten(
    device: Device, bo: Patient, by: User
) -> None:
    Device.objects.for_clinic(device.clinic).update(deleted_at=on(9))
    device.refresh_from_db()
    give_device(device=device, patient=bo, since=on(5), by=by)
    assert not Request.objects.for_clinic(device.clinic).exists()


def test_the_vendor_is_told_of_a_patient_and_not_of_nobody(device: Device, bo: Patient, by: User) -> None:
    give_device(device=device, patient=None, since=on(6), by=by)
    assert not Request.objects.for_clinic(device.clinic).exists()
    give_device(device=device, patient=bo, since=on(6), by=by)
    request = Request.objects.for_clinic(device.clinic).get()
    assert (request.kind, request.target) == (RequestKind.DEVICE_UPDATE, str(device.hwi_device_id))


def test_a_device_nobody_has_leaves_its_later_readings_without_a_patient(
    device: Device, ada: Patient, by: User
) -> None:
    give_device(device=device, patient=None, since=on(4), by=by)
    assert days(ada) == [3]
    assert held(device) == [("P-1", None, 4)]
    assert Measurement.objects.for_clinic(device.clinic).filter(patient=None).count() == 3


def test_readings_that_were_nobodys_find_their_patient(
    device: Device, ada: Patient, bo: Patient, by: User
) -> None:
    give_device(device=device, patient=None, since=on(4), by=by)
    give_device(device=device, patient=bo, since=on(5), by=by)
    assert (days(ada), days(bo)) == ([3], [5, 6])
    assert held(device) == [("P-1", None, 4), ("P-2", 5, None)]


def test_what_was_said_wrongly_is_struck_out(device: Device, ada: Patient, bo: Patient, by: User) -> None:
    give_device(device=device, patient=bo, since=on(5), by=by)
    assert give_device(device=device, patient=ada, since=on(5), by=by) == 2
    assert held(device) == [("P-1", None, 5), ("P-1", 5, None)]
    assert (days(ada), days(bo)) == ([3, 4, 5, 6], [])
    cy = make_patient(device.clinic, "P-3")
    give_device(device=device, patient=cy, since=on(4), by=by)
    assert held(device) == [("P-1", None, 4), ("P-3", 4, None)]
    assert (days(ada), days(cy)) == ([3], [4, 5, 6])


def test_who_has_it_before_and_after_has_it_without_a_break(
    device: Device, ada: Patient, bo: Patient, by: User
) -> None:
    give_device(device=device, patient=bo, since=on(5), by=by)
    give_device(device=device, patient=ada, since=on(4), by=by)
    assert held(device) == [("P-1", None, None)]
    assert (days(ada), days(bo)) == ([3, 4, 5, 6], [])


def test_the_preview_says_what_the_deed_does(device: Device, ada: Patient, bo: Patient) -> None:
    seen = preview(device, bo, on(5))
    assert [(row.patient, row.readings, row.days) for row in seen.leaving] == [(ada, 2, 2)]
    assert seen.change.ended is not None
    assert not seen.is_idle
    assert preview(device, ada, on(5)).is_idle
    assert Assignment.objects.for_clinic(device.clinic).count() == 1


def test_a_date_follows_the_new_patients_zone(device: Device, by: User) -> None:
    measured_late = element(
        device, timestamp="2025-03-08T03:00:00Z", timezone_offset=None, filter_params={"measurement_index": 9}
    )
    deliver(device.clinic, measured_late)
    tokyo = make_patient(device.clinic, "P-4", timezone="Asia/Tokyo")
    give_device(device=device, patient=tokyo, since=on(7), by=by)
    assert days(tokyo) == [8]


def test_until_the_vendor_is_told_its_readings_may_name_the_one_before(
    device: Device, bo: Patient, by: User
) -> None:
    give_device(device=device, patient=bo, since=on(5), by=by)
    measured(device, 7, "P-1")
    measured(device, 8, "P-9", became="quarantined")
    assert days(bo) == [5, 6, 7]
    note_told(clinic=device.clinic, hwi_device_id=str(device.hwi_device_id))
    measured(device, 9, "P-1")  # taken before it was told, received after
    Assignment.objects.for_clinic(device.clinic).filter(patient=bo).update(misnamed_until=on(10))
    measured(device, 11, "P-1", became="quarantined")


def test_who_has_it_here_may_be_right(device: Device, ada: Patient, by: User) -> None:
    Device.objects.for_clinic(device.clinic).update(vendor_patient_id="P-2")
    device.refresh_from_db()
    measured(device, 7, "P-2", became="quarantined")
    assert keep_holder(device=device, by=by)
    measured(device, 8, "P-2")
    assert days(ada) == [3, 4, 5, 6, 8]
    assert Request.objects.for_clinic(device.clinic).get().kind == RequestKind.DEVICE_UPDATE
    assert AuditEvent.objects.get(action="device_holder_confirmed").detail == {"patient": str(ada.id)}


def test_a_device_nobody_has_has_no_holder_to_keep(clinic: Clinic, by: User) -> None:
    assert not keep_holder(device=make_device(clinic), by=by)


def test_an_exclusion_stays_with_its_reading(device: Device, bo: Patient, by: User) -> None:
    reading = Measurement.objects.for_clinic(device.clinic).get(taken_at=on(6))
    exclude_reading(reading=reading, by=by, reason="another person's arm")
    give_device(device=device, patient=bo, since=on(5), by=by)
    assert days(bo) == [5]
