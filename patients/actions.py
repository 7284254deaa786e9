"""Writing patients."""

from __future__ import annotations

import dataclasses

from django.db import IntegrityError, transaction

from clinics.models import Clinic
from patients.models import Patient
from tenovi import shapes


@transaction.atomic
def store_vendor_patient(*, clinic: Clinic, record: shapes.Patient) -> Patient:
    """The patient of that external id (ignoring case), with what the vendor's record says.

    The vendor's word wins where it has one: what it leaves out or empty is kept. Our own fields
    (time zone, consent, date of birth) are not the vendor's to change.
    """
    patient = _locked(clinic, record.external_id)
    if patient is None:
        try:
            with transaction.atomic():
                return Patient.objects.create(clinic=clinic, external_id=record.external_id, **_said(record))
        except IntegrityError:  # somebody has created it in this very moment
            patient = _locked(clinic, record.external_id)
            if patient is None:
                raise
    changed = {name: value for name, value in _said(record).items() if getattr(patient, name) != value}
    for name, value in changed.items():
        setattr(patient, name, value)
    if changed:
        patient.save(update_fields=list(changed))
    return patient


def store_address_verdict(*, clinic: Clinic, record: shapes.Patient) -> None:
    """Whether the vendor could verify the address it was given."""
    Patient.objects.for_clinic(clinic).with_external_id(record.external_id).update(
        address_status=record.address_status or "", address_verified_by=record.address_verified_by or ""
    )


def _locked(clinic: Clinic, external_id: str) -> Patient | None:
    return Patient.objects.for_clinic(clinic).with_external_id(external_id).select_for_update().first()


def _said(record: shapes.Patient) -> dict[str, str | bool]:
    said = dataclasses.asdict(record)
    del said["external_id"]  # as first written, here and there
    return {name: value for name, value in said.items() if value is not None and value != ""}
