"""Store the vendor's answers about patients."""

from __future__ import annotations

import logging
from typing import Any

from django.db import DataError, IntegrityError, transaction

from clinics.models import User
from patients.actions.archiving import note_deleted_at_vendor
from patients.from_vendor import store_refusal, store_taken, store_vendor_patient
from patients.models import ADDRESS, TOLD, Patient
from patients.presentation import LABELS
from tenovi.client import records
from tenovi.client.errors import Invalid, VendorError
from tenovi.models import Request, RequestKind
from tenovi.registry import Handler, NothingToSend

log = logging.getLogger(__name__)

UNNAMED = ("", "detail", "non_field_errors")
"""Under which the vendor says what is wrong with no member in particular."""


def store_patients(request: Request, answer: records.Page[records.Patient]) -> int:
    """Store a page of the patient list. Returns how many records could not be stored."""
    return sum(not _store(request, record) for record in answer.results)


def store_patient(request: Request, answer: records.Patient) -> int:
    return 0 if _store(request, answer) else 1


def record_to_push(request: Request) -> dict[str, Any]:
    """Return the fields of a patient that were changed here, or all that are filled for a new record.

    Never a field that was neither filled nor changed here: the vendor may know more.

    A new record says whether text messages may be sent, because the vendor's default is yes
    (https://tenovi.com/api-docs/, patients: "set this to false at creation time"). An existing record says
    so only when it was changed here: else a changed phone number would switch them off for a patient who
    agreed at the vendor. A confirmation goes out with its address.
    """
    patient = Patient.objects.for_clinic(request.clinic).with_external_id(request.target).first()
    if patient is None or patient.archived_at:
        raise NothingToSend
    is_new, fields = bool(request.params.get("create")), request.params.get("fields")
    changed = {*patient.unsent, *(fields or ())}
    if "confirm_address" in changed and patient.confirm_address:
        changed.update(ADDRESS)
    is_whole = is_new or fields is None
    names = [name for name in TOLD if name in changed or (is_whole and patient.as_told(name))]
    body = {name: patient.as_told(name) for name in names}
    if not is_new:
        return body
    return body | {"external_id": patient.external_id, "sms_opt_in": patient.as_told("sms_opt_in")}


def patient_taken(request: Request, answer: records.Patient) -> int:
    store_taken(clinic=request.clinic, request=request, record=answer)
    return 0


def patient_not_taken(request: Request, error: VendorError | None) -> None:
    """Store the vendor's own words where it has any: they may quote the record, so they stay beside it."""
    messages = error.complaints if isinstance(error, Invalid) else ()
    words = "; ".join(
        text if member in UNNAMED else f"{LABELS.get(member, member)}: {text}" for member, text in messages
    )
    store_refusal(clinic=request.clinic, request=request, words=words or request.reason)


def patient_deleted(request: Request, answer: None) -> int:
    """Note that the vendor has deleted the record, or had none: both are what was requested."""
    by = User.objects.filter(id=request.params["by"]).first() if "by" in request.params else None
    note_deleted_at_vendor(clinic=request.clinic, external_id=request.target, by=by)
    return 0


def _store(request: Request, record: records.Patient) -> bool:
    try:
        with transaction.atomic():
            store_vendor_patient(clinic=request.clinic, record=record, read_at=request.asked_at)
    except (DataError, IntegrityError) as error:  # one odd record must not cost its page
        log.error("request %s: a patient was not stored: %s", request.id, type(error).__name__)
        return False
    return True


REQUESTS = {
    RequestKind.PATIENTS: Handler(answer=store_patients),
    RequestKind.PATIENT: Handler(answer=store_patient),
    RequestKind.PATIENT_PUSH: Handler(payload=record_to_push, answer=patient_taken, failed=patient_not_taken),
    RequestKind.PATIENT_DELETE: Handler(answer=patient_deleted),
}
