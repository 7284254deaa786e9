"""One record in two places: changed here, changed at the vendor, changed in both. Over real HTTP."""

from __future__ import annotations

import datetime
import time
import uuid
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from pytest_django import Settings

from clinics.models import AuditEvent, Clinic, User
from devices.vendor_payloads import carried_patient
from patients.actions import records as actions_records
from patients.from_vendor import store_taken
from patients.models import Patient
from patients.presentation import standing
from tenovi.client import records
from tenovi.models import Request, RequestKind
from tenovi.outbound.enqueue import enqueue
from tenovi.outbound.sender import drain
from tests.factories import make_patient, make_user
from tests.sandbox_server import Sandbox
from tests.vendor import PATIENTS, sandbox_clinic, vendor_clinic, wire_page
from tests.vendor_stub import Reply, VendorStub

pytestmark = pytest.mark.django_db(transaction=True)

WHOLE = {"address": "18023 Sky Park Cir", "city": "Irvine", "state": "CA", "zip_code": "92614"}


class Account:
    """The clinic and its account at the played vendor, with one patient in both."""

    def __init__(self, sandbox: Sandbox, clinic: Clinic) -> None:
        self.sandbox, self.clinic = sandbox, clinic
        self.by = make_user("admin@alpha.test", clinic)
        self.external_id = f"Mrn-{uuid.uuid4().hex[:8]}"

    @property
    def there(self) -> dict[str, Any]:
        record: dict[str, Any] = self.sandbox.call(f"/hwi/hwi-patients/{self.external_id.lower()}/").json()
        return record

    @property
    def here(self) -> Patient:
        return Patient.objects.for_clinic(self.clinic).with_external_id(self.external_id).get()

    def create(self, **values: Any) -> None:
        actions_records.create_patient(clinic=self.clinic, by=self.by, external_id=self.external_id, **values)

    def change(self, **values: Any) -> None:
        actions_records.change_patient(patient=self.here, by=self.by, **values)

    def change_there(self, **values: Any) -> None:
        answer = self.sandbox.call(f"/hwi/hwi-patients/{self.external_id}/", method="PATCH", body=values)
        assert answer.status_code == 200

    def read(self) -> None:
        """What a sync does, for this one patient, while nothing is sent."""
        requests = Request.objects.for_clinic(self.clinic).filter(kind=RequestKind.PATIENT_PUSH)
        requests.update(not_before=Now() + datetime.timedelta(hours=1))
        enqueue(self.clinic, RequestKind.PATIENT, self.external_id)
        drain()

    def send(self) -> None:
        Request.objects.for_clinic(self.clinic).update(not_before=Now())
        drain()


@pytest.fixture
def account(sandbox: Sandbox, settings: Settings) -> Account:
    return Account(sandbox, sandbox_clinic(sandbox, settings))


def test_who_is_added_here_is_there_with_everything_that_was_filled_in(account: Account) -> None:
    account.create(name="Test Person", **WHOLE, sms_opt_in=True)
    assert standing(account.here).sentence == "Waiting to be sent to Tenovi: the new record."
    account.send()
    there = account.there
    assert {name: there[name] for name in WHOLE} == WHOLE
    assert (there["name"], there["sms_opt_in"]) == ("Test Person", False)
    here = account.here
    assert (here.address_status, here.at_vendor, here.unsent) == ("Verified", True, {})
    assert (standing(here).sentence, standing(here).at) == ("Sent to Tenovi", here.sent_at)


def test_text_messages_are_on_there_once_consent_is_recorded_here(account: Account) -> None:
    account.create(sms_opt_in=True)
    account.send()
    account.change(sms_opt_in=True, consented_on=datetime.date(2026, 1, 2))
    account.send()
    assert account.there["sms_opt_in"] is True
    account.change(consented_on=None)
    account.send()
    assert account.there["sms_opt_in"] is False


def test_who_agreed_to_text_messages_at_the_vendor_keeps_them_through_every_other_change(
    account: Account,
) -> None:
    """Nobody decided here: neither a change of the record nor a device that is handed over says anything,
    also while the opt-in has not been read from there."""
    account.create(name="Test Person")
    account.send()
    assert account.there["sms_opt_in"] is False  # the vendor's default is yes: a new record says no
    account.change_there(sms_opt_in=True)
    account.change(phone_number="555-0100")
    account.send()
    assert (account.there["phone_number"], account.there["sms_opt_in"]) == ("555-0100", True)
    account.read()
    assert account.here.gets_texts_without_consent
    account.change(phone_number="555-0199")
    account.send()
    assert (account.there["phone_number"], account.there["sms_opt_in"]) == ("555-0199", True)
    assert "sms_opt_in" not in carried_patient(account.here)


def test_a_new_patient_whom_the_vendor_has_already_keeps_what_was_agreed_there(account: Account) -> None:
    body = {"external_id": account.external_id, "sms_opt_in": True}
    assert account.sandbox.call("/hwi/hwi-patients/", method="POST", body=body).status_code == 201
    account.create(name="Test Person")
    account.send()
    assert (account.there["name"], account.there["sms_opt_in"]) == ("Test Person", True)
    assert account.here.gets_texts_without_consent


def test_what_somebody_decided_here_goes_with_a_device_too(account: Account) -> None:
    account.create(name="Test Person")
    assert carried_patient(account.here)["sms_opt_in"] is False  # nothing is known there yet
    account.send()
    account.change(consented_on=datetime.date(2026, 1, 2), sms_opt_in=True)
    assert carried_patient(account.here)["sms_opt_in"] is True
    account.send()
    assert "sms_opt_in" not in carried_patient(account.here)


def test_a_field_that_was_emptied_here_is_empty_there(account: Account) -> None:
    account.create(name="Test Person", phone_number="555-0100")
    account.send()
    account.change(phone_number="")
    account.send()
    assert account.there["phone_number"] == ""
    account.read()
    assert account.here.phone_number == ""


def test_a_change_that_waits_is_not_taken_back_by_a_sync(account: Account) -> None:
    account.create(name="Test Person", city="Irvine")
    account.send()
    account.change(city="Tustin")
    account.read()
    assert (account.here.city, account.here.overruled) == ("Tustin", {})
    assert standing(account.here).sentence == "Waiting to be sent to Tenovi: the new city."
    account.send()
    assert account.there["city"] == "Tustin"


def test_what_was_changed_there_comes_here_beside_what_waits(account: Account) -> None:
    account.create(name="Test Person", city="Irvine")
    account.send()
    account.change(city="Tustin")
    account.change_there(phone_number="555-0100")
    account.read()
    assert (account.here.city, account.here.phone_number) == ("Tustin", "555-0100")


def test_of_a_field_changed_in_both_ours_goes_out_and_theirs_is_told_and_kept(account: Account) -> None:
    account.create(name="Test Person", city="Irvine")
    account.send()
    account.change(city="Tustin")
    account.change_there(city="Orange")
    account.read()
    account.read()
    assert standing(account.here).theirs == ("City: “Orange”",)
    event = AuditEvent.objects.get(action="vendor_change_overruled")
    assert (event.detail, event.target_id) == ({"city": ["Orange", "Tustin"]}, str(account.here.id))
    account.send()
    assert account.there["city"] == "Tustin"
    assert (account.here.overruled, standing(account.here).theirs) == ({}, ())


def test_what_the_vendor_has_already_waits_no_longer(account: Account) -> None:
    account.create(name="Test Person", city="Irvine")
    account.send()
    account.change(city="Tustin")
    account.change_there(city="Tustin")
    account.read()
    assert account.here.unsent == {}


def test_the_verdict_on_the_old_address_is_not_put_on_the_new_one(account: Account) -> None:
    account.create(name="Test Person", **WHOLE)
    account.send()
    account.change(address="1 Nowhere Lane")
    account.read()
    assert account.here.address_status == ""
    account.send()
    assert account.here.address_status == "Invalid"


def test_a_confirmed_address_is_taken_without_a_check(account: Account) -> None:
    account.create(name="Test Person", **WHOLE | {"address": "1 Nowhere Lane"})
    account.send()
    here = account.here
    actions_records.confirm_address(
        patient=here, by=account.by, version=here.version, reason="Seen on a letter"
    )
    account.send()
    assert account.there["confirm_address"] is True
    assert account.here.address_status == "Verified"


def test_who_is_there_already_under_the_id_is_updated_and_the_difference_told(account: Account) -> None:
    account.sandbox.call(
        PATIENTS, method="POST", body={"external_id": account.external_id.upper(), "name": "Somebody Else"}
    )
    account.create(name="Test Person", city="Irvine")
    account.read()
    assert standing(account.here).theirs == ("Name: “Somebody Else”",)
    account.send()
    assert (account.there["name"], account.there["city"]) == ("Test Person", "Irvine")


# What a real vendor does that the played one does not.


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    return vendor_clinic()


@pytest.fixture
def by(clinic: Clinic) -> User:
    return make_user("admin@alpha.test", clinic)


RECORD = f"{PATIENTS}mrn-1/"


def test_a_refusal_is_told_in_the_vendors_words_until_it_is_mended(
    stub: VendorStub, clinic: Clinic, by: User
) -> None:
    patient = make_patient(clinic, "mrn-1", name="Test Person")
    errors = {"zip_code": ["Ensure this field has no more than 5 characters."]}
    stub.reply(RECORD, Reply(400, errors), Reply(200, {"external_id": "mrn-1"}))
    actions_records.change_patient(patient=patient, by=by, zip_code="9261412345")
    drain()
    patient.refresh_from_db()
    stands = standing(patient)
    assert (stands.state, stands.sentence) == ("refused", "Tenovi refused the new zip code.")
    assert stands.why == "ZIP code: Ensure this field has no more than 5 characters."
    actions_records.change_patient(patient=patient, by=by, zip_code="92614")
    assert standing(Patient.objects.for_clinic(clinic).get()).state == "waiting"
    drain()
    assert standing(Patient.objects.for_clinic(clinic).get()).state == "taken"


def test_a_refused_change_goes_out_when_it_is_sent_again(stub: VendorStub, clinic: Clinic, by: User) -> None:
    patient = make_patient(clinic, "mrn-1", name="Test Person")
    stub.reply(RECORD, Reply(400, {"detail": "Not now."}), Reply(200, {"external_id": "mrn-1"}))
    actions_records.change_patient(patient=patient, by=by, name="New Name")
    drain()
    assert standing(Patient.objects.for_clinic(clinic).get()).why == "Not now."
    actions_records.send_again(patient=patient, by=by)
    assert standing(Patient.objects.for_clinic(clinic).get()).why == ""
    drain()
    assert len(stub.asked) == 2
    assert standing(Patient.objects.for_clinic(clinic).get()).state == "taken"


def test_what_was_given_up_on_the_operations_page_is_told_as_not_sent(
    stub: VendorStub, clinic: Clinic, by: User
) -> None:
    patient = make_patient(clinic, "mrn-1", name="Test Person")
    actions_records.change_patient(patient=patient, by=by, name="New Name")
    Request.objects.for_clinic(clinic).delete()
    stands = standing(Patient.objects.for_clinic(clinic).get())
    assert (stands.sentence, stands.may_be_sent_again) == ("Not sent to Tenovi: the new name.", True)


def test_a_change_made_while_one_is_on_its_way_still_waits_afterwards(
    stub: VendorStub, clinic: Clinic, by: User
) -> None:
    patient = make_patient(clinic, "mrn-1", city="Irvine")
    seen: list[str] = []

    def edit_again() -> None:
        actions_records.change_patient(patient=patient, by=by, city="Orange")
        connection.close()

    def look() -> None:
        seen.append(standing(Patient.objects.for_clinic(clinic).get()).state)
        connection.close()

    answer = {"external_id": "mrn-1"}
    stub.reply(RECORD, Reply(200, answer, before=edit_again), Reply(200, answer, before=look))
    actions_records.change_patient(patient=patient, by=by, city="Tustin")
    drain()
    assert seen == ["waiting"]
    assert standing(Patient.objects.for_clinic(clinic).get()).state == "taken"


def test_a_list_that_was_on_its_way_while_somebody_edited_takes_nothing_back(
    stub: VendorStub, clinic: Clinic, by: User
) -> None:
    patient = make_patient(clinic, "mrn-1", city="Irvine")

    def edit() -> None:
        actions_records.change_patient(patient=patient, by=by, city="Tustin")
        Request.objects.for_clinic(clinic).filter(kind=RequestKind.PATIENT_PUSH).delete()
        connection.close()

    stub.reply(PATIENTS, Reply(200, wire_page({"external_id": "MRN-1", "city": "Irvine"}).body, before=edit))
    enqueue(clinic, RequestKind.PATIENTS)
    drain()
    assert Patient.objects.for_clinic(clinic).get().city == "Tustin"


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database d ON d.oid = database OR database IS NULL"
            " WHERE NOT granted AND d.datname = current_database())"
        )
        (waits,) = cursor.fetchone()
    return bool(waits)


def test_an_edit_waits_for_the_answer_to_the_one_before_and_neither_is_lost(clinic: Clinic, by: User) -> None:
    """Both lock the request first and the patient then: in another order each would wait for the other."""
    patient = make_patient(clinic, "mrn-1", city="Irvine")
    actions_records.change_patient(patient=patient, by=by, city="Tustin")
    request = Request.objects.for_clinic(clinic).get()

    def edit() -> None:
        actions_records.change_patient(patient=patient, by=by, city="Orange")
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Request.objects.for_clinic(clinic).select_for_update().get(id=request.id)
            editing = pool.submit(edit)
            deadline = time.monotonic() + 120
            while not somebody_waits_for_a_lock() and time.monotonic() < deadline:
                assert not wait([editing], timeout=0.02).done
            assert somebody_waits_for_a_lock()
            store_taken(clinic=clinic, request=request, record=records.Patient("mrn-1"))
        editing.result(timeout=120)
    patient.refresh_from_db()
    assert (patient.city, patient.unsent) == ("Orange", {"city": "Tustin"})
    assert patient.sent_at is not None


def test_a_list_that_was_asked_for_before_the_vendor_took_a_change_does_not_undo_it(stub: VendorStub) -> None:
    clinic = vendor_clinic()
    patient = make_patient(clinic, "mrn-1", name="New Name", unsent={"name": "Old Name"}, at_vendor=True)
    old = {"external_id": "mrn-1", "name": "Old Name"}

    def taken() -> None:
        request = Request.objects.create(clinic=clinic, kind=RequestKind.PATIENT_PUSH, target="mrn-1")
        with transaction.atomic():
            store_taken(
                clinic=clinic, request=request, record=records.Patient(external_id="mrn-1", name="New Name")
            )
        request.delete()
        connection.close()

    stub.reply(PATIENTS, Reply(body=[old], before=taken), wire_page({**old, "name": "Newest Name"}))
    for name in ("New Name", "Newest Name"):
        enqueue(clinic, RequestKind.PATIENTS)
        drain()
        patient.refresh_from_db()
        assert (patient.name, patient.unsent) == (name, {})
