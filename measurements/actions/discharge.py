"""A patient leaves: devices, readings and programs end together, and the vendor is asked to stop charging."""

from __future__ import annotations

import datetime
from typing import Any

from django.db import transaction

from clinics import audit
from clinics.models import User
from devices.actions import ending
from devices.models import Assignment, Device, Discharge
from measurements.actions.reassignment import hand_over, lock_for_handover
from patients.actions.enrollments import end_enrollments
from patients.models import Patient
from tenovi.models import RequestKind


class GivenLater(Exception):
    """The patient got this device only after the moment of leaving."""

    def __init__(self, held: Assignment) -> None:
        super().__init__(str(held.device_id))
        self.held = held


@transaction.atomic
def discharge_patient(
    *, patient: Patient, at: datetime.datetime, by: User, delete: bool = False
) -> Discharge:
    """End the patient's assignments and programs at that moment, and have each device unlinked, and deleted
    after that when so wanted. Readings taken later are nobody's. Raises GivenLater."""
    discharge = Discharge.objects.create(
        clinic=patient.clinic, patient=patient, at=at, deletes=delete, asked_by=by
    )
    held, readings = devices_held(patient), 0
    for one in held:
        if one.starts_at >= at:
            raise GivenLater(one)
    for one in held:  # requests are locked before devices, as the answers to them do
        for kind in _kinds(one.device, delete=delete):
            ending.enqueue_ending(kind, one.device, by)
    lock_for_handover([one.device for one in held], None, at)
    for one in held:
        readings += hand_over(one.device, None, at, by).readings
        Assignment.objects.for_clinic(patient.clinic).filter(id=one.id).update(discharge=discharge)
        _end_service(one.device, by, delete=delete)
    detail: dict[str, Any] = {
        "at": at.isoformat(),
        "devices": [str(one.device_id) for one in held],
        "readings": readings,
        "programs": end_enrollments(patient=patient, on=patient.today(at)),
        "delete": delete,
    }
    audit.record("patient_discharged", by=by, clinic=patient.clinic, target=patient, detail=detail)
    return discharge


def devices_held(patient: Patient) -> list[Assignment]:
    """What the patient has and was not taken back, oldest first."""
    held = Assignment.objects.for_clinic(patient.clinic).of_patient(patient).filter(ends_at__isnull=True)
    return list(held.select_related("device__clinic", "patient").order_by("starts_at", "id"))


def _kinds(device: Device, *, delete: bool) -> list[str]:
    """The request that ends its service, as far as that was not done before."""
    if device.deleted_at:
        return []
    if not device.unlinked_at:
        return [RequestKind.DEVICE_UNLINK]
    return [RequestKind.DEVICE_DELETE] if delete and not device.order_fulfilled else []


def _end_service(device: Device, by: User, *, delete: bool) -> None:
    for kind in _kinds(device, delete=delete):
        if kind == RequestKind.DEVICE_UNLINK:
            may_delete = delete and not device.order_fulfilled
            ending.unlink_device(device=device, by=by, then_delete=may_delete)
        else:
            ending.delete_device(device=device, by=by)
