"""Whose reading it is: the assignment in force when it was taken decides, never the gateway."""

from __future__ import annotations

import datetime
import uuid

import pytest
from django.utils import timezone

from clinics.models import Clinic
from measurements.models import Measurement
from tenovi.models import Delivery
from tests.factories import (
    assign,
    deliver,
    element,
    held_device,
    make_clinic,
    make_device,
    make_patient,
    settled,
    vendor_time,
)

HOUR = datetime.timedelta(hours=1)

pytestmark = [pytest.mark.django_db, pytest.mark.clock]


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


def deliveries(clinic: Clinic) -> list[Delivery]:
    return list(Delivery.objects.for_clinic(clinic))


def readings(clinic: Clinic) -> list[Measurement]:
    return list(Measurement.objects.for_clinic(clinic).order_by("id"))


def test_the_same_reading_at_two_clinics_is_two_readings(clinic: Clinic) -> None:
    other = make_clinic("beta")
    shared = uuid.uuid4()
    for each in (clinic, other):
        device = make_device(each, hwi_device_id=shared)
        assign(device, make_patient(each))
        assert settled(deliver(each, element(device))) == {"stored": 1}
    assert len(readings(clinic)) == len(readings(other)) == 1


def test_another_clinics_device_is_unknown_here(clinic: Clinic) -> None:
    elsewhere = held_device(make_clinic("beta"))
    assert settled(deliver(clinic, element(elsewhere))) == {"quarantined": 1}
    [kept] = deliveries(clinic)
    item = kept.items.across_clinics().get()
    assert (item.reason, item.clinic_id) == ("unknown_device", clinic.id)


@pytest.mark.parametrize(
    ("ahead", "outcome"),
    [
        (datetime.timedelta(minutes=5), {"stored": 1}),
        (datetime.timedelta(hours=47), {"stored": 1}),
        (datetime.timedelta(hours=49), {"quarantined": 1}),
    ],
)
def test_a_clock_may_run_two_days_ahead(
    clinic: Clinic, ahead: datetime.timedelta, outcome: dict[str, int]
) -> None:
    taken = vendor_time(timezone.now() + ahead)
    assert settled(deliver(clinic, element(held_device(clinic), timestamp=taken))) == outcome


def test_a_reading_belongs_to_whoever_had_the_device_when_it_was_taken(clinic: Clinic) -> None:
    first, second = make_patient(clinic, "first"), make_patient(clinic, "second")
    device = make_device(clinic)
    handed_back = datetime.datetime(2026, 3, 10, 12, tzinfo=datetime.UTC)
    handed_out = datetime.datetime(2026, 3, 20, 12, tzinfo=datetime.UTC)
    assign(device, first, ends_at=handed_back)
    assign(device, second, starts_at=handed_out)
    moments = [handed_back - HOUR, handed_back, handed_out - HOUR, handed_out]
    body = [element(device, timestamp=vendor_time(moment)) for moment in moments]
    assert settled(deliver(clinic, body)) == {"stored": 4}
    assert [reading.patient for reading in readings(clinic)] == [first, None, None, second]


@pytest.mark.parametrize("named", ["MRN-7781", "mrn-7781", "", None])
def test_a_payload_may_name_the_patient_in_any_case_or_nobody(clinic: Clinic, named: str | None) -> None:
    assert settled(deliver(clinic, element(held_device(clinic), patient_id=named))) == {"stored": 1}


def test_a_payload_that_names_somebody_else_waits_for_a_person(clinic: Clinic) -> None:
    make_patient(clinic, "somebody-else")
    answer = deliver(clinic, element(held_device(clinic), patient_id="somebody-else"))
    assert settled(answer) == {"quarantined": 1}
    [kept] = deliveries(clinic)
    assert kept.items.across_clinics().get().reason == "wrong_patient"


def test_an_imported_assignment_reaches_back_only_for_readings_that_name_its_patient(clinic: Clinic) -> None:
    device, patient = make_device(clinic), make_patient(clinic)
    assign(device, patient, starts_at=datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC), reaches_back=True)
    body = [element(device, patient_id="MRN-7781"), element(device, patient_id="", value_1=99)]
    assert settled(deliver(clinic, body)) == {"stored": 2}
    assert [reading.patient for reading in readings(clinic)] == [patient, None]
