"""`patients/` and `patients/<external_id>/`."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from rest_framework.test import APIClient

from clinics.models import Clinic
from patients.models import Patient
from tests.factories import make_clinic, make_patient, make_user
from tests.rest import api_client, note_no_use, results, walk

pytestmark = pytest.mark.django_db

URL = "/api/v1/clinics/alpha/patients/"
RECORD: dict[str, Any] = {
    "external_id": "MRN-7781",
    "name": "Patrick Smith",
    "address": "18023 Sky Park Cir Suite H2",
    "city": "Irvine",
    "state": "CA",
    "zip_code": "92614",
    "phone_number": "18005935468",
    "email": "psmith@example.com",
    "physician": "Dr. Ian Russell",
    "clinic_name": "Flint Rehab",
    "care_manager": "Jordan Benoit",
    "sms_opt_in": True,
    "confirm_address": False,
    "address_status": "Verified",
    "address_verified_by": "internal",
    "timezone": "America/Los_Angeles",
}


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def api(clinic: Clinic) -> APIClient:
    return api_client(make_user("alice@alpha.test", clinic))


def test_a_patient_has_the_vendors_fields_and_a_time_zone(api: APIClient, clinic: Clinic) -> None:
    make_patient(clinic, **RECORD)
    assert api.get(f"{URL}MRN-7781/").json() == RECORD


def test_the_list_has_the_same_rows(api: APIClient, clinic: Clinic) -> None:
    make_patient(clinic, **RECORD)
    assert api.get(URL).json() == {"next": None, "previous": None, "results": [RECORD]}


@pytest.mark.parametrize("spelled", ["mrn-7781", "MRN-7781", "Mrn-7781"])
def test_case_does_not_matter(api: APIClient, clinic: Clinic, spelled: str) -> None:
    make_patient(clinic, "MRN-7781")
    assert api.get(f"{URL}{spelled}/").json()["external_id"] == "MRN-7781"


@pytest.mark.parametrize("odd", ["a b", "a+b", "50%", "a?b#c", "é-ü", "a/b", "%00", "_", "💊"])
def test_an_external_id_may_hold_any_character(api: APIClient, clinic: Clinic, odd: str) -> None:
    make_patient(clinic, odd)
    assert api.get(f"{URL}{quote(odd, safe='')}/").json()["external_id"] == odd
    assert results(api.get(f"{URL}{quote(odd, safe='')}/measurements/")) == []


def test_wildcards_of_the_database_match_nobody(api: APIClient, clinic: Clinic) -> None:
    make_patient(clinic, "MRN-7781")
    assert api.get(f"{URL}MRN%25/").status_code == 404
    assert api.get(f"{URL}MRN_7781/").status_code == 404


def test_nobody_is_404_in_the_apis_style(api: APIClient) -> None:
    answer = api.get(f"{URL}nobody/")
    assert (answer.status_code, answer.json()) == (404, {"detail": "No Patient matches the given query."})


@pytest.mark.parametrize("page_size", [1, 2, 5])
def test_a_walk_meets_everybody_once(api: APIClient, clinic: Clinic, page_size: int) -> None:
    for external_id in ("b-2", "A-1", "c 3", "D-4", "é"):
        make_patient(clinic, external_id)
    assert {row["external_id"] for row in walk(api, URL, page_size)} == {"A-1", "b-2", "c 3", "D-4", "é"}
    assert len(walk(api, URL, page_size)) == 5


def test_the_number_of_queries_does_not_grow_with_the_list(
    api: APIClient, clinic: Clinic, django_assert_num_queries: Any
) -> None:
    for number in range(25):
        make_patient(clinic, f"p-{number}")
    note_no_use()
    for page_size in (1, 25):
        with django_assert_num_queries(4):  # token, membership, patients, audit line
            assert len(results(api.get(URL, {"page_size": page_size}))) == page_size


def test_the_look_up_uses_the_index_that_makes_ids_unique(clinic: Clinic) -> None:
    Patient.objects.bulk_create(Patient(clinic=clinic, external_id=f"p-{number}") for number in range(2000))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE patients_patient")
    plan = Patient.objects.for_clinic(clinic).with_external_id("P-1000").explain()
    assert "patient_external_id_unique_ignoring_case" in plan
