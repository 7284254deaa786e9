"""Change what the vendor keeps of a device, until the vendor has the same.

`Device.unsent` holds, for each such field, what the vendor has instead, as `Patient.unsent` does. The field
itself is the value we want, and what the queue sends. The vendor's list changes `unsent` alone: it may be
older than what a person has just entered.
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
    """Record the hardware, by normal id, that a person has entered for the device.

    Must be called with the device locked, after the request that sends it was queued.
    """
    vendors = device.unsent.get("hardware_uuid", device.hardware_uuid)
    device.unsent = {} if vendors == hardware_id else {"hardware_uuid": vendors}
    device.hardware_uuid = hardware_id
    device.save(update_fields=["hardware_uuid", "unsent"])


def note_said(device: Device, values: Mapping[str, str]) -> None:
    """Take over the vendor's values of these fields, except where ours has yet to be sent.

    Must be called with the device locked. The caller saves it.
    """
    waiting = {}
    for name, value in values.items():
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
    """Send our values to the vendor once more."""
    enqueue(device.clinic, RequestKind.DEVICE_UPDATE, str(device.hwi_device_id), priority=Priority.PERSON)
    detail = {"fields": sorted(device.unsent)}
    audit.record("device_sent_again", by=by, clinic=device.clinic, target=device, detail=detail)


@transaction.atomic
def take_said(*, device: Device, by: User) -> None:
    """Replace our unsent values by those of the vendor."""
    device = Device.objects.for_clinic(device.clinic).select_related("clinic").locked().get(id=device.id)
    before = {name: getattr(device, name) for name in WRITTEN_HERE}
    for name, value in device.unsent.items():
        setattr(device, name, value)
    device.unsent = {}
    device.save(update_fields=[*WRITTEN_HERE, "unsent"])
    detail = audit.changes(device, before, WRITTEN_HERE)
    audit.record("device_vendor_right", by=by, clinic=device.clinic, target=device, detail=detail)
