"""Deleting a patient: here and at the vendor told apart, nothing lost that bills rest on, and a way back."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from clinics.models import AuditEvent, Clinic, Role
from devices.models import Assignment
from measurements.models import Measurement, VitalDay
from patients.actions import records
from patients.models import Patient
from tenovi.models import Request, RequestKind
from tenovi.outbound.enqueue import enqueue
from tenovi.outbound.sender import drain
from tests.factories import deliver, element, enroll, held_device, make_clinic, make_patient, make_user
from tests.rest import api_client
from tests.sandbox_server import Sandbox
from tests.vendor import PATIENTS, sandbox_clinic, stub_as_vendor, vendor_clinic
from tests.vendor_stub import Reply

WHY = "Entered twice"


@pytest.fixture
def clinic(db: None) -> Clinic:
    return make_clinic("alpha")


def admin_of(clinic: Clinic) -> Client:
    client = Client()
    client.force_login(make_user(f"admin@{clinic.slug}.test", clinic, Role.CLINIC_ADMIN))
    return client


def delete(page: Client, patient: Patient, **form: str) -> str:
    path = f"/c/{patient.clinic.slug}/patients/{patient.id}/delete/"
    answer = page.post(path, {"reason": WHY, **form}, follow=True)
    return str(answer.content.decode())


def rows(clinic: Clinic) -> Any:
    return Patient.objects.for_clinic(clinic)


def kinds(clinic: Clinic) -> list[str]:
    return sorted(Request.objects.for_clinic(clinic).values_list("kind", flat=True))


def test_a_record_that_nothing_hangs_on_goes_and_the_reason_stays(clinic: Clinic) -> None:
    patient = make_patient(clinic, "mrn-1", name="Test Person", at_vendor=False)
    enqueue(clinic, RequestKind.PATIENT_PUSH, "mrn-1", params={"create": True})
    assert "Test Person is deleted" in delete(admin_of(clinic), patient)
    assert not rows(clinic).exists()
    assert kinds(clinic) == []  # it is not made at Tenovi after all
    detail = AuditEvent.objects.get(action="patient_deleted").detail
    assert detail == {"external_id": "mrn-1", "name": "Test Person", "reason": WHY}


def test_a_reason_is_needed(clinic: Clinic) -> None:
    patient = make_patient(clinic, "mrn-1", at_vendor=False)
    assert "Say why in a few words" in delete(admin_of(clinic), patient, reason=" ")
    assert rows(clinic).exists()


def test_who_has_readings_is_archived_and_nothing_of_it_is_lost(clinic: Clinic) -> None:
    device = held_device(clinic)
    assert deliver(clinic, element(device)).status_code == 200
    patient = rows(clinic).get()
    Assignment.objects.for_clinic(clinic).update(ends_at="2025-04-01T00:00:00Z")
    page, api = admin_of(clinic), api_client(make_user("script@alpha.test", clinic))
    assert "is archived" in delete(page, patient)
    assert Measurement.objects.for_clinic(clinic).filter(patient=patient).exists()
    assert VitalDay.objects.for_clinic(clinic).filter(patient=patient).exists()
    assert kinds(clinic) == []  # Tenovi keeps its record
    for path in ("patients/", "fulfillment/orders/new/"):
        assert patient.external_id not in page.get(f"/c/alpha/{path}").content.decode(), path
    assert api.get("/api/v1/clinics/alpha/patients/").json()["results"] == []
    assert api.get(f"/api/v1/clinics/alpha/patients/{patient.external_id}/").status_code == 200
    assert patient.external_id in page.get("/c/alpha/patients/archived/").content.decode()
    billing = page.get("/c/alpha/billing/?month=2025-03").content.decode()
    assert patient.external_id in billing
    shown = page.get(f"/c/alpha/patients/{patient.id}/").content.decode()
    assert WHY in shown
    assert "Tenovi still has its record" in shown


def test_who_has_a_device_is_discharged_first(clinic: Clinic) -> None:
    held_device(clinic)
    said = delete(admin_of(clinic), rows(clinic).get(), at_vendor="on")
    assert "Discharge the patient first" in said
    assert rows(clinic).get().archived_at is None
    assert kinds(clinic) == []


def test_a_device_in_use_brings_an_archived_patient_before_people(clinic: Clinic) -> None:
    """Readings that come in are seen, whatever was decided before."""
    held_device(clinic)
    rows(clinic).update(archived_at="2025-01-01T00:00:00Z", archive_reason=WHY)
    assert "mrn-7781" in admin_of(clinic).get("/c/alpha/patients/").content.decode()


def test_an_archived_patient_is_brought_back(clinic: Clinic) -> None:
    patient = make_patient(clinic, "mrn-1", name="Test Person")
    page = admin_of(clinic)
    delete(page, patient, at_vendor="on")
    assert kinds(clinic) == ["patients.delete"]
    page.post(f"/c/alpha/patients/{patient.id}/restore/")
    assert kinds(clinic) == []
    assert "mrn-1" in page.get("/c/alpha/patients/").content.decode()
    assert AuditEvent.objects.filter(action="patient_restored").count() == 1


def test_every_history_keeps_the_row(clinic: Clinic) -> None:
    patient = make_patient(clinic, "mrn-1", at_vendor=False)
    enroll(patient, "RPM")
    assert "is archived" in delete(admin_of(clinic), patient)
    assert rows(clinic).get().archived_at


# At the vendor, over real HTTP


@pytest.mark.django_db(transaction=True)
def test_the_record_is_deleted_at_the_vendor_and_then_here(sandbox: Sandbox, settings: Settings) -> None:
    clinic = sandbox_clinic(sandbox, settings)
    by = make_user("care@alpha.test", clinic)
    records.create_patient(clinic=clinic, by=by, external_id="To-Delete", name="Test Person")
    drain()
    assert "is archived" in delete(admin_of(clinic), rows(clinic).get(), at_vendor="on")
    enqueue(clinic, RequestKind.PATIENTS)
    assert sandbox.call("/hwi/hwi-patients/to-delete/").status_code == 200
    drain()
    assert sandbox.call("/hwi/hwi-patients/to-delete/").status_code == 404
    assert not rows(clinic).with_external_id("to-delete").exists()
    assert AuditEvent.objects.get(action="patient_deleted").actor_label == "admin@alpha.test"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("status", [204, 404])
def test_who_is_gone_at_the_vendor_stays_here_with_a_history(settings: Settings, status: int) -> None:
    with stub_as_vendor(settings) as stub:
        clinic = vendor_clinic()
        patient = make_patient(clinic, "mrn-1", name="Test Person")
        enroll(patient, "RPM")
        page = admin_of(clinic)
        delete(page, patient, at_vendor="on")
        stub.reply(f"{PATIENTS}mrn-1/", Reply(status, {} if status == 404 else b""))
        drain()
        assert [asked.method for asked in stub.asked] == ["DELETE"]
        patient.refresh_from_db()
        assert (patient.at_vendor, patient.archived_at is not None) == (False, True)
        assert kinds(clinic) == []
        shown = page.get(f"/c/{clinic.slug}/patients/{patient.id}/").content.decode()
        assert "Tenovi has no record" in shown
        page.post(f"/c/{clinic.slug}/patients/{patient.id}/restore/")
        assert Request.objects.for_clinic(clinic).get().params == {"create": True}


@pytest.mark.django_db(transaction=True)
def test_a_sync_does_not_bring_back_who_waits_to_be_deleted(settings: Settings) -> None:
    with stub_as_vendor(settings) as stub:
        clinic = vendor_clinic()
        patient = make_patient(clinic, "mrn-1", name="Test Person")
        delete(admin_of(clinic), patient, at_vendor="on")
        Request.objects.for_clinic(clinic).update(not_before="2999-01-01T00:00:00Z")
        stub.reply(PATIENTS, Reply(body=[{"external_id": "MRN-1", "name": "Test Person"}]))
        enqueue(clinic, RequestKind.PATIENTS)
        drain()
        patient.refresh_from_db()
        assert patient.archived_at
        assert rows(clinic).count() == 1
