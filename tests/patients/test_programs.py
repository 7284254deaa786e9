"""Starting and ending a patient's programs by page, and what that does to readings."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from clinics.models import AuditEvent, Clinic, Role
from measurements.models import Measurement
from measurements.rezone import follow_time_zones
from patients.models import Enrollment, Patient
from tests.factories import deliver, element, enroll, held_device, make_clinic, make_patient, make_user
from tests.patients.test_record_pages import FILLED, NEW

pytestmark = [pytest.mark.django_db, pytest.mark.clock]

STARTED = datetime.date(2026, 1, 2)
PROGRAM = {"program": "RTM", "starts_on": "2026-01-02", "therapeutic_area": "Respiratory"}


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic()


@pytest.fixture
def page(clinic: Clinic) -> Client:
    client = Client()
    client.force_login(make_user("care@alpha.test", clinic, Role.CARE_MANAGER))
    return client


@pytest.fixture
def patient(clinic: Clinic) -> Patient:
    return make_patient(clinic, "mrn-1", name="Test Person")


def where(patient: Patient) -> str:
    return f"/c/alpha/patients/{patient.id}/programs/"


def told(enrollment: Enrollment) -> tuple[str, datetime.date, datetime.date | None, str]:
    return enrollment.program, enrollment.starts_on, enrollment.ends_on, enrollment.therapeutic_area


def only(patient: Patient) -> Enrollment:
    return Enrollment.objects.for_clinic(patient.clinic).get(patient=patient)


def test_a_program_begins_and_is_told_beside_the_charts(page: Client, patient: Patient) -> None:
    assert page.post(where(patient), PROGRAM).status_code == 302
    assert told(only(patient)) == ("RTM", STARTED, None, "Respiratory")
    assert "RTM since January 2, 2026" in page.get(f"/c/alpha/patients/{patient.id}/").content.decode()
    event = AuditEvent.objects.get(action="program_started")
    assert (event.target_id, event.detail["program"]) == (str(patient.id), "RTM")


def test_a_program_ends_on_its_last_day(page: Client, patient: Patient) -> None:
    enrollment = enroll(patient, "RTM", starts_on=STARTED)
    page.post(f"{where(patient)}{enrollment.id}/end/", {"ends_on": "2026-02-03"})
    assert only(patient).ends_on == datetime.date(2026, 2, 3)
    detail = AuditEvent.objects.get(action="program_ended").detail
    assert detail == {"program": "RTM", "ends_on": [None, "2026-02-03"]}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"program": "CCM"}, "Select a valid choice"),
        ({"starts_on": ""}, "required"),
        ({"starts_on": "soon"}, "valid date"),
        ({"program": "RPM"}, "In this program already, since January 2, 2026."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    page: Client, patient: Patient, wrong: dict[str, str], message: str
) -> None:
    enroll(patient, "RPM", starts_on=STARTED)
    shown = page.post(where(patient), PROGRAM | wrong).content.decode()
    assert message in shown
    assert 'value="Respiratory"' in shown
    assert only(patient).program == "RPM"


@pytest.mark.parametrize("day", ["", "2026-01-01"])
def test_a_program_does_not_end_before_it_begins(page: Client, patient: Patient, day: str) -> None:
    enrollment = enroll(patient, "RPM", starts_on=STARTED)
    shown = page.post(f"{where(patient)}{enrollment.id}/end/", {"ends_on": day}).content.decode()
    assert 'aria-invalid="true"' in shown
    assert only(patient).ends_on is None


def test_a_program_that_has_ended_may_begin_again(page: Client, patient: Patient) -> None:
    enroll(patient, "RTM", starts_on=STARTED, ends_on=datetime.date(2026, 2, 3))
    assert page.post(where(patient), PROGRAM | {"starts_on": "2026-02-03"}).status_code == 200
    assert page.post(where(patient), PROGRAM | {"starts_on": "2026-02-04"}).status_code == 302
    assert Enrollment.objects.for_clinic(patient.clinic).count() == 2


def test_a_last_day_is_not_moved_into_the_next_time_in_the_program(page: Client, patient: Patient) -> None:
    first = enroll(patient, "RTM", starts_on=STARTED, ends_on=datetime.date(2026, 2, 3))
    enroll(patient, "RTM", starts_on=datetime.date(2026, 3, 1))
    shown = page.post(f"{where(patient)}{first.id}/end/", {"ends_on": "2026-03-01"}).content.decode()
    assert "In this program again by then, since March 1, 2026." in shown
    first.refresh_from_db()
    assert first.ends_on == datetime.date(2026, 2, 3)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, []),
        ({"program": "RPM", "starts_on": "2026-01-02"}, [("RPM", STARTED)]),
    ],
)
def test_a_new_patient_may_begin_a_program_at_once(
    page: Client, clinic: Clinic, chosen: dict[str, Any], expected: list[Any]
) -> None:
    page.post(NEW, FILLED | chosen)
    rows = Enrollment.objects.for_clinic(clinic)
    assert list(rows.values_list("program", "starts_on")) == expected


def test_a_program_of_a_new_patient_begins_today(page: Client, clinic: Clinic) -> None:
    page.post(NEW, FILLED | {"program": "RTM"})
    today = timezone.now().astimezone(clinic.zone).date()
    assert Enrollment.objects.for_clinic(clinic).get().starts_on == today


def test_peak_flow_follows_a_program_that_was_entered_later(page: Client, clinic: Clinic) -> None:
    device = held_device(clinic, "tenovi-peak-flow-meter")
    patient = Patient.objects.for_clinic(clinic).get()
    deliver(clinic, element(device, metric="peak_expiratory_flow", value_1=400, value_2=0))
    assert Measurement.objects.for_clinic(clinic).get().program == "RPM"
    page.post(where(patient), PROGRAM | {"starts_on": "2025-01-01"})
    assert follow_time_zones() == 1
    assert Measurement.objects.for_clinic(clinic).get().program == "RTM"
