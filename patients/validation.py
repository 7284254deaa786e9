"""Check a patient's record, for the page and the API alike."""

from __future__ import annotations

import datetime

from django.core.exceptions import ValidationError

from clinics.models import Clinic
from patients.models import Patient

NO_CONSENT = "Text messages need the patient's consent: enter the day of consent first."
NO_REASON = "Say how you know that the address is right: a parcel goes there without a further check."
NOT_WHOLE = "Only a whole address can be confirmed: street, city, state and ZIP code."
TAKEN = "There is a patient of this id already. Small and capital letters are the same."


class ExternalIdTaken(ValidationError):
    def __init__(self, patient: Patient) -> None:
        super().__init__(TAKEN, code="unique")
        self.patient = patient


def check_external_id(clinic: Clinic, external_id: str) -> None:
    """Refuse an id that another patient has, or that cannot stand in an address of the vendor's API or
    ours.

    Raises ValidationError.
    """
    if "/" in external_id or external_id in (".", ".."):
        raise ValidationError("An id may hold no slash and be no mere dots: it becomes part of an address.")
    if not external_id.isprintable():
        raise ValidationError("An id may hold no line breaks or other invisible signs.")
    taken = Patient.objects.for_clinic(clinic).with_external_id(external_id).first()
    if taken is not None:
        raise ExternalIdTaken(taken)


def check_texts(*, sms_opt_in: bool, consented_on: datetime.date | None) -> None:
    """Refuse text messages without a recorded consent. Raises ValidationError."""
    if sms_opt_in and consented_on is None:
        raise ValidationError(NO_CONSENT)


def check_confirmation(*, reason: str, has_whole_address: bool) -> None:
    """Refuse to confirm an address without a reason, or one that is not whole. Raises ValidationError.

    The vendor ships to a confirmed address without checking it.
    """
    if not reason.strip():
        raise ValidationError(NO_REASON, code="reason")
    if not has_whole_address:
        raise ValidationError(NOT_WHOLE, code="address")
