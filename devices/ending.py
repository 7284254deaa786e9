"""Ending a device's service at the vendor. Unlinking ends its data and its charges and always works;
deleting also removes the vendor's record and is refused once the device's order was fulfilled.

Source: https://tenovi.com/api-docs/, "Unlinking Gateways from HWI Devices". Both are asked for here and
done when the vendor answers; until then the charges go on and the patient has the device.
"""

from __future__ import annotations

import datetime
import uuid

from django.db import transaction
from django.utils import timezone

from clinics import audit
from clinics.models import Clinic, User
from devices.models import Assignment, Device
from tenovi.models import Priority, Request, RequestKind
from tenovi.queue import ask

ENDS = (RequestKind.DEVICE_UNLINK, RequestKind.DEVICE_DELETE)
FIELDS = ("unlinked_at", "unlinked_by_vendor", "deleted_at", "hardware_uuid", "delete_when_unlinked")


@transaction.atomic
def unlink_device(*, device: Device, by: User, then_delete: bool = False) -> None:
    """Have the vendor end the device's data and charges, and delete it after that if so wanted."""
    if device.delete_when_unlinked != then_delete:
        device.delete_when_unlinked = then_delete
        device.save(update_fields=["delete_when_unlinked"])
    _ask(RequestKind.DEVICE_UNLINK, device, by)
    detail = {"then_delete": then_delete, **_standing(device)}
    audit.record("device_unlink_asked", by=by, clinic=device.clinic, target=device, detail=detail)


@transaction.atomic
def delete_device(*, device: Device, by: User) -> None:
    """Have the vendor remove its record of the device."""
    _ask(RequestKind.DEVICE_DELETE, device, by)
    audit.record("device_delete_asked", by=by, clinic=device.clinic, target=device, detail=_standing(device))


def note_unlinked(
    *, clinic: Clinic, hwi_device_id: str, at: datetime.datetime | None, by: User | None
) -> None:
    """The vendor has unlinked it as it was asked, `at` by its own word: whoever had it has it no longer."""
    device = _locked(clinic, hwi_device_id)
    if device is None:
        return
    if device.unlinked_at is None:
        _end_unlinked(device, at or timezone.now(), by)
    if device.delete_when_unlinked and by:
        _ask(RequestKind.DEVICE_DELETE, device, by)


def note_unlinked_by_vendor(device: Device, at: datetime.datetime) -> None:
    """The vendor says of itself that the device is unlinked, since `at`; the caller has locked its row.

    It ends as if somebody here had unlinked it. What somebody here asked for is theirs, though the word
    of it may come before the answer to them. Said again, it changes nothing: a person may have said since
    who has the device.
    """
    if device.unlinked_at is None:
        asked = Request.objects.for_clinic(device.clinic).unanswered()
        mine = asked.filter(kind=RequestKind.DEVICE_UNLINK, target=str(device.hwi_device_id)).first()
        by = User.objects.filter(id=mine.params.get("by")).first() if mine else None
        _end_unlinked(device, at, by, by_vendor=by is None)


def _end_unlinked(
    device: Device, moment: datetime.datetime, by: User | None, *, by_vendor: bool = False
) -> None:
    before = {name: getattr(device, name) for name in FIELDS}
    device.unlinked_at, device.unlinked_by_vendor, device.hardware_uuid = moment, by_vendor, ""
    _note("device_unlinked", device, before, moment, by, by_vendor=by_vendor)


def note_deleted(*, clinic: Clinic, hwi_device_id: str, by: User | None) -> None:
    """The vendor has no record of it any more."""
    device = _locked(clinic, hwi_device_id)
    if device is None:
        return
    before = {name: getattr(device, name) for name in FIELDS}
    device.deleted_at, device.hardware_uuid, device.delete_when_unlinked = timezone.now(), "", False
    _note("device_deleted", device, before, device.deleted_at, by)


def note_not_deletable(*, clinic: Clinic, hwi_device_id: str) -> None:
    """The vendor refused to delete it, which it does for a device whose order was fulfilled."""
    Device.objects.for_clinic(clinic).filter(hwi_device_id=hwi_device_id).update(
        order_fulfilled=True, delete_when_unlinked=False
    )


def _ask(kind: str, device: Device, by: User) -> None:
    """What was refused before is answered by asking for this."""
    target = str(device.hwi_device_id)
    refused = Request.objects.for_clinic(device.clinic).parked().filter(kind__in=ENDS, target=target)
    refused.exclude(kind=kind).delete()
    params = {"by": str(by.id)}
    ask(device.clinic, kind, target, priority=Priority.PERSON, params=params, insist=True)


def _standing(device: Device) -> dict[str, str]:
    return {"status": device.status, "hardware": device.hardware_uuid}


def _locked(clinic: Clinic, hwi_device_id: str) -> Device | None:
    found = Device.objects.for_clinic(clinic).filter(hwi_device_id=uuid.UUID(hwi_device_id))
    return found.locked().first()


def _note(
    action: str,
    device: Device,
    before: dict[str, object],
    moment: datetime.datetime,
    by: User | None,
    *,
    by_vendor: bool = False,
) -> None:
    device.save(update_fields=FIELDS)
    detail: dict[str, object] = {**audit.changes(device, before, FIELDS)}
    held = Assignment.objects.for_clinic(device.clinic).filter(device=device, ends_at=None).first()
    if held:
        held.ends_at = moment if moment > held.starts_at else timezone.now()
        held.save(update_fields=["ends_at"])
        detail |= {"patient": str(held.patient_id), "assignment_ends_at": [None, held.ends_at.isoformat()]}
    audit.record(action, by=by, clinic=device.clinic, target=device, detail=detail, by_vendor=by_vendor)
