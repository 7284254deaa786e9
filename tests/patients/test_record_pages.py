"""Adding a patient and changing the record by page: kept, refused, noticed and audited."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from clinics.models import AuditEvent, Clinic, Role
from measurements.models import VitalDay
from measurements.rezone import follow_time_zones
from patients.models import Patient
from tenovi.models import Request, RequestKind
from tests.factories import deliver, element, held_device, make_clinic, make_patient, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.clock]

NEW = "/c/alpha/patients/new/"
FILLED = {
    "external_id": "MRN-1",
    "name": "Test Person",
    "date_of_birth": "1950-02-03",
    "phone_number": "555-0100",
    "email": "person@example.com",
    "address": "18023 Sky Park Cir",
    "city": "Irvine",
    "state": "CA",
    "zip_code": "92614",
    "timezone": "America/Los_Angeles",
    "physician": "Dr. Russell",
    "clinic_name": "Flint Rehab",
    "care_manager": "Jordan",
    "consented_on": "2026-01-02",
    "sms_opt_in": "on",
}


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic()


@pytest.fixture
def page(clinic: Clinic) -> Client:
    client = Client()
    client.force_login(make_user("care@alpha.test", clinic, Role.CARE_MANAGER))
    return client


def only_patient(clinic: Clinic) -> Patient:
    return Patient.objects.for_clinic(clinic).get()


def edit(patient: Patient, **changes: Any) -> tuple[str, dict[str, Any]]:
    """Return the address of the form, and its fields as a browser would send them back."""
    patient.refresh_from_db()
    shown = {name: getattr(patient, name) or "" for name in FILLED if name != "external_id"}
    shown.pop("sms_opt_in")
    sent = {**shown, "version": patient.version, **changes}
    return f"/c/alpha/patients/{patient.id}/edit/", sent


def test_a_new_patient_is_kept_written_down_and_asked_to_be_sent(page: Client, clinic: Clinic) -> None:
    answer = page.post(NEW, FILLED)
    patient = only_patient(clinic)
    assert answer.headers["Location"] == f"/c/alpha/patients/{patient.id}/"
    stored = {name: getattr(patient, name) for name in FILLED}
    assert {name: str(value) for name, value in stored.items() if name != "sms_opt_in"} == {
        name: value for name, value in FILLED.items() if name != "sms_opt_in"
    }
    assert patient.sms_opt_in
    detail = AuditEvent.objects.get(action="patient_created").detail
    assert detail["name"] == [None, "Test Person"]
    request = Request.objects.for_clinic(clinic).get()
    assert (request.kind, request.target, request.priority) == (RequestKind.PATIENT_PUSH, "MRN-1", 10)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"external_id": ""}, "required"),
        ({"external_id": "mrn-7781"}, "There is a patient of this id already"),
        ({"external_id": "a/b"}, "no slash"),
        ({"external_id": ".."}, "no mere dots"),
        ({"external_id": "a\u202eb"}, "invisible signs"),
        ({"name": ""}, "required"),
        ({"name": "x" * 201}, "at most 200 characters"),
        ({"date_of_birth": "2999-01-01"}, "has not come yet"),
        ({"date_of_birth": "soon"}, "valid date"),
        ({"date_of_birth": "1066-10-14"}, "longer ago"),
        ({"consented_on": "2999-01-01"}, "has not come yet"),
        ({"consented_on": ""}, "day of consent first"),
        ({"email": "nobody"}, "valid email"),
        ({"timezone": "Mars"}, "is not a time zone"),
        ({"timezone": "Factory"}, "is not a time zone"),
        ({"city": "A\0"}, "Null characters"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(
    page: Client, clinic: Clinic, wrong: dict[str, str], message: str
) -> None:
    make_patient(clinic, "MRN-7781")
    shown = page.post(NEW, FILLED | wrong).content.decode()
    assert message in shown
    assert 'aria-invalid="true"' in shown
    typed = [text for name, text in (FILLED | wrong).items() if name != "sms_opt_in" and "\0" not in text]
    assert [text for text in typed if text and f'value="{text}"' not in shown] == []
    assert only_patient(clinic).external_id == "MRN-7781"


def test_who_has_the_id_already_is_one_click_away(page: Client, clinic: Clinic) -> None:
    other = make_patient(clinic, "mrn-1")
    assert f'href="/c/alpha/patients/{other.id}/"' in page.post(NEW, FILLED).content.decode()


def test_a_change_is_kept_with_before_and_after_and_only_it_is_sent(page: Client, clinic: Clinic) -> None:
    patient = make_patient(clinic, "mrn-1", name="Old", city="Irvine")
    page.post(*edit(patient, name="New", date_of_birth="1950-02-03"))
    patient.refresh_from_db()
    assert (patient.name, patient.city, patient.version) == ("New", "Irvine", 2)
    event = AuditEvent.objects.get(action="patient_changed")
    assert event.detail == {"name": ["Old", "New"], "date_of_birth": [None, "1950-02-03"]}
    assert event.target_id == str(patient.id)
    assert Request.objects.for_clinic(clinic).get().params == {"fields": ["name"]}


def test_what_only_we_know_is_not_sent(page: Client, clinic: Clinic) -> None:
    patient = make_patient(clinic, "mrn-1", name="Test Person")
    page.post(*edit(patient, timezone="America/Denver", consented_on="2026-01-02"))
    assert only_patient(clinic).timezone == "America/Denver"
    assert not Request.objects.for_clinic(clinic).exists()


def test_keeping_what_is_there_changes_nothing(page: Client, clinic: Clinic) -> None:
    patient = make_patient(clinic, "mrn-1", name="Test Person", email="not an address")
    assert page.post(*edit(patient)).status_code == 302
    assert only_patient(clinic).version == 1
    assert not AuditEvent.objects.filter(action="patient_changed").exists()


def test_two_who_change_one_record_learn_of_each_other(page: Client, clinic: Clinic) -> None:
    """The second is told what is there now, loses nothing, and replaces it only by keeping it again."""
    patient = make_patient(clinic, "mrn-1", name="Test Person", phone_number="555-0100")
    first, second = edit(patient, phone_number="555-0111"), edit(patient, phone_number="555-0122")
    page.post(*first)
    shown = page.post(*second).content.decode()
    assert "Somebody else changed this record" in shown
    assert "Somebody else has just made this: “555-0111”." in shown
    assert 'value="555-0122"' in shown
    assert only_patient(clinic).phone_number == "555-0111"
    assert 'name="version" value="2"' in shown
    page.post(second[0], {**second[1], "version": 2})
    assert only_patient(clinic).phone_number == "555-0122"


def test_a_form_that_names_no_version_replaces_nothing(page: Client, clinic: Clinic) -> None:
    patient = make_patient(clinic, "mrn-1", name="Test Person")
    where, sent = edit(patient, name="Other")
    sent.pop("version")
    assert "Somebody else changed this record" in page.post(where, sent).content.decode()
    assert only_patient(clinic).name == "Test Person"


def test_text_messages_that_are_on_at_the_vendor_are_a_question(page: Client, clinic: Clinic) -> None:
    """At the vendor they are on by default, so an imported patient may have them without consent.
    Keeping the record decides nothing; what a person chooses does, once."""
    patient = make_patient(clinic, "mrn-1", name="Test Person", sms_opt_in=True)
    shown = page.get(f"/c/alpha/patients/{patient.id}/").content.decode()
    assert "on at Tenovi, without consent here" in shown
    page.post(*edit(patient, phone_number="555-0100"))
    assert only_patient(clinic).sms_opt_in
    assert Request.objects.for_clinic(clinic).get().params == {"fields": ["phone_number"]}
    assert "Switch them off at Tenovi" in page.get(edit(patient)[0]).content.decode()
    page.post(*edit(patient, texts="off"))
    assert not only_patient(clinic).sms_opt_in
    assert Request.objects.for_clinic(clinic).get().params == {"fields": ["phone_number", "sms_opt_in"]}
    assert "Switch them off at Tenovi" not in page.get(edit(patient)[0]).content.decode()


def test_a_consent_keeps_the_text_messages_that_are_on(page: Client, clinic: Clinic) -> None:
    patient = make_patient(clinic, "mrn-1", name="Test Person", sms_opt_in=True)
    page.post(*edit(patient, consented_on="2026-01-02"))
    patient = only_patient(clinic)
    assert (patient.sms_opt_in, patient.gets_texts_without_consent) == (True, False)


def test_nobody_switches_text_messages_on_without_consent(page: Client, clinic: Clinic) -> None:
    patient = make_patient(clinic, "mrn-1", name="Test Person")
    shown = page.post(*edit(patient, sms_opt_in="on")).content.decode()
    assert "enter the day of consent first" in shown
    assert not only_patient(clinic).sms_opt_in


def test_a_new_time_zone_puts_the_patients_readings_on_their_dates(page: Client, clinic: Clinic) -> None:
    """03:30 UTC is the evening before in New York and the same day in London."""
    device = held_device(clinic)
    moment = "2025-03-04T03:30:00Z"
    deliver(clinic, element(device, timestamp=moment, created=moment, timezone_offset=None))
    patient = only_patient(clinic)
    page.post(*edit(patient, timezone="Europe/London"))
    assert follow_time_zones() == 1
    assert VitalDay.objects.for_clinic(clinic).get().local_date == datetime.date(2025, 3, 4)
    assert follow_time_zones() == 0


# The address.

ADDRESS = {"address": "1 Nowhere Lane", "city": "Irvine", "state": "CA", "zip_code": "92614"}


@pytest.fixture
def doubtful(clinic: Clinic) -> Patient:
    return make_patient(clinic, "mrn-1", name="Test Person", **ADDRESS, address_status="Invalid")


def test_a_doubtful_address_is_confirmed_on_purpose_with_a_reason(page: Client, doubtful: Patient) -> None:
    where = f"/c/alpha/patients/{doubtful.id}/confirm-address/"
    assert "could not verify" in page.get(f"/c/alpha/patients/{doubtful.id}/").content.decode()
    asked = page.post(where, {"version": 1, "reason": " "}).content.decode()
    assert "a parcel goes there without a further check" in asked
    assert not only_patient(doubtful.clinic).confirm_address
    page.post(where, {"version": 1, "reason": "Spelled out on the phone"})
    patient = only_patient(doubtful.clinic)
    assert patient.confirm_address
    event = AuditEvent.objects.get(action="patient_changed")
    assert event.detail == {"confirm_address": [False, True], "reason": "Spelled out on the phone"}
    assert patient.unsent == {"confirm_address": False}


def test_an_address_that_was_changed_meanwhile_is_looked_at_again(page: Client, doubtful: Patient) -> None:
    page.post(*edit(doubtful, address="2 Nowhere Lane"))
    Patient.objects.for_clinic(doubtful.clinic).update(address_status="Invalid")
    where = f"/c/alpha/patients/{doubtful.id}/confirm-address/"
    shown = page.post(where, {"version": 1, "reason": "Spelled out"}).content.decode()
    assert "Look at the address once more" in shown
    assert 'value="Spelled out"' in shown
    assert not only_patient(doubtful.clinic).confirm_address


def test_another_address_is_neither_confirmed_nor_judged(page: Client, doubtful: Patient) -> None:
    Patient.objects.for_clinic(doubtful.clinic).update(confirm_address=True)
    page.post(*edit(doubtful, city="Tustin"))
    patient = only_patient(doubtful.clinic)
    assert (patient.confirm_address, patient.address_status) == (False, "")
    assert sorted(patient.unsent) == ["city", "confirm_address"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (ADDRESS | {"address_status": "Verified"}, "Tenovi could verify this address."),
        (ADDRESS | {"address_status": "Odd"}, "Tenovi says of this address: Odd."),
        (ADDRESS | {"confirm_address": True, "address_status": "Invalid"}, "Confirmed here"),
        (ADDRESS, "Not checked by Tenovi yet."),
        (ADDRESS | {"zip_code": "", "state": ""}, "Tenovi needs the state and the zip code too."),
    ],
)
def test_the_vendors_verdict_stands_in_words(
    page: Client, clinic: Clinic, fields: dict[str, Any], words: str
) -> None:
    patient = make_patient(clinic, "mrn-1", **fields)
    assert words in page.get(f"/c/alpha/patients/{patient.id}/").content.decode()


def test_an_open_page_hears_of_a_change_of_the_record(page: Client, clinic: Clinic) -> None:
    patient = make_patient(clinic, "mrn-1")
    news = f"/c/alpha/patients/{patient.id}/news/"
    before = page.get(news).json()
    Patient.objects.for_clinic(clinic).update(sent_at=timezone.now())
    assert page.get(news).json() != before


def test_the_list_names_whose_record_the_vendor_did_not_take(page: Client, clinic: Clinic) -> None:
    make_patient(clinic, "mrn-1", name="Fine Person")
    make_patient(make_clinic("beta"), "mrn-2", name="Other Person", refusal="No.")
    assert page.get("/c/alpha/patients/").context["not_taken"] == []
    refused = make_patient(clinic, "mrn-3", name="Refused Person", refusal="ZIP code: too long.")
    assert page.get("/c/alpha/patients/").context["not_taken"] == [
        {"name": "Refused Person", "url": f"/c/alpha/patients/{refused.id}/#record"}
    ]
