"""Read the vendor's whole account: at once when a clinic is connected, then every night.

Gateways are also polled one by one: each at least once a day, those that are silent or weak more often. All
of it goes through the queue, behind whatever a person waits for.
"""

from __future__ import annotations

import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from clinics.models import Clinic
from devices.hardware import SILENT_AFTER, WEAK_BELOW
from devices.models import UNLINKED, Device, DeviceProperty, Gateway, NightlySync
from devices.properties import VENDOR_KEYS
from tenovi.models import Priority, RequestKind
from tenovi.outbound.api_keys import keys_of
from tenovi.outbound.enqueue import enqueue, enqueue_each

KINDS = (
    RequestKind.PATIENTS,
    RequestKind.DEVICES,
    RequestKind.DEVICE_TYPES,
    RequestKind.GATEWAYS,
    RequestKind.HARDWARE_LOG,
    RequestKind.REPLACEMENTS,
    RequestKind.BULK_ORDERS,
    RequestKind.SUPPLY_TYPES,
    RequestKind.SUPPLY_REQUESTS,
)
NIGHT_BEGINS = 2  # o'clock at the clinic
POLL_EVERY = datetime.timedelta(hours=22)  # so that each is asked about daily, whatever else waits
POLL_TROUBLED_EVERY = datetime.timedelta(hours=4)
POLL_UNSYNCED_EVERY = datetime.timedelta(hours=1)
MOST_POLLED = 100  # at a time and clinic: less than two minutes of the budget


def ask_for_everything(clinic: Clinic, *, insist: bool = False) -> None:
    """Queue the whole account. `insist` for a person, who does not wait for earlier failures to rest."""
    for kind in KINDS:
        enqueue(clinic, kind, insist=insist)


def start_due() -> int:
    """Begin what this night, or a new connection, is due. Returns in how many clinics. Safe to repeat."""
    started = 0
    for clinic in _connected():
        started += _start(clinic)
    return started


@transaction.atomic
def _start(clinic: Clinic) -> bool:
    """Mark the night and queue the account, both or neither. Returns False when it has begun already."""
    _, is_new = NightlySync.objects.for_clinic(clinic).get_or_create(clinic=clinic, night=night_of(clinic))
    if is_new:
        ask_for_everything(clinic)
        for key in VENDOR_KEYS:
            enqueue(clinic, RequestKind.DEVICES_WITH_PROPERTY, key, priority=Priority.BACKGROUND)
        unsent = Device.objects.for_clinic(clinic).at_the_vendor().exclude(unsent={})
        targets = [str(hwi_device_id) for hwi_device_id in unsent.values_list("hwi_device_id", flat=True)]
        enqueue_each(clinic, RequestKind.DEVICE_UPDATE, targets)
    return is_new


def poll_properties() -> int:
    """Request again the properties that had not reached the hardware yet. Returns of how many devices."""
    requested, old = 0, timezone.now() - POLL_UNSYNCED_EVERY
    for clinic in _connected():
        unsynced = DeviceProperty.objects.for_clinic(clinic).filter(synced=False, said_at__lt=old)
        reachable = unsynced.filter(key__in=VENDOR_KEYS, device__deleted_at=None, device__unlinked_at=None)
        devices = reachable.order_by("device").values_list("device__hwi_device_id", flat=True).distinct()
        targets = [str(hwi_device_id) for hwi_device_id in devices[:MOST_POLLED]]
        enqueue_each(clinic, RequestKind.PROPERTIES, targets, priority=Priority.BACKGROUND)
        requested += len(targets)
    return requested


def poll_gateways() -> int:
    """Request gateways whose last answer is too old, if a device uses them. Returns how many."""
    now, requested = timezone.now(), 0
    troubled = Q(signal_strength__lt=WEAK_BELOW) | Q(last_seen_at__lt=now - SILENT_AFTER)
    old = (
        Q(polled_at__isnull=True)
        | Q(polled_at__lt=now - POLL_EVERY)
        | troubled & Q(polled_at__lt=now - POLL_TROUBLED_EVERY)
    )
    for clinic in _connected():
        in_use = Device.objects.for_clinic(clinic).exclude(status=UNLINKED).values("hardware_uuid")
        due = Gateway.objects.for_clinic(clinic).filter(old, gateway_id__in=in_use)
        names = list(due.order_by("polled_at").values_list("gateway_id", flat=True)[:MOST_POLLED])
        if names:
            spelled = Gateway.objects.for_clinic(clinic).spellings(names)
            targets = [spelled.get(name, name) for name in names]
            enqueue_each(clinic, RequestKind.GATEWAY, targets, priority=Priority.BACKGROUND)
        requested += len(names)
    return requested


def _connected() -> list[Clinic]:
    return [clinic for key in keys_of(Clinic.objects.all()) for clinic in key.clinics]


def night_of(clinic: Clinic) -> datetime.date:
    """Return the date of the last night that has begun at the clinic."""
    now = timezone.now()
    has_begun = now.astimezone(clinic.zone).hour >= NIGHT_BEGINS
    return clinic.today(now) - datetime.timedelta(0 if has_begun else 1)
