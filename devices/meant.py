"""Keep for whom something was requested about a device, and check that this patient still has it.

A request may wait for hours while the device goes to another patient: what was meant for one must not reach
the other. `tenovi.outbound.calls.MEANT_FOR` names the kinds of request to which that can happen.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from clinics.models import Clinic
from devices.models import Assignment, Device
from patients.models import Patient
from tenovi.registry import NoLongerMeant


def holder_of(device: Device) -> Patient | None:
    """Return the patient who has the device now, or None."""
    held = Assignment.objects.for_clinic(device.clinic).filter(device=device, ends_at=None)
    assignment = held.select_related("patient").first()
    return assignment.patient if assignment else None


def meant_for_holder(device: Device) -> dict[str, str]:
    """Return the params of a request that is meant for the patient who has the device now."""
    patient = holder_of(device)
    return {"patient": str(patient.id) if patient else ""}


def is_meant(params: Mapping[str, Any], patient: Patient) -> bool:
    """Whether a request is for this patient, or was made before requests named one."""
    return params.get("patient") in (None, str(patient.id))


def device_named(clinic: Clinic, hwi_device_id: str) -> Device | None:
    """Return the device that a request names by the vendor's id."""
    return Device.objects.for_clinic(clinic).filter(hwi_device_id=uuid.UUID(hwi_device_id)).first()


def check_same_holder(device: Device, patient_id: str, *, ask_again: str) -> None:
    """Refuse what was requested for this patient ("" for none) when the device has changed hands since.

    `ask_again` says in words what a person can do. Raises `NoLongerMeant`.
    """
    holder = holder_of(device)
    if (str(holder.id) if holder else "") != patient_id:
        now = f"the device went to {holder}" if holder else "the device was taken from its patient"
        raise NoLongerMeant(f"It was not sent: since somebody asked for this, {now}. {ask_again}")
