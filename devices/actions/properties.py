"""Set and remove the properties of a device at the vendor."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from clinics import audit
from clinics.models import Clinic, User
from devices.meant import meant_for_holder
from devices.models import Device, DeviceProperty
from devices.properties import NONE, ON_RECORD, WEBHOOK
from tenovi.models import Priority, Request, RequestKind, RequestState
from tenovi.outbound.enqueue import enqueue, enqueue_each


@transaction.atomic
def set_property(*, device: Device, key: str, value: str, by: User) -> None:
    """Record the value that the device is to have, and have it sent to the vendor."""
    row, _ = DeviceProperty.objects.for_clinic(device.clinic).get_or_create(
        clinic=device.clinic, device=device, key=key
    )
    before = row.value
    row.wanted = value
    row.save(update_fields=["wanted"])
    target = f"{device.hwi_device_id}/{key}"
    params = meant_for_holder(device)
    enqueue(
        device.clinic, RequestKind.PROPERTY_SET, target, priority=Priority.PERSON, params=params, insist=True
    )
    _record_change("device_property_set", row, by, [before or NONE, value])


@transaction.atomic
def remove_property(*, row: DeviceProperty, by: User) -> bool:
    """Give up a property that the vendor does not have.

    Returns False where the vendor has it: none of its pages has a call that removes one.
    """
    device = row.device
    if row.is_at_vendor:
        return False
    pending = Request.objects.for_clinic(device.clinic).filter(
        kind=RequestKind.PROPERTY_SET, target=f"{device.hwi_device_id}/{row.key}"
    )
    pending.exclude(state=RequestState.SENDING).delete()
    _record_change("device_property_removed", row, by, [row.value, NONE])
    row.delete()
    return True


def follow_webhook(clinic: Clinic, *, before: Collection[str], after: str) -> None:
    """Pin the devices to the webhook `after` that are pinned to one of `before`, which it replaces."""
    pinned = DeviceProperty.objects.for_clinic(clinic).filter(key=WEBHOOK).select_related("device__clinic")
    rows = [row for row in pinned.order_by("device__hwi_device_id") if row.value.lower() in before]
    targets = [f"{row.device.hwi_device_id}/{WEBHOOK}" for row in rows]
    enqueue_each(clinic, RequestKind.PROPERTY_SET, targets, priority=Priority.PERSON)
    for row in rows:
        change = [row.value, after]
        row.wanted = after
        row.save(update_fields=["wanted"])
        _record_change("device_property_set", row, None, change)


def _record_change(action: str, row: DeviceProperty, by: User | None, change: list[str]) -> None:
    detail = {"key": row.key} | ({"value": change} if row.key in ON_RECORD else {})
    clinic, device = row.device.clinic, row.device
    audit.record(action, by=by, clinic=clinic, target=device, detail=detail, in_background=by is None)
