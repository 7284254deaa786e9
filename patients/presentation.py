"""Word a patient's record: its fields, its state at the vendor, the verdict on its address."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from common.formats import full_date
from patients.models import ADDRESS, Enrollment, Patient
from tenovi.models import Request, RequestKind, RequestState
from tenovi.outbound.api_keys import why_nothing_is_sent

LABELS = {
    "external_id": "External id",
    "name": "Name",
    "date_of_birth": "Date of birth",
    "address": "Street",
    "city": "City",
    "state": "State",
    "zip_code": "ZIP code",
    "phone_number": "Phone",
    "email": "E-mail",
    "physician": "Physician",
    "clinic_name": "Clinic",
    "care_manager": "Care manager",
    "sms_opt_in": "Text messages",
    "confirm_address": "Address confirmed",
    "timezone": "Time zone",
    "consented_on": "Consent given on",
}
"""What people read for the fields of the record."""


@dataclass(frozen=True)
class Standing:
    """The state of a record at the vendor. `state` is taken, waiting, refused or stopped; `sentence` ends
    before `at`, a moment or None. `theirs`: the vendor's changes meanwhile, in words."""

    state: str
    sentence: str
    at: datetime.datetime | None = None
    why: str = ""
    theirs: tuple[str, ...] = ()

    @property
    def may_be_sent_again(self) -> bool:
        return self.state in ("refused", "stopped")


def standing(patient: Patient) -> Standing:
    if patient.at_vendor and not patient.unsent:
        if patient.sent_at:
            return Standing("taken", "Sent to Tenovi", patient.sent_at)
        return Standing("taken", "As Tenovi has it.")
    what = _listed(patient.unsent) if patient.at_vendor else "record"
    theirs = tuple(
        f"{LABELS[name]}: {in_words(patient.overruled[name])}" for name in LABELS if name in patient.overruled
    )
    requests = Request.objects.for_clinic(patient.clinic).filter(kind=RequestKind.PATIENT_PUSH)
    request = requests.filter(target=patient.external_id).first()
    if request is not None and request.state in (RequestState.WAITING, RequestState.SENDING):
        reason = request.reason if request.attempts else ""  # else it is of an old failure
        why = why_nothing_is_sent(patient.clinic) or reason
        return Standing("waiting", f"Waiting to be sent to Tenovi: the new {what}.", None, why, theirs)
    if patient.refusal:
        return Standing("refused", f"Tenovi refused the new {what}.", None, patient.refusal, theirs)
    return Standing("stopped", f"Not sent to Tenovi: the new {what}.", None, "", theirs)


def address_words(patient: Patient) -> str:
    """Return the vendor's verdict on the address in a sentence; "" for a patient without any."""
    if not any(getattr(patient, name) for name in ADDRESS):
        return ""
    if patient.confirm_address:
        return "Confirmed here: Tenovi ships to it without checking it."
    missing = [LABELS[name].lower() for name in ADDRESS if not getattr(patient, name)]
    if missing:
        return f"Not checked: Tenovi needs the {' and the '.join(missing)} too."
    if patient.address_status == "Verified":
        return "Tenovi could verify this address."
    if patient.address_status == "Invalid":
        return "Tenovi could not verify this address: an order to it would stop and wait for you."
    if patient.address_status:
        return f"Tenovi says of this address: {patient.address_status}."
    return "Not checked by Tenovi yet."


@dataclass(frozen=True)
class RecordCard:
    """The context of `patients/_record.html`."""

    standing: Standing
    has_address: bool
    town: str
    address_words: str
    address_doubtful: bool
    programs: tuple[str, ...]


def record_card(patient: Patient) -> RecordCard:
    enrolled = Enrollment.objects.for_clinic(patient.clinic).filter(patient=patient).order_by("-starts_on")
    town = ", ".join(filter(None, [patient.city, f"{patient.state} {patient.zip_code}".strip()]))
    return RecordCard(
        standing=standing(patient),
        has_address=bool(patient.address or town),
        town=town,
        address_words=address_words(patient),
        address_doubtful=may_confirm_address(patient),
        programs=tuple(f"{one.program} {dates_of(one)}" for one in enrolled),
    )


def record_version(patient: Patient) -> str:
    """Return a token that changes with the record and with its state at the vendor."""
    state = (
        patient.version,
        patient.sent_at,
        patient.address_status,
        patient.refusal,
        sorted(patient.unsent),
    )
    return hashlib.blake2b(repr(state).encode(), digest_size=8).hexdigest()


def may_confirm_address(patient: Patient) -> bool:
    """Whether there is a doubt that a person could lift."""
    judged_badly = patient.address_status not in ("", "Verified")
    return judged_badly and patient.has_whole_address and not patient.confirm_address


def _listed(names: Iterable[str]) -> str:
    return ", ".join(LABELS[name].lower() for name in LABELS if name in set(names))


def dates_of(enrollment: Enrollment) -> str:
    """Return `since 3 January 2026`, or both dates once it has an end."""
    if enrollment.ends_on is None:
        return f"since {full_date(enrollment.starts_on)}"
    return f"{full_date(enrollment.starts_on)} to {full_date(enrollment.ends_on)}"


def in_words(value: str | bool | datetime.date | None) -> str:
    """Return a value of the record within a sentence."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime.date):
        return full_date(value)
    return f"“{value}”" if value else "empty"
