"""End a device's service at the vendor: unlink it, delete it.

Unlinking ends its data and its charges and always works. Deleting also removes the vendor's record and is
refused once the device's order was fulfilled. Both are requested here and done when the vendor answers;
until then the charges go on and the patient has the device.

A request keeps the patient and the hardware that it was meant for. It is compared with them when it is sent
and when its answer comes: else an unlink that waited would end the device of the next patient.

Source: https://tenovi.com/api-docs/, "Unlinking Gateways from HWI Devices".
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from clinics import audit
from clinics.models import Clinic, User
from devices.actions.hardware_log import request_log
from devices.meant import device_named, holder_of, is_meant, meant_for_holder
from devices.models import Assignment, Device
from tenovi.clock import database_now
from tenovi.models import Priority, Request, RequestKind, RequestState
from tenovi.outbound.enqueue import enqueue
from tenovi.registry import NoLongerMeant

ENDS = (RequestKind.DEVICE_UNLINK, RequestKind.DEVICE_DELETE)
FIELDS = (
    "unlinked_at",
    "unlinked_by_vendor",
    "deleted_at",
    "hardware_uuid",
    "unsent",
    "delete_when_unlinked",
)


@transaction.atomic
def unlink_device(*, device: Device, by: User, then_delete: bool = False) -> None:
    """Have the vendor end the device's data and charges, and then delete it if `then_delete`."""
    enqueue_ending(
        RequestKind.DEVICE_UNLINK, device, by
    )  # before the device's row: an answer locks them so, too
    if device.delete_when_unlinked != then_delete:
        device.delete_when_unlinked = then_delete
        device.save(update_fields=["delete_when_unlinked"])
    detail = {"then_delete": then_delete, **_standing(device)}
    audit.record("device_unlink_asked", by=by, clinic=device.clinic, target=device, detail=detail)


@transaction.atomic
def delete_device(*, device: Device, by: User) -> None:
    """Have the vendor remove its record of the device."""
    enqueue_ending(RequestKind.DEVICE_DELETE, device, by)
    audit.record("device_delete_asked", by=by, clinic=device.clinic, target=device, detail=_standing(device))


class EndingUnderWay(Exception):
    """A request that ends the device's service is being sent: it can no longer be withdrawn."""


def withdraw(*, device: Device, by: User) -> None:
    """Withdraw what waits to end the device's service, because another patient is to use it.

    Locks the requests: call it before the device is locked. Raises `EndingUnderWay`.
    """
    target = str(device.hwi_device_id)
    endings = Request.objects.for_clinic(device.clinic).filter(kind__in=ENDS, target=target)
    requests = list(endings.select_for_update())
    if any(request.state == RequestState.SENDING for request in requests):
        raise EndingUnderWay
    if device.delete_when_unlinked:
        device.delete_when_unlinked = False
        device.save(update_fields=["delete_when_unlinked"])
    for request in requests:
        request.delete()
        detail = {"asked": request.kind, "by": request.params.get("by", "")}
        audit.record("device_ending_withdrawn", by=by, clinic=device.clinic, target=device, detail=detail)


def check_still_meant(request: Request) -> None:
    """Refuse to end the service of a device that changed patient or hardware since the request was made.

    Raises `NoLongerMeant`.
    """
    if "patient" not in request.params:  # made before requests named the patient
        return
    device = device_named(request.clinic, request.target)
    if device is None:
        return
    patient = holder_of(device)
    if patient and not is_meant(request.params, patient):
        raise NoLongerMeant(
            f"It was not sent: since somebody asked for this, the device went to {patient}. "
            "Ask again if it is to end for this patient."
        )
    hardware = request.params.get("hardware", "")
    if hardware and device.hardware_uuid and hardware != device.hardware_uuid:
        raise NoLongerMeant(
            f"It was not sent: since somebody asked for this, the device got other hardware, "
            f"{device.hardware_uuid} in place of {hardware}. Ask again if it is to end all the same."
        )


def note_unlinked(
    *,
    clinic: Clinic,
    hwi_device_id: str,
    at: datetime.datetime | None,
    by: User | None,
    meant: Mapping[str, Any] | None = None,
) -> None:
    """End the assignment of a device that the vendor has unlinked on request, `at` by its own record.

    `meant` are the params of the request that this answers. A patient for whom it was not meant keeps the
    device here, and the page of the device says that it is unlinked.
    """
    device = _locked(clinic, hwi_device_id)
    if device is None:
        return
    if device.unlinked_at is None:
        _end_unlinked(device, at or timezone.now(), by, meant=meant, known_since=database_now())
    if device.delete_when_unlinked and by and holder_of(device) is None:
        enqueue_ending(RequestKind.DEVICE_DELETE, device, by)


def note_unlinked_by_vendor(device: Device, at: datetime.datetime, *, known_since: datetime.datetime) -> None:
    """End the assignment of a device that the vendor reports as unlinked since `at`.

    Must be called with the device locked. A request of ours may be on its way: then its person did it,
    though the report came before the answer. A repeated report changes nothing: a person may have decided
    since who has the device.
    """
    if device.unlinked_at is None:
        unanswered = Request.objects.for_clinic(device.clinic).unanswered()
        request = unanswered.filter(kind=RequestKind.DEVICE_UNLINK, target=str(device.hwi_device_id)).first()
        by = User.objects.filter(id=request.params.get("by")).first() if request else None
        meant = request.params if request else None
        _end_unlinked(device, at, by, by_vendor=by is None, meant=meant, known_since=known_since)


def _end_unlinked(
    device: Device,
    moment: datetime.datetime,
    by: User | None,
    *,
    by_vendor: bool = False,
    meant: Mapping[str, Any] | None,
    known_since: datetime.datetime,
) -> None:
    before = {name: getattr(device, name) for name in FIELDS}
    device.changed_at = known_since
    device.unlinked_at, device.unlinked_by_vendor, device.hardware_uuid = moment, by_vendor, ""
    device.unsent = {}
    _note("device_unlinked", device, before, moment, by, by_vendor=by_vendor, meant=meant)
    request_log(device, by)


def note_deleted(
    *, clinic: Clinic, hwi_device_id: str, by: User | None, meant: Mapping[str, Any] | None = None
) -> None:
    """End what stands here of a device whose record the vendor has deleted. `meant`: see `note_unlinked`."""
    device = _locked(clinic, hwi_device_id)
    if device is None:
        return
    before = {name: getattr(device, name) for name in FIELDS}
    device.changed_at = database_now()
    device.deleted_at, device.hardware_uuid, device.delete_when_unlinked = timezone.now(), "", False
    device.unsent = {}
    _note("device_deleted", device, before, device.deleted_at, by, meant=meant)


def note_not_deletable(*, clinic: Clinic, hwi_device_id: str) -> None:
    """Note that the vendor refused to delete the device, as it does once its order was fulfilled."""
    Device.objects.for_clinic(clinic).filter(hwi_device_id=hwi_device_id).update(
        order_fulfilled=True, delete_when_unlinked=False, changed_at=Now()
    )


def enqueue_ending(kind: str, device: Device, by: User) -> None:
    """Queue the request alone; it replaces an earlier one that was refused.

    Locks the request: call it before the device is locked. Before a deletion the log of the device's
    hardware is requested, which may go with the record.
    """
    target = str(device.hwi_device_id)
    refused = Request.objects.for_clinic(device.clinic).parked().filter(kind__in=ENDS, target=target)
    refused.exclude(kind=kind).delete()
    params = {"by": str(by.id), **meant_for_holder(device), "hardware": device.hardware_uuid}
    if kind == RequestKind.DEVICE_DELETE:
        request_log(device, by)
    enqueue(device.clinic, kind, target, priority=Priority.PERSON, params=params, insist=True)


def _standing(device: Device) -> dict[str, str]:
    return {"status": device.status, "hardware": device.hardware_uuid}


def _locked(clinic: Clinic, hwi_device_id: str) -> Device | None:
    devices = Device.objects.for_clinic(clinic).filter(hwi_device_id=uuid.UUID(hwi_device_id))
    return devices.locked().first()


def _note(
    action: str,
    device: Device,
    before: dict[str, object],
    moment: datetime.datetime,
    by: User | None,
    *,
    by_vendor: bool = False,
    meant: Mapping[str, Any] | None,
) -> None:
    device.save(update_fields=[*FIELDS, "changed_at"])
    detail: dict[str, object] = {**audit.changes(device, before, FIELDS)}
    assignments = Assignment.objects.for_clinic(device.clinic).filter(device=device, ends_at=None)
    assignment = assignments.select_related("patient").locked().first()
    if assignment and is_meant(meant or {}, assignment.holder):
        assignment.ends_at = moment if moment > assignment.starts_at else timezone.now()
        assignment.save(update_fields=["ends_at"])
        detail |= {
            "patient": str(assignment.patient_id),
            "assignment_ends_at": [None, assignment.ends_at.isoformat()],
        }
    audit.record(action, by=by, clinic=device.clinic, target=device, detail=detail, by_vendor=by_vendor)
