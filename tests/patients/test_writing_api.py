"""POST `patients/` and PATCH `patients/<external_id>/`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from clinics.models import AuditEvent, Clinic
from patients.models import Patient
from tenovi.models import Request
from tenovi.outbound.sender import drain
from tests.factories import make_clinic, make_patient, make_user
from tests.patients.test_api import RECORD, URL
from tests.rest import api_client, token_of
from tests.sandbox_server import Sandbox
from tests.vendor import sandbox_clinic

pytestmark = pytest.mark.django_db

VERDICT = {"address_status": "", "address_verified_by": ""}
SENT = {name: value for name, value in RECORD.items() if name not in VERDICT} | {"sms_opt_in": False}


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def api(clinic: Clinic) -> APIClient:
    return api_client(make_user("script@alpha.test", clinic))


def only_patient(clinic: Clinic) -> Patient:
    return Patient.objects.for_clinic(clinic).get()


def test_a_patient_is_added_with_every_field_of_the_record(api: APIClient, clinic: Clinic) -> None:
    answer = api.post(URL, SENT, format="json")
    assert (answer.status_code, answer.json()) == (201, SENT | VERDICT)
    assert api.get(f"{URL}mrn-7781/").json() == SENT | VERDICT
    assert Request.objects.for_clinic(clinic).get().params == {"create": True}
    event = AuditEvent.objects.get(action="patient_created")
    assert (event.actor_label, event.target_id) == ("script@alpha.test", str(only_patient(clinic).id))


def test_an_id_is_enough(api: APIClient) -> None:
    answer = api.post(URL, {"external_id": "mrn-1"}, format="json")
    assert (answer.status_code, answer.json()["sms_opt_in"]) == (201, False)


def test_only_what_is_sent_is_changed(api: APIClient, clinic: Clinic) -> None:
    make_patient(clinic, **RECORD)
    answer = api.patch(f"{URL}MRN-7781/", {"phone_number": "555-0100", "timezone": ""}, format="json")
    assert (answer.status_code, answer.json()) == (
        200,
        RECORD | {"phone_number": "555-0100", "timezone": ""},
    )
    assert Request.objects.for_clinic(clinic).get().params == {"fields": ["phone_number"]}
    detail = AuditEvent.objects.get(action="patient_changed").detail
    assert detail == {"phone_number": ["18005935468", "555-0100"], "timezone": ["America/Los_Angeles", ""]}


def test_case_does_not_matter_when_something_is_changed(api: APIClient, clinic: Clinic) -> None:
    make_patient(clinic, "MRN-7781")
    answer = api.patch(f"{URL}mrn-7781/", {"external_id": "mrn-7781", "name": "New"}, format="json")
    assert (answer.status_code, answer.json()["external_id"]) == (200, "MRN-7781")
    assert only_patient(clinic).name == "New"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"external_id": "MRN-1"}, "There is a patient of this id already"),
        ({"external_id": ""}, "may not be blank"),
        ({"external_id": "a/b"}, "no slash"),
        ({"external_id": "x" * 201}, "no more than 200 characters"),
        ({"name": "x" * 201}, "no more than 200 characters"),
        ({"name": None}, "may not be null"),
        ({"name": ["a"]}, "Not a valid string"),
        ({"city": "A\0"}, "Null characters"),
        ({"city": "A\ud800"}, "Surrogate characters"),
        ({"timezone": "Mars"}, "is not a time zone"),
        ({"timezone": "localtime"}, "is not a time zone"),
        ({"sms_opt_in": "perhaps"}, "valid boolean"),
    ],
)
def test_what_is_wrong_is_a_field_error_and_nothing_is_kept(
    api: APIClient, clinic: Clinic, wrong: dict[str, Any], message: str
) -> None:
    make_patient(clinic, "mrn-1")
    body = json.dumps({"external_id": "mrn-2", **wrong})  # escapes what UTF-8 cannot hold
    answer = api.generic("POST", URL, body, content_type="application/json")
    assert (answer.status_code, list(answer.json())) == (400, list(wrong))
    assert message in answer.json()[next(iter(wrong))][0]
    assert only_patient(clinic).external_id == "mrn-1"
    assert not Request.objects.for_clinic(clinic).exists()


def test_text_messages_take_a_recorded_consent(api: APIClient, clinic: Clinic) -> None:
    refused = api.post(URL, {"external_id": "mrn-1", "sms_opt_in": True}, format="json")
    assert (refused.status_code, list(refused.json())) == (400, ["sms_opt_in"])
    assert "consent" in refused.json()["sms_opt_in"][0]
    assert not Patient.objects.for_clinic(clinic).exists()
    patient = make_patient(clinic, "mrn-1")
    assert api.patch(f"{URL}mrn-1/", {"sms_opt_in": True}, format="json").status_code == 400
    Patient.objects.for_clinic(clinic).filter(id=patient.id).update(consented_on="2026-01-02")
    answer = api.patch(f"{URL}mrn-1/", {"sms_opt_in": True}, format="json")
    assert (answer.status_code, answer.json()["sms_opt_in"]) == (200, True)


WHOLE = {"address": "1 Main St", "city": "Irvine", "state": "CA", "zip_code": "92614"}
REASON = {"confirm_address_reason": "Parcels have arrived there before"}


def test_an_address_is_confirmed_with_the_reason_that_the_page_asks_for(
    api: APIClient, clinic: Clinic
) -> None:
    make_patient(clinic, "mrn-1", **WHOLE)
    for without in ({}, {"confirm_address_reason": " "}):
        refused = api.patch(f"{URL}mrn-1/", {"confirm_address": True, **without}, format="json")
        assert (refused.status_code, list(refused.json())) == (400, ["confirm_address_reason"])
    assert not only_patient(clinic).confirm_address
    answer = api.patch(f"{URL}mrn-1/", {"confirm_address": True, **REASON}, format="json")
    assert (answer.status_code, answer.json()["confirm_address"]) == (200, True)
    assert "confirm_address_reason" not in answer.json()
    detail = AuditEvent.objects.get(action="patient_changed").detail
    assert detail == {"confirm_address": [False, True], "reason": REASON["confirm_address_reason"]}


def test_a_new_patients_address_is_confirmed_with_a_reason_and_whole(api: APIClient, clinic: Clinic) -> None:
    new = {"external_id": "mrn-1", "confirm_address": True}
    assert list(api.post(URL, new | WHOLE, format="json").json()) == ["confirm_address_reason"]
    part = new | WHOLE | REASON | {"city": ""}
    assert list(api.post(URL, part, format="json").json()) == ["confirm_address"]
    assert not Patient.objects.for_clinic(clinic).exists()
    assert api.post(URL, new | WHOLE | REASON, format="json").status_code == 201
    assert (
        AuditEvent.objects.get(action="patient_created").detail["reason"] == REASON["confirm_address_reason"]
    )


def test_an_id_is_not_changed(api: APIClient, clinic: Clinic) -> None:
    make_patient(clinic, "mrn-1")
    answer = api.patch(f"{URL}mrn-1/", {"external_id": "mrn-2", "name": "New"}, format="json")
    assert (answer.status_code, list(answer.json())) == (400, ["external_id"])
    assert only_patient(clinic).name == ""


def test_the_verdict_is_the_vendors(api: APIClient, clinic: Clinic) -> None:
    make_patient(clinic, "mrn-1", address_status="Invalid")
    answer = api.patch(f"{URL}mrn-1/", {"address_status": "Verified"}, format="json")
    assert answer.json()["address_status"] == "Invalid"


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"external_id": NaN}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"{}", "application/json; charset=klingon", 400),
        (b"[]", "application/json", 400),
        (b'"mrn-1"', "application/json", 400),
        (b"external_id=mrn-1", "application/x-www-form-urlencoded", 415),
        (b'{"external_id": "%s"}' % (b"x" * 2**20), "application/json", 413),
    ],
)
def test_a_body_that_cannot_be_read_is_the_callers_error(
    clinic: Clinic, body: bytes, content_type: str, status: int
) -> None:
    token = token_of(make_user("script@alpha.test", clinic))
    answer = Client().generic("POST", URL, body, content_type, headers={"Authorization": token})
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/json")
    assert not Patient.objects.for_clinic(clinic).exists()


def test_a_browser_must_show_that_its_page_asked(clinic: Clinic) -> None:
    """A session alone is not enough: another site's form could use it."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make_user("alice@alpha.test", clinic))
    assert browser.post(URL, {"external_id": "mrn-1"}, content_type="application/json").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_what_a_script_writes_is_at_the_vendor(sandbox: Sandbox, settings: Settings) -> None:
    clinic = sandbox_clinic(sandbox, settings)
    api = api_client(make_user("script@alpha.test", clinic))
    assert api.post(URL, SENT | {"external_id": "From-Api"}, format="json").status_code == 201
    drain()
    assert api.get(f"{URL}from-api/").json()["address_status"] == "Verified"
    assert api.patch(f"{URL}FROM-API/", {"city": "Tustin"}, format="json").status_code == 200
    drain()
    there = sandbox.call("/hwi/hwi-patients/from-api/").json()
    assert {name: there[name] for name in ("name", "city", "zip_code", "sms_opt_in")} == {
        "name": "Patrick Smith",
        "city": "Tustin",
        "zip_code": "92614",
        "sms_opt_in": False,
    }
