"""What this room does with the vendor's answers about patients."""

from __future__ import annotations

import logging
from typing import Any

from django.db import DataError, IntegrityError, transaction

from patients.actions import store_address_verdict, store_vendor_patient
from patients.models import Patient
from tenovi import shapes
from tenovi.models import Request
from tenovi.registry import NothingToSend

log = logging.getLogger(__name__)

PUSHED = (
    *("name", "address", "city", "state", "zip_code", "phone_number", "email", "physician"),
    *("clinic_name", "care_manager", "sms_opt_in", "confirm_address"),
)
"""The fields of the vendor's record that a clinic may write."""


def store_patients(request: Request, answer: shapes.Page[shapes.Patient]) -> int:
    """A page of the patient list; the number of records that could not be stored."""
    return sum(not _store(request, record) for record in answer.results)


def store_patient(request: Request, answer: shapes.Patient) -> int:
    return 0 if _store(request, answer) else 1


def record_to_push(request: Request) -> dict[str, Any]:
    """What the vendor is told of a patient: the fields that were changed here, or all that are filled
    when it does not know the patient yet. Never a field that nobody filled or changed here: the vendor
    may know more.

    Text messages are on at the vendor unless it is told otherwise, so that is said each time.
    """
    patient = Patient.objects.for_clinic(request.clinic).with_external_id(request.target).first()
    if patient is None:
        raise NothingToSend
    changed = None if request.params.get("create") else request.params.get("fields")
    names = [name for name in PUSHED if (name in changed if changed is not None else getattr(patient, name))]
    body = {name: getattr(patient, name) for name in names}
    body["sms_opt_in"] = patient.sms_opt_in and patient.consented_on is not None
    if request.params.get("create"):
        body["external_id"] = patient.external_id
    return body


def store_verdict(request: Request, answer: shapes.Patient) -> int:
    """The vendor has taken the record; what it says of the address is kept. The rest of its answer is
    what was sent, which somebody may have changed again meanwhile."""
    store_address_verdict(clinic=request.clinic, record=answer)
    return 0


def _store(request: Request, record: shapes.Patient) -> bool:
    try:
        with transaction.atomic():
            store_vendor_patient(clinic=request.clinic, record=record)
    except (DataError, IntegrityError) as error:  # one odd record must not cost its page
        log.error("request %s: a patient was not stored: %s", request.id, type(error).__name__)
        return False
    return True
