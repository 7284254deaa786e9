"""Merge the vendor's record of a patient with what was changed here.

Of a field that waits to be sent, ours stays: a sync never undoes what a person has just entered. Of every
other field the vendor's value wins, where it has one (decision 10).
"""

from __future__ import annotations

import dataclasses
import datetime

from django.db import IntegrityError, transaction

from clinics import audit
from clinics.models import Clinic
from patients.models import ADDRESS, VERDICT, Patient
from tenovi.client import records
from tenovi.clock import database_now
from tenovi.models import Request

Value = str | bool


@transaction.atomic
def store_vendor_patient(
    *, clinic: Clinic, record: records.Patient, read_at: datetime.datetime | None = None
) -> Patient:
    """Store the vendor's record, and return the patient of that external id (ignoring case).

    `read_at` is when the record was requested. It changes nothing if the vendor has taken a change of ours
    since. Fields that the vendor leaves out or empty are kept. Our own fields (time zone, consent, date of
    birth) are not the vendor's to change.
    """
    values = _values_in(record)
    patient = _locked(clinic, record.external_id)
    if patient is None:
        try:
            with transaction.atomic():
                return Patient.objects.create(clinic=clinic, external_id=record.external_id, **values)
        except IntegrityError:  # created by another process in this moment
            patient = _locked(clinic, record.external_id)
            if patient is None:
                raise
    if not (read_at and patient.sent_at and patient.sent_at > read_at):
        _merge(patient, values)
    return patient


def store_taken(*, clinic: Clinic, request: Request, record: records.Patient) -> None:
    """Note that the vendor has taken what was sent, and store its verdict on the address.

    The rest of the answer is what was sent. If a person has changed that meanwhile, the request is
    `renewed`, and everything goes out once more.
    """
    patient = _locked(clinic, request.target)
    if patient is None:
        return
    patient.at_vendor, patient.refusal, patient.sent_at = True, "", database_now()
    if Request.objects.for_clinic(clinic).filter(id=request.id, renewed=False).exists():
        patient.unsent, patient.overruled = {}, {}
        patient.address_status = record.address_status or ""
        patient.address_verified_by = record.address_verified_by or ""
        patient.sms_opt_in = patient.sms_opt_in if record.sms_opt_in is None else record.sms_opt_in
    fields = ["at_vendor", "refusal", "sent_at", "unsent", "overruled", "sms_opt_in", *VERDICT]
    patient.save(update_fields=fields)


def store_refusal(*, clinic: Clinic, request: Request, words: str) -> None:
    """Store why the vendor has not taken what was sent."""
    patients = Patient.objects.for_clinic(clinic).with_external_id(request.target)
    patients.update(refusal=words[: Patient._meta.get_field("refusal").max_length])


def _merge(patient: Patient, values: dict[str, Value]) -> None:
    waiting = _still_waiting(patient, values)
    overruled = {
        name: values[name] for name, before in waiting.items() if name in values and values[name] != before
    }
    if news := {name: values[name] for name in overruled if patient.overruled.get(name) != values[name]}:
        detail = {name: [value, patient.as_told(name)] for name, value in news.items()}
        audit.record("vendor_change_overruled", by=None, clinic=patient.clinic, target=patient, detail=detail)
    kept = waiting.keys() | (VERDICT if waiting.keys() & {*ADDRESS, "confirm_address"} else ())
    changed = {n: value for n, value in values.items() if n not in kept and getattr(patient, n) != value}
    bookkeeping = {"unsent": waiting, "overruled": overruled, "at_vendor": True}
    if changed:
        bookkeeping["version"] = patient.version + 1
    fields = changed | {n: value for n, value in bookkeeping.items() if getattr(patient, n) != value}
    for name, value in fields.items():
        setattr(patient, name, value)
    if fields:
        patient.save(update_fields=list(fields))


def _still_waiting(patient: Patient, values: dict[str, Value]) -> dict[str, Value]:
    """Return the fields that the vendor does not have yet in our words."""
    unsent: dict[str, Value] = patient.unsent
    return {
        name: before
        for name, before in unsent.items()
        if name not in values or values[name] != patient.as_told(name)
    }


def _locked(clinic: Clinic, external_id: str) -> Patient | None:
    return Patient.objects.for_clinic(clinic).with_external_id(external_id).locked().first()


def _values_in(record: records.Patient) -> dict[str, Value]:
    values = dataclasses.asdict(record)
    del values["external_id"]  # as first written, here and there
    return {name: value for name, value in values.items() if value is not None and value != ""}
