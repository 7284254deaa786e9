"""Take a patient out of the clinic's lists, and out of the vendor's account: two separate decisions.

A patient with any history (readings, days, devices, orders, programs) is archived: the row stays for
billing and for the audit. A row without any is deleted. While the vendor has the patient, the row stays
archived in any case: else the next sync would bring the patient back.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import ManyToOneRel
from django.utils import timezone

from clinics import audit
from clinics.models import Clinic, User
from patients.actions.records import send_record
from patients.models import TOLD, Patient
from tenovi.models import Priority, Request, RequestKind, RequestState
from tenovi.outbound.enqueue import enqueue

SENT = (RequestKind.PATIENT_PUSH, RequestKind.PATIENT_DELETE)


class DeletionUnderWay(Exception):
    """The request that deletes the vendor's record is being sent."""


@transaction.atomic
def archive_patient(*, patient: Patient, by: User, reason: str, at_vendor: bool) -> bool:
    """Take a patient out of the lists, and have the vendor delete its record if `at_vendor`.

    Returns whether the row is gone already, since nothing refers to it here or there. Locks the requests of
    the patient, then the patient. Must be called only for a patient without a device.
    """
    requests = _requests(patient)
    patient = _locked(patient)
    is_sending = any(request.state == RequestState.SENDING for request in requests)
    for request in requests:
        if request.kind == RequestKind.PATIENT_PUSH and request.state != RequestState.SENDING:
            request.delete()  # what it was to save is not to be saved any more
    is_at_vendor = patient.at_vendor or is_sending
    detail: dict[str, Any] = {"external_id": patient.external_id, "name": patient.name, "reason": reason}
    if is_at_vendor and at_vendor:
        params = {"by": str(by.id)}
        kind = RequestKind.PATIENT_DELETE
        enqueue(
            patient.clinic, kind, patient.external_id, priority=Priority.PERSON, params=params, insist=True
        )
        detail["asked_of_tenovi"] = True
    if not is_at_vendor and not has_history(patient):
        audit.record("patient_deleted", by=by, clinic=patient.clinic, target=patient, detail=detail)
        patient.delete()
        return True
    patient.archived_at, patient.archive_reason = timezone.now(), reason
    patient.unsent, patient.refusal = {}, ""
    patient.save(update_fields=["archived_at", "archive_reason", "unsent", "refusal"])
    detail["archived_at"] = [None, patient.archived_at.isoformat()]
    audit.record("patient_archived", by=by, clinic=patient.clinic, target=patient, detail=detail)
    return False


@transaction.atomic
def restore_patient(*, patient: Patient, by: User) -> None:
    """Put a patient back into the lists.

    Withdraws a deletion that waits, and sends the record again where the vendor has none. Raises
    DeletionUnderWay.
    """
    requests = _requests(patient)
    patient = _locked(patient)
    if any(request.state == RequestState.SENDING for request in requests):
        raise DeletionUnderWay
    for request in requests:
        request.delete()
    before = patient.archived_at
    patient.archived_at, patient.archive_reason = None, ""
    if not patient.at_vendor:
        patient.unsent = {name: "" for name in TOLD if patient.as_told(name)}
    patient.save(update_fields=["archived_at", "archive_reason", "unsent"])
    detail = {"archived_at": [before and before.isoformat(), None]}
    audit.record("patient_restored", by=by, clinic=patient.clinic, target=patient, detail=detail)
    if not patient.at_vendor:
        send_record(patient)


@transaction.atomic
def note_deleted_at_vendor(*, clinic: Clinic, external_id: str, by: User | None) -> None:
    """Note that the vendor has no record of this patient; delete an archived row without history."""
    rows = Patient.objects.for_clinic(clinic).with_external_id(external_id)
    patient = rows.select_related("clinic").locked().first()
    if patient is None:
        return
    detail = {"external_id": patient.external_id, "at_vendor": [patient.at_vendor, False]}
    gone = patient.archived_at is not None and not has_history(patient)
    action = "patient_deleted" if gone else "patient_deleted_at_tenovi"
    audit.record(action, by=by, clinic=clinic, target=patient, detail=detail, in_background=by is None)
    if gone:
        patient.delete()
        return
    patient.at_vendor, patient.sent_at = False, None
    patient.save(update_fields=["at_vendor", "sent_at"])


def deletion_request(patient: Patient) -> Request | None:
    """Return the unanswered request that deletes the vendor's record, or None."""
    rows = Request.objects.for_clinic(patient.clinic).filter(kind=RequestKind.PATIENT_DELETE)
    return rows.filter(target=patient.external_id).first()


def has_history(patient: Patient) -> bool:
    """Whether any row of any room refers to the patient: readings, days, devices, orders, programs."""
    for relation in Patient._meta.get_fields(include_hidden=True):
        if not isinstance(relation, ManyToOneRel):
            continue
        rows: Any = relation.related_model._default_manager
        if rows.for_clinic(patient.clinic).filter(**{relation.field.name: patient}).exists():
            return True
    return False


def _requests(patient: Patient) -> list[Request]:
    """Lock the patient's requests, before the patient, as the answers lock them."""
    rows = Request.objects.for_clinic(patient.clinic).filter(kind__in=SENT, target=patient.external_id)
    return list(rows.select_for_update().order_by("id"))


def _locked(patient: Patient) -> Patient:
    rows = Patient.objects.for_clinic(patient.clinic).select_related("clinic")
    return rows.locked().get(id=patient.id)
