"""Set and remove the properties of a device at the vendor."""

from __future__ import annotations

from django.db import transaction

from clinics.models import User
from devices.meant import meant_for_holder
from devices.models import Device, DeviceProperty
from devices.properties import NONE, record_change
from tenovi.models import Priority, Request, RequestKind, RequestState
from tenovi.outbound.enqueue import enqueue


@transaction.atomic
def set_property(*, device: Device, key: str, value: str, by: User) -> None:
    """Want this value, and have the vendor told."""
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
    record_change("device_property_set", row, by, [before or NONE, value])


@transaction.atomic
def remove_property(*, row: DeviceProperty, by: User) -> bool:
    """Give up a property that the vendor does not have. False where it does: none of its pages has a call
    that takes one away."""
    device = row.device
    if row.is_at_vendor:
        return False
    pending = Request.objects.for_clinic(device.clinic).filter(
        kind=RequestKind.PROPERTY_SET, target=f"{device.hwi_device_id}/{row.key}"
    )
    pending.exclude(state=RequestState.SENDING).delete()
    record_change("device_property_removed", row, by, [row.value, NONE])
    row.delete()
    return True
