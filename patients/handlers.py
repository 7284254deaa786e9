"""What this room does with the vendor's answers about patients."""

from __future__ import annotations

import logging

from django.db import DataError, IntegrityError, transaction

from patients.actions import store_vendor_patient
from tenovi import shapes
from tenovi.models import Request

log = logging.getLogger(__name__)


def store_patients(request: Request, answer: shapes.Page[shapes.Patient]) -> int:
    """A page of the patient list; the number of records that could not be stored."""
    return sum(not _store(request, record) for record in answer.results)


def store_patient(request: Request, answer: shapes.Patient) -> int:
    return 0 if _store(request, answer) else 1


def _store(request: Request, record: shapes.Patient) -> bool:
    try:
        with transaction.atomic():
            store_vendor_patient(clinic=request.clinic, record=record)
    except (DataError, IntegrityError) as error:  # one odd record must not cost its page
        log.error("request %s: a patient was not stored: %s", request.id, type(error).__name__)
        return False
    return True
