"""What people write of a device that is the vendor's to know, until the vendor says the same.

`Device.unsent` has for each such field what the vendor says instead, as `Patient.unsent` does: the field
itself is what is wanted, and what the queue sends. A list of the vendor changes what is said alone: it
may be older than what a person has just entered.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from clinics import audit
from clinics.models import User
from devices.models import Device
from tenovi.models import Priority, RequestKind
from tenovi.outbound.enqueue import enqueue

WRITTEN_HERE = ("hardware_uuid",)
"""The fields of the vendor's record that a person may write. No sync assigns them but through `note_said`."""


def write_hardware(device: Device, hardware_id: str) -> None:
    """Record the hardware, by normal id, that a person says the device has. The caller has queued the
    request that tells the vendor, and then locked the device."""
    said = device.unsent.get("hardware_uuid", device.hardware_uuid)
    device.unsent = {} if said == hardware_id else {"hardware_uuid": said}
    device.hardware_uuid = hardware_id
    device.save(update_fields=["hardware_uuid", "unsent"])


def note_said(device: Device, said: Mapping[str, str]) -> None:
    """Take over what the vendor says of these fields, but where a person has written something else that
    the vendor has yet to say. The caller has locked the device, and saves it."""
    waiting = {}
    for name, value in said.items():
        if name in device.unsent and value != getattr(device, name):
            waiting[name] = value
            if value != device.unsent[name]:
                detail = {name: [value, getattr(device, name)]}
                audit.record(
                    "vendor_change_overruled", by=None, clinic=device.clinic, target=device, detail=detail
                )
        else:
            setattr(device, name, value)
    device.unsent = waiting


@transaction.atomic
def send_again(*, device: Device, by: User) -> None:
    """Have the vendor told once more what is written here."""
    enqueue(device.clinic, RequestKind.DEVICE_UPDATE, str(device.hwi_device_id), priority=Priority.PERSON)
    detail = {"fields": sorted(device.unsent)}
    audit.record("device_sent_again", by=by, clinic=device.clinic, target=device, detail=detail)


@transaction.atomic
def take_said(*, device: Device, by: User) -> None:
    """Let what the vendor says stand in place of what a person has written here."""
    device = Device.objects.for_clinic(device.clinic).select_related("clinic").locked().get(id=device.id)
    before = {name: getattr(device, name) for name in WRITTEN_HERE}
    for name, value in device.unsent.items():
        setattr(device, name, value)
    device.unsent = {}
    device.save(update_fields=[*WRITTEN_HERE, "unsent"])
    detail = audit.changes(device, before, WRITTEN_HERE)
    audit.record("device_vendor_right", by=by, clinic=device.clinic, target=device, detail=detail)
