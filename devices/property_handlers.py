"""Store the vendor's answers about properties of devices."""

from __future__ import annotations

import datetime
from typing import Any

from django.utils import timezone

from clinics.tenancy import TenantQuerySet
from devices.actions.properties import follow_webhook
from devices.meant import check_same_holder, device_named
from devices.models import Device, DeviceProperty
from devices.properties import DEVICE_WIDE
from tenovi.client import records
from tenovi.client.gateway_records import Property
from tenovi.client.order_records import Webhook
from tenovi.clock import database_now
from tenovi.models import Priority, Request, RequestKind
from tenovi.outbound.enqueue import enqueue_each
from tenovi.registered_webhooks import registration
from tenovi.registry import Handler, NothingToSend

READ_AGAIN_AFTER = datetime.timedelta(days=6)
"""A device that is listed every night for having a property is read once a week."""


def check_still_meant(request: Request) -> None:
    """Refuse to set for the present patient what was meant for an earlier one. Raises `NoLongerMeant`."""
    hwi_device_id, _, key = request.target.partition("/")
    device = device_named(request.clinic, hwi_device_id)
    if device and key not in DEVICE_WIDE and "patient" in request.params:  # older requests do not say it
        again = "Save it again if it is to be so for whoever has it now."
        check_same_holder(device, request.params["patient"], ask_again=again)


def value_to_send(request: Request) -> dict[str, Any]:
    row = _rows(request).first()
    if row is None or row.wanted is None:
        raise NothingToSend
    return {"value": row.wanted}


def store_set(request: Request, answer: Property) -> int:
    row = _rows(request).select_for_update(of=("self",)).first()
    if row:
        _copy(answer, row)
    return 0


def store_registered_webhook(request: Request, answer: Webhook) -> int:
    """Store a webhook of ours that the vendor has registered.

    Devices pinned to one that it replaces follow, before that is removed.
    """
    follow_webhook(request.clinic, before=registration.replaced_by(request), after=str(answer.id))
    return registration.store_registered(request, answer)


def store_properties(request: Request, answer: records.Page[Property]) -> int:
    """Store the properties of one device.

    A property that a whole list has no longer, and that is not wanted here, is deleted. One that was sent
    since the list was requested is left alone: the list knows nothing of it yet.
    """
    device = Device.objects.for_clinic(request.clinic).filter(hwi_device_id=request.target).first()
    if device is None:
        return 0
    stored = DeviceProperty.objects.for_clinic(request.clinic).filter(device=device).select_for_update()
    rows = {row.key: row for row in stored}
    newer = {key for key, row in rows.items() if _is_newer(row, request)}
    for property in answer.results:
        row = rows.pop(property.key, None) or DeviceProperty(
            clinic=request.clinic, device=device, key=property.key
        )
        if property.key not in newer:
            _copy(property, row)
    for row in [row for row in rows.values() if row.key not in newer] if answer.is_all else ():
        if row.wanted is None:
            row.delete()
        else:
            row.said, row.vendor_id, row.synced, row.said_at = "", "", None, database_now()
            row.save(update_fields=["said", "vendor_id", "synced", "said_at"])
    return 0


def ask_about_listed(request: Request, answer: records.Page[records.Device]) -> int:
    """Request the properties of the devices that the vendor lists for having one.

    With a whole list, also of those that had it by our records.
    """
    listed = [record.hwi_device_id for record in answer.results]
    devices = Device.objects.for_clinic(request.clinic).at_the_vendor()
    having = DeviceProperty.objects.for_clinic(request.clinic).filter(key=request.target)
    fresh = having.filter(said_at__gt=timezone.now() - READ_AGAIN_AFTER)
    targets = set(
        devices.filter(hwi_device_id__in=listed)
        .exclude(id__in=fresh.values("device"))
        .values_list("hwi_device_id", flat=True)
    )
    if answer.is_all:
        gone = devices.filter(id__in=having.exclude(said="").values("device")).exclude(
            hwi_device_id__in=listed
        )
        targets |= set(gone.values_list("hwi_device_id", flat=True))
    if targets:
        names = [str(hwi_device_id) for hwi_device_id in targets]
        enqueue_each(request.clinic, RequestKind.PROPERTIES, names, priority=Priority.BACKGROUND)
    return 0


def _rows(request: Request) -> TenantQuerySet[DeviceProperty]:
    hwi_device_id, _, key = request.target.partition("/")
    rows = DeviceProperty.objects.for_clinic(request.clinic).filter(key=key)
    return rows.filter(device__hwi_device_id=hwi_device_id)


def _is_newer(row: DeviceProperty, request: Request) -> bool:
    return bool(row.said_at and request.asked_at and row.said_at > request.asked_at)


def _copy(property: Property, row: DeviceProperty) -> None:
    row.said, row.vendor_id, row.synced = property.value, property.id, property.synced
    row.said_at = database_now()
    row.save()


REQUESTS = {
    RequestKind.DEVICES_WITH_PROPERTY: Handler(answer=ask_about_listed),
    RequestKind.PROPERTIES: Handler(answer=store_properties),
    RequestKind.PROPERTY_SET: Handler(check=check_still_meant, payload=value_to_send, answer=store_set),
    RequestKind.WEBHOOK_CREATE: Handler(
        payload=registration.webhook_to_register,
        answer=store_registered_webhook,
        failed=registration.look_for_lost,
    ),
}
