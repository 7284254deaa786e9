"""Store what the vendor's fulfillment webhooks say of devices.

Each fact comes with the moment since when we know it. A record requested later has the last word; one
requested before is outdated by it (`Device.changed_at`).
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence

from django.db import connection
from django.db.models import Q

from clinics.models import Clinic
from devices.actions import ending
from devices.from_vendor import add_gateways
from devices.models import Device

NOTE_HARDWARE = f"""
UPDATE {Device._meta.db_table} d
SET hardware_uuid = told.hardware_uuid, changed_at = greatest(d.changed_at, told.since)
FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[]) AS told (id, hardware_uuid, since)
WHERE d.id = told.id AND d.clinic_id = %s AND d.hardware_uuid <> told.hardware_uuid AND d.unlinked_at IS NULL
    AND NOT d.unsent ? 'hardware_uuid'
    AND (d.hardware_uuid = '' OR d.synced_at IS NULL OR d.synced_at < told.since)
"""
NOTE_STATUSES = f"""
UPDATE {Device._meta.db_table} d SET status = told.status, changed_at = greatest(d.changed_at, told.since)
FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[]) AS told (id, status, since)
WHERE d.id = told.id AND d.clinic_id = %s AND (d.synced_at IS NULL OR d.synced_at < told.since)
"""
FOLLOW_REPLACEMENTS = f"""
UPDATE {Device._meta.db_table} d SET hardware_uuid = r.new, unsent = d.unsent - 'hardware_uuid',
    changed_at = greatest(d.changed_at, r.since)
FROM unnest(%s::text[], %s::text[], %s::timestamptz[]) AS r (old, new, since)
WHERE d.hardware_uuid = r.old AND d.clinic_id = %s AND d.id = ANY(%s::uuid[])
"""


def note_hardware(clinic: Clinic, facts: Sequence[tuple[uuid.UUID, str, datetime.datetime]]) -> None:
    """Put devices on the hardware, by normal id, that events name, with the moment since when they do.

    Must be called with the rows locked (`lock_rows_for_news`). A device list read after that moment has the
    last word; an unlinked device keeps no hardware.
    """
    with connection.cursor() as cursor:
        cursor.execute(NOTE_HARDWARE, [*map(list, zip(*facts, strict=True)), clinic.id])
    add_gateways(clinic, [hardware_id for _, hardware_id, _ in facts])


def note_statuses(clinic: Clinic, facts: Sequence[tuple[uuid.UUID, str, datetime.datetime]]) -> None:
    """Give devices the status that events name, where it is newer than the device list.

    Must be called with the rows locked.
    """
    if facts:
        with connection.cursor() as cursor:
            cursor.execute(NOTE_STATUSES, [*map(list, zip(*facts, strict=True)), clinic.id])


def note_unlinked(clinic: Clinic, since: Mapping[uuid.UUID, datetime.datetime]) -> None:
    """End the assignments of devices that events name as unlinked, with the moment since when they do.

    A device list read after that moment has the last word.
    """
    devices = Device.objects.for_clinic(clinic).filter(id__in=list(since), unlinked_at=None)
    for device in devices.locked_in_order():
        if device.synced_at is None or device.synced_at < since[device.id]:
            ending.note_unlinked_by_vendor(device, since[device.id], known_since=since[device.id])


def lock_rows_for_news(
    clinic: Clinic, devices: Iterable[uuid.UUID], hardware_ids: Iterable[str]
) -> list[uuid.UUID]:
    """Lock these devices, and all on these hardware ids, in the one order; return their ids."""
    concerned = Q(id__in=list(devices)) | Q(hardware_uuid__in=list(hardware_ids))
    rows = Device.objects.for_clinic(clinic).filter(concerned).locked_in_order()
    return list(rows.values_list("id", flat=True))


def follow_replacements(
    clinic: Clinic, replaced: Mapping[str, tuple[str, datetime.datetime]], locked: Collection[uuid.UUID]
) -> None:
    """Put every device behind exchanged hardware on the new one, by normal ids, old to new.

    Must be called with the rows locked. All devices behind a gateway move with it
    (https://docs.tenovi.com/hwi-api/devices/replacing-devices).
    """
    new, since = [one for one, _ in replaced.values()], [at for _, at in replaced.values()]
    with connection.cursor() as cursor:
        cursor.execute(FOLLOW_REPLACEMENTS, [list(replaced), new, since, clinic.id, list(locked)])
    add_gateways(clinic, new)
