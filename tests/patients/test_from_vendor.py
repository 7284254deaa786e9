"""The vendor's records of patients, and their effect on ours."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from clinics.models import Clinic
from patients.from_vendor import store_vendor_patient
from patients.handlers import store_patients
from patients.models import Patient
from tenovi.client import records
from tenovi.models import Request, RequestKind
from tests.factories import make_clinic, make_patient

pytestmark = pytest.mark.django_db

PAGE = json.loads((Path(__file__).parent.parent / "payloads" / "api" / "patient-page.json").read_text())


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic()


def told(clinic: Clinic, **row: Any) -> Patient:
    store_vendor_patient(clinic=clinic, record=records.Patient.from_wire({"external_id": "mrn-1", **row}))
    return Patient.objects.for_clinic(clinic).get()


def test_a_patient_is_stored_with_every_field_of_the_vendors_record(clinic: Clinic) -> None:
    record = PAGE["results"][0]
    patient = told(clinic, **record)
    assert {name: getattr(patient, name) for name in record} == record


def test_the_vendors_word_wins_where_it_has_one(clinic: Clinic) -> None:
    make_patient(clinic, "MRN-1", name="Old Name", phone_number="555-0100", city="Irvine")
    patient = told(clinic, name="New Name", phone_number="", city=None)
    assert (patient.name, patient.phone_number, patient.city) == ("New Name", "555-0100", "Irvine")
    assert patient.external_id == "MRN-1"


def test_what_is_ours_is_not_the_vendors_to_change(clinic: Clinic) -> None:
    consent = datetime.date(2025, 1, 2)
    make_patient(clinic, "mrn-1", timezone="America/Denver", consented_on=consent)
    patient = told(clinic, name="Name", timezone="Asia/Tokyo", consented_on=None)
    assert (patient.timezone, patient.consented_on) == ("America/Denver", consent)


def test_nothing_new_writes_nothing(clinic: Clinic, django_assert_num_queries: Any) -> None:
    told(clinic, name="Name")
    record = records.Patient.from_wire({"external_id": "mrn-1", "name": "Name"})
    with django_assert_num_queries(3):  # savepoint, look, release
        store_vendor_patient(clinic=clinic, record=record)


def test_text_that_postgresql_refuses_and_text_too_long_are_stored_as_far_as_they_go(clinic: Clinic) -> None:
    patient = told(clinic, name="A\x00B", zip_code="9" * 50, care_manager={"first": "x"})
    assert (patient.name, patient.zip_code, patient.care_manager) == ("A\ufffdB", "9" * 20, "")


def test_one_record_that_cannot_be_stored_costs_no_other_of_its_page(clinic: Clinic) -> None:
    request = Request.objects.create(clinic=clinic, kind=RequestKind.PATIENTS)
    odd = records.Patient("mrn-2", name="x" * 500)
    page = records.Page((records.Patient("mrn-1"), odd, records.Patient("mrn-3")), "", 3, 0)
    assert store_patients(request, page) == 1
    assert Patient.objects.for_clinic(clinic).count() == 2


def test_the_same_id_in_two_clinics_is_two_people(clinic: Clinic) -> None:
    other = make_clinic("beta")
    assert told(clinic, name="One").id != told(other, name="Two").id
