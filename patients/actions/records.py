"""Add patients and change their records; each change is sent to the vendor through the queue.

The vendor's own changes are stored by `patients.from_vendor`.
"""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

from clinics import audit
from clinics.models import Clinic, User
from patients.actions.enrollments import JUDGE
from patients.models import ADDRESS, OWN, TOLD, VERDICT, Patient
from tenovi.models import Priority, Request, RequestKind
from tenovi.outbound.enqueue import enqueue
from tenovi.outbound.wakeup import wake_worker

CHANGEABLE = (*TOLD, *OWN)


class AlreadyThere(Exception):
    """The clinic has a patient of this external id, in whatever case."""


class ChangedMeanwhile(Exception):
    """Another person has changed the record since it was read; `patient` is how it stands now."""

    def __init__(self, patient: Patient) -> None:
        super().__init__("The record was changed meanwhile.")
        self.patient = patient


@transaction.atomic
def create_patient(*, clinic: Clinic, by: User, external_id: str, reason: str = "", **values: Any) -> Patient:
    """Add a patient with these `CHANGEABLE` values, and have the vendor sent it. Raises AlreadyThere.

    `reason`: how the clinic knows that an address is right that is confirmed at once.
    """
    patient = Patient(clinic=clinic, external_id=external_id, at_vendor=False, **values)
    patient.unsent = {name: "" for name in TOLD if patient.as_told(name)}
    try:
        with transaction.atomic():
            patient.save(force_insert=True)
    except IntegrityError as error:
        raise AlreadyThere from error
    detail: dict[str, Any] = {name: [None, str(value)] for name, value in values.items() if value}
    detail |= {"reason": reason} if reason else {}
    audit.record("patient_created", by=by, clinic=clinic, target=patient, detail=detail)
    send_record(patient)
    return patient


@transaction.atomic
def change_patient(
    *, patient: Patient, by: User, version: int | None = None, reason: str = "", **values: Any
) -> bool:
    """Give `CHANGEABLE` fields these values, and send the vendor those it knows.

    Returns whether any differed. Raises ChangedMeanwhile when `version` is not the present one. A new
    address is neither confirmed nor verified.
    """
    patient = _locked(patient)
    if version is not None and version != patient.version:
        raise ChangedMeanwhile(patient)
    before = {name: getattr(patient, name) for name in (*CHANGEABLE, *VERDICT)}
    told_before = {name: patient.as_told(name) for name in TOLD}
    for name, value in values.items():
        setattr(patient, name, value)
    if any(getattr(patient, name) != before[name] for name in ADDRESS):
        patient.confirm_address = values.get("confirm_address", False)
        patient.address_status = patient.address_verified_by = ""
    changed = audit.changes(patient, before, CHANGEABLE)
    if not changed:
        return False
    to_tell = [name for name in TOLD if name in changed or patient.as_told(name) != told_before[name]]
    patient.unsent = {name: before[name] for name in to_tell} | patient.unsent
    patient.version += 1
    patient.judging_due = patient.judging_due or "timezone" in changed
    if to_tell:
        patient.refusal = ""
    patient.save(update_fields=[*CHANGEABLE, *VERDICT, "unsent", "version", "judging_due", "refusal"])
    detail = changed | ({"reason": reason} if reason else {})
    audit.record("patient_changed", by=by, clinic=patient.clinic, target=patient, detail=detail)
    if to_tell:
        send_record(patient)
    if "timezone" in changed:
        wake_worker(JUDGE)
    return True


@transaction.atomic
def confirm_address(*, patient: Patient, by: User, version: int, reason: str) -> bool:
    """Have the vendor take the address although it could not verify it.

    `reason`: how the clinic knows that it is right. Returns whether it was not confirmed already. Raises
    ChangedMeanwhile.
    """
    return change_patient(patient=patient, by=by, version=version, reason=reason, confirm_address=True)


@transaction.atomic
def send_again(*, patient: Patient, by: User) -> None:
    """Send what the vendor has not taken, as if it had never failed."""
    patient = _locked(patient)
    patient.refusal = ""
    patient.save(update_fields=["refusal"])
    detail = {"fields": sorted(patient.unsent)}
    audit.record("patient_sent_again", by=by, clinic=patient.clinic, target=patient, detail=detail)
    send_record(patient)


def send_record(patient: Patient) -> None:
    """Queue what waits of the record. Must be called inside the transaction of the change."""
    params: dict[str, Any] = {"fields": sorted(patient.unsent)} if patient.at_vendor else {"create": True}
    enqueue(
        patient.clinic,
        RequestKind.PATIENT_PUSH,
        patient.external_id,
        priority=Priority.PERSON,
        params=params,
        insist=True,
    )


def _locked(patient: Patient) -> Patient:
    """Lock the request that sends the record, then the patient: the order in which answers lock them."""
    pushes = Request.objects.for_clinic(patient.clinic).filter(kind=RequestKind.PATIENT_PUSH)
    pushes.filter(target=patient.external_id).select_for_update().first()
    rows = Patient.objects.for_clinic(patient.clinic).select_related("clinic")
    return rows.locked().get(id=patient.id)
