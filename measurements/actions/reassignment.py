"""A device changes hands from a moment on, and its readings and their vital days go with it.

A person decides; no sync ever does. In one transaction: no reading of the device is stored meanwhile.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Q

from clinics import audit
from clinics.models import User
from common.locks import hold_what
from devices.actions import assignments, ending
from devices.actions.assignments import Change
from devices.locks import lock_devices
from devices.models import Assignment, Device
from measurements import urgent
from measurements.models import Measurement
from measurements.querysets import MeasurementQuerySet
from measurements.reclassify import reclassify
from measurements.recount import names_of, recount
from patients.models import Patient


@dataclass(frozen=True, slots=True)
class Leaving:
    """Readings that leave somebody, and on how many dates some of them counted."""

    patient: Patient | None
    readings: int
    days: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What giving the device away would change. `is_idle`: nothing at all."""

    change: Change
    leaving: tuple[Leaving, ...]
    is_idle: bool


def preview(device: Device, patient: Patient | None, since: datetime.datetime) -> Preview:
    change = assignments.change_from(device, since)
    counts = (
        _readings(device, patient, since)
        .order_by()
        .values("patient")
        .annotate(readings=Count("id"), days=Count("local_date", filter=Q(counts=True), distinct=True))
    )
    people = Patient.objects.for_clinic(device.clinic).in_bulk([row["patient"] for row in counts])
    leaving = tuple(Leaving(people.get(row["patient"]), row["readings"], row["days"]) for row in counts)
    return Preview(change, leaving, is_idle=not leaving and _is_written(change, patient, since))


def _is_written(change: Change, patient: Patient | None, since: datetime.datetime) -> bool:
    """Whether the same patient, or nobody, has the device from then on for good already."""
    periods = [one for one in (change.ended, *change.removed) if one]
    wanted = patient.id if patient else None
    return [(one.patient_id, one.ends_at, one.starts_at <= since) for one in periods] == [
        (wanted, None, True)
    ]


@transaction.atomic
def give_device(*, device: Device, patient: Patient | None, since: datetime.datetime, by: User) -> int:
    """Let `patient` (None: nobody) have the device from `since` on, whatever was written before; the
    number of readings that changed hands. The vendor is told, and what waits to end the device's service
    is withdrawn. Raises `devices.actions.ending.EndingUnderWay`."""
    if patient:  # requests are locked before devices, as the answers to them do
        ending.withdraw(device=device, by=by)
        assignments.tell_vendor(device)
    moved = hand_over(device, patient, since, by)
    audit.record(
        "device_given",
        by=by,
        clinic=device.clinic,
        target=device,
        detail={
            "patient": [moved.before, str(patient.id) if patient else None],
            "since": since.isoformat(),
            "struck_out": [_written(one) for one in moved.change.removed],
            "readings": moved.readings,
        },
    )
    return moved.readings


@transaction.atomic
def keep_holder(*, device: Device, by: User) -> bool:
    """Who has the device here is right, and the vendor is told so. False when nobody has it."""
    held = Assignment.objects.for_clinic(device.clinic).filter(device=device, ends_at=None)
    held = held.select_related("patient")
    if held.exists():
        assignments.tell_vendor(device)  # before the locks of the device, as answers lock their request first
    lock_devices(device.clinic, [device.hwi_device_id])
    assignment = held.locked().first()
    if assignment is None:
        return False
    assignments.overrule(device, assignment, assignment.holder)
    detail = {"patient": str(assignment.patient_id)}
    audit.record("device_holder_confirmed", by=by, clinic=device.clinic, target=device, detail=detail)
    return True


@dataclass(frozen=True, slots=True)
class Moved:
    """`before` is the id of who had the device at that moment, None for nobody."""

    change: Change
    readings: int
    before: str | None


def hand_over(device: Device, patient: Patient | None, since: datetime.datetime, by: User) -> Moved:
    """Assignments, readings, days: without the word to the vendor and the line in the record."""
    clinic, wanted = device.clinic, {patient.id} if patient else set()
    lock_for_handover([device], patient, since)
    device = Device.objects.for_clinic(clinic).select_related("clinic").get(id=device.id)
    change = assignments.change_from(device, since)  # nobody writes it any more
    before = str(change.ended.patient_id) if change.ended and change.ended.patient_id else None
    losing = change.patients | _owners(device, patient, since)
    assignments.apply(device, change, patient, since, by)
    leaving = _readings(device, patient, since)
    ids = list(leaving.values_list("id", flat=True))
    leaving.update(patient=patient)
    moved = Measurement.objects.for_clinic(clinic).filter(id__in=ids).select_related("device", "patient")
    reclassify(clinic, moved)
    for patient_id in sorted(wanted | losing):
        recount(clinic, patient_id)
    urgent.follow(clinic, moved.all())
    return Moved(change, len(ids), before)


def lock_for_handover(devices: Sequence[Device], patient: Patient | None, since: datetime.datetime) -> None:
    """Hold these devices and their rows, and all devices of whoever has them, will have them or owns their
    readings."""

    def names() -> set[bytes]:
        concerned = {patient.id} if patient else set()
        for device in devices:
            concerned |= assignments.change_from(device, since).patients | _owners(device, patient, since)
        return names_of(clinic, concerned) | {device.hwi_device_id.bytes for device in devices}

    if devices:
        clinic = devices[0].clinic
        hold_what(clinic.id, names)
        mine = Device.objects.for_clinic(clinic).filter(id__in=[device.id for device in devices])
        list(mine.locked_in_order())


def _written(held: Assignment) -> dict[str, str | None]:
    ends = held.ends_at.isoformat() if held.ends_at else None
    patient = str(held.patient_id) if held.patient_id else None
    return {"patient": patient, "from": held.starts_at.isoformat(), "until": ends}


def _readings(device: Device, patient: Patient | None, since: datetime.datetime) -> MeasurementQuerySet:
    """Taken from then on, and not that patient's yet."""
    taken = Measurement.objects.for_clinic(device.clinic).filter(device=device, taken_at__gte=since)
    if patient is None:
        return taken.filter(patient__isnull=False)
    return taken.filter(Q(patient__isnull=True) | ~Q(patient=patient))


def _owners(device: Device, patient: Patient | None, since: datetime.datetime) -> set[uuid.UUID]:
    owners = _readings(device, patient, since).order_by().values_list("patient", flat=True).distinct()
    return {owner for owner in owners if owner}
