"""Store what the vendor says about devices and gateways, and settle what waited for them to become known."""

from __future__ import annotations

import datetime
import itertools
import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TypeVar

from django.db import connection, transaction
from django.db.models import CharField, Exists, OuterRef, Q
from django.db.models.functions import Cast, Now
from django.utils import timezone

from clinics.models import Clinic
from devices.actions import assignments as actions_assignments
from devices.actions import ending, wanted
from devices.hardware import bare_hardware_id, is_gateway_id, normal_hardware_id
from devices.models import (
    UNLINKED,
    Assignment,
    Device,
    DeviceType,
    Gateway,
    GatewaySample,
    HardwareChange,
)
from patients.from_vendor import store_vendor_patient
from tenovi.catalogue import kind_for
from tenovi.client import records as client_records
from tenovi.client.gateway_records import Gateway as VendorGateway
from tenovi.client.gateway_records import HardwareChange as VendorHardwareChange
from tenovi.clock import database_now
from tenovi.inbound import deliveries
from tenovi.models import DeliveryItem, Priority, Request, RequestKind, RequestState
from tenovi.outbound.enqueue import enqueue_each
from tenovi.querysets import DeliveryItemQuerySet

T = TypeVar("T")

SHORTEST = datetime.timedelta(seconds=1)
"""Of an assignment: one that has no length cannot be."""
TYPE_FIELDS = (
    *("sensor_code", "sensor_id_required", "in_stock", "is_offered"),
    *("up_front_cost", "shipping_cost", "monthly_cost"),
)
NOTE_CONTACTS = f"""
WITH heard AS (
    SELECT g.id, c.at
    FROM {Gateway._meta.db_table} g
    JOIN unnest(%s::text[], %s::timestamptz[]) AS c (gateway_id, at) USING (gateway_id)
    WHERE g.clinic_id = %s AND (g.last_seen_at IS NULL OR g.last_seen_at < c.at)
    FOR NO KEY UPDATE OF g SKIP LOCKED
)
UPDATE {Gateway._meta.db_table} g SET last_seen_at = heard.at FROM heard WHERE g.id = heard.id
"""


@transaction.atomic
def store_vendor_device(
    *, clinic: Clinic, record: client_records.Device, read_at: datetime.datetime | None = None
) -> Device:
    """Store the vendor's record of a device, and return the device.

    `read_at` is when the record was requested, None for the answer to a write, which has the last word. A
    record older than what we know of the device changes nothing: hardware may have been replaced since, or
    the device unlinked or reassigned.

    The first patient the vendor names for a device gets it. Later ones are only noted in
    `vendor_patient_id`: a sync never moves a device from one patient to another, and never reassigns one
    that a person took away.
    """
    device, is_new = Device.objects.for_clinic(clinic).get_or_create(
        clinic=clinic, hwi_device_id=record.hwi_device_id
    )
    device = Device.objects.for_clinic(clinic).locked().get(id=device.id)
    if read_at and _is_outdated(device, read_at):
        return device
    read_at = read_at or database_now()
    ends_at = _unlinked_at(record) if device.unlinked_at is None else None
    if ends_at and not is_new:  # a new device was unlinked before we knew it
        ending.note_unlinked_by_vendor(device, ends_at, known_since=read_at)
    _copy(record, device, ends_at, read_at)
    note_spellings(clinic, [record.hardware_uuid])
    if record.patient and not Assignment.periods.for_clinic(clinic).filter(device=device).exists():
        _assign_first(device, record.patient, is_new=is_new, ends_at=ends_at)
    actions_assignments.note_agreed(device)
    return device


def ask_for_newer(clinic: Clinic, hwi_device_ids: Iterable[uuid.UUID], read_at: datetime.datetime) -> None:
    """Have the records read anew that changes here have outdated since they were requested.

    Locks requests: call it before devices are locked, as the answers lock them.
    """
    changed = Device.objects.for_clinic(clinic).at_the_vendor().changed_after(read_at)
    targets = changed.filter(hwi_device_id__in=list(hwi_device_ids)).values_list("hwi_device_id", flat=True)
    if names := [str(hwi_device_id) for hwi_device_id in targets]:
        enqueue_each(clinic, RequestKind.DEVICE, names, priority=Priority.BACKGROUND, anew=True)


def add_gateways(clinic: Clinic, hardware_ids: Iterable[str]) -> None:
    """Add a row for each gateway among these normal hardware ids; existing rows stay as they are."""
    named = sorted({hardware_id for hardware_id in hardware_ids if is_gateway_id(hardware_id)})
    gateways = [Gateway(clinic=clinic, gateway_id=gateway_id) for gateway_id in named]
    Gateway.objects.bulk_create(gateways, batch_size=1000, ignore_conflicts=True)


def note_spellings(clinic: Clinic, hardware_ids: Iterable[str], *, is_news: bool = False) -> None:
    """Add a row for each gateway among these ids, and keep their spelling by the vendor or a label.

    `is_news`: only where none is known yet; the vendor's lists know best.
    """
    spelled = {normal_hardware_id(one): bare_hardware_id(one) for one in hardware_ids}
    add_gateways(clinic, spelled)
    gateways = Gateway.objects.for_clinic(clinic).filter(gateway_id__in=spelled)
    changed = []
    for gateway in gateways.filter(spelling="") if is_news else gateways:
        if gateway.spelling != spelled[gateway.gateway_id]:
            gateway.spelling = spelled[gateway.gateway_id]
            changed.append(gateway)
    if changed:
        Gateway.objects.for_clinic(clinic).bulk_update(
            sorted(changed, key=lambda one: one.gateway_id), ["spelling"]
        )


@transaction.atomic
def store_device_types(
    *, clinic: Clinic, records: Iterable[client_records.DeviceType], is_whole: bool
) -> None:
    """Store what the account may order.

    `is_whole`: a type that the list no longer has is not offered any more.
    """
    types = DeviceType.objects.for_clinic(clinic)
    rows = {record.name: _device_type(clinic, record) for record in records}
    if is_whole:
        types.exclude(name__in=rows).update(is_offered=False)
    DeviceType.objects.bulk_create(
        rows.values(), update_conflicts=True, unique_fields=["clinic", "name"], update_fields=TYPE_FIELDS
    )


@transaction.atomic
def store_vendor_gateway(*, clinic: Clinic, record: VendorGateway) -> bool:
    """Store the vendor's record of a gateway; what its list leaves out is kept.

    Returns False for an id that no gateway can have. An answer about one gateway is also a sample of its
    signal.
    """
    gateway_id = normal_hardware_id(record.gateway_id)
    if not is_gateway_id(gateway_id):
        return False
    note_spellings(clinic, [record.gateway_id])
    gateway = Gateway.objects.for_clinic(clinic).locked().get(gateway_id=gateway_id)
    seen = [at for at in (gateway.last_seen_at, record.last_checkin, record.last_measurement) if at]
    gateway.last_seen_at = max(seen, default=None)
    gateway.signal_strength = _known(record.signal_strength, gateway.signal_strength)
    gateway.firmware_version = record.firmware_version or gateway.firmware_version
    gateway.provisioned = _known(record.provisioned, gateway.provisioned)
    gateway.assigned_at = record.assigned_on or gateway.assigned_at
    gateway.shipped_at = record.shipped_on or gateway.shipped_at
    if record.firmware_version or record.last_checkin:  # only the gateway's own page has these
        gateway.polled_at = timezone.now()
        GatewaySample.objects.create(
            clinic=clinic,
            gateway=gateway,
            taken_at=gateway.polled_at,
            signal_strength=record.signal_strength,
            last_seen_at=record.last_checkin,
        )
    gateway.save()
    return True


def store_hardware_changes(*, clinic: Clinic, records: Iterable[VendorHardwareChange]) -> None:
    """Store entries of the vendor's log; one that is there already is the same."""
    HardwareChange.objects.bulk_create(
        [
            HardwareChange(
                clinic=clinic,
                vendor_id=record.id,
                hwi_device_id=record.hwi_device_id,
                old_hardware_uuid=normal_hardware_id(record.old_hardware_uuid),
                new_hardware_uuid=normal_hardware_id(record.new_hardware_uuid),
                changer=record.changer,
                changed_at=record.created,
            )
            for record in records
        ],
        ignore_conflicts=True,
    )


def note_gateway_contacts(clinic: Clinic, contacts: Mapping[str, datetime.datetime]) -> None:
    """Note when readings last came through these gateways, by normal hardware id.

    One statement of constant text: it runs for every webhook. It skips a gateway whose row is being
    written, so that two deliveries never wait for each other's contacts (decision 8).
    """
    with connection.cursor() as cursor:
        cursor.execute(NOTE_CONTACTS, [list(contacts), list(contacts.values()), clinic.id])


def settle_what_became_known() -> int:
    """Settle readings that waited for a device which is registered by now.

    Returns the number of devices concerned.
    """
    registered = Device.objects.across_clinics().filter(
        clinic=OuterRef("clinic"), hwi_device_id=OuterRef("hwi_device_id")
    )
    ready = (
        _waiting_for_a_device().filter(Exists(registered)).values_list("clinic", "hwi_device_id").distinct()
    )
    pairs = list(ready)
    clinics = Clinic.objects.in_bulk({clinic_id for clinic_id, _ in pairs})
    for clinic_id, hwi_device_id in pairs:
        if hwi_device_id is not None:
            deliveries.resettle_for_device(clinics[clinic_id], hwi_device_id)
    return len(pairs)


def settle_what_a_handover_explains() -> int:
    """Settle again readings that named another patient, once the vendor knows of the handover too.

    Returns the number of handovers. Safe to repeat.
    """
    due = Assignment.objects.across_clinics().filter(resettle_due=True).select_related("clinic", "device")
    assignments = list(due.order_by("id"))
    for assignment in assignments:
        deliveries.resettle_for_device(assignment.clinic, assignment.device.hwi_device_id)
        due.filter(id=assignment.id).update(resettle_due=False)
    return len(assignments)


def ask_about_unknown_devices() -> int:
    """Request the records of devices that readings name and that are not registered.

    Returns how many. A device that is being requested, or whose pause is not over, is left alone.
    """
    registered = Device.objects.across_clinics().filter(
        clinic=OuterRef("clinic"), hwi_device_id=OuterRef("hwi_device_id")
    )
    requested = (
        Request.objects.across_clinics()
        .filter(clinic=OuterRef("clinic"), kind=RequestKind.DEVICE, target=OuterRef("name_of_device"))
        .exclude(Q(state=RequestState.PARKED) & Q(not_before__lte=Now()))
    )
    unknown = (
        _waiting_for_a_device()
        .annotate(name_of_device=Cast("hwi_device_id", CharField()))
        .filter(~Exists(registered), ~Exists(requested))
        .values_list("clinic", "name_of_device")
        .distinct()
        .order_by("clinic")
    )
    pairs = list(unknown)
    clinics = Clinic.objects.in_bulk({clinic_id for clinic_id, _ in pairs})
    for clinic_id, of_clinic in itertools.groupby(pairs, key=lambda pair: pair[0]):
        names = [name for _, name in of_clinic]
        enqueue_each(clinics[clinic_id], RequestKind.DEVICE, names, priority=Priority.READING)
    return len(pairs)


def _waiting_for_a_device() -> DeliveryItemQuerySet:
    items = DeliveryItem.objects.across_clinics().quarantined()
    return items.filter(reason="unknown_device", hwi_device_id__isnull=False)


def _device_type(clinic: Clinic, record: client_records.DeviceType) -> DeviceType:
    return DeviceType(
        clinic=clinic,
        name=record.name,
        sensor_code=record.sensor_code,
        sensor_id_required=record.sensor_id_required,
        in_stock=record.in_stock,
        is_offered=not (record.deprecated or record.virtual),
        up_front_cost=_storable_cost(record.up_front_cost),
        shipping_cost=_storable_cost(record.shipping_cost),
        monthly_cost=_storable_cost(record.monthly_cost),
    )


def _storable_cost(cost: Decimal | None) -> Decimal | None:
    return round(cost, 2) if cost is not None and cost < 10**9 else None


def _known(value: T | None, before: T | None) -> T | None:
    return before if value is None else value


def _unlinked_at(record: client_records.Device) -> datetime.datetime | None:
    """Return when the vendor unlinked the device, None for one in service.

    The vendor's pages do not promise that moment: without it, it is now.
    """
    if record.status.strip().casefold() != UNLINKED.casefold():
        return None
    return record.unlinked_on or timezone.now()


def _is_outdated(device: Device, read_at: datetime.datetime) -> bool:
    """Whether we know of the device as it was after `read_at`."""
    return any(moment and moment > read_at for moment in (device.synced_at, device.changed_at))


def _copy(
    record: client_records.Device,
    device: Device,
    ends_at: datetime.datetime | None,
    read_at: datetime.datetime,
) -> None:
    kind = kind_for(record.name, record.sensor_code)
    device.name = record.name
    device.kind = kind.slug if kind else device.kind
    device.status = record.status
    device.sensor_code = record.sensor_code
    device.sensor_id = record.sensor_id
    wanted.note_said(device, {"hardware_uuid": normal_hardware_id(record.hardware_uuid)})
    device.vendor_patient_id = record.patient.external_id if record.patient else ""
    device.vendor_created_at = record.created or device.vendor_created_at
    device.connected_at = record.connected_on or device.connected_at
    device.unlinked_at = device.unlinked_at if ends_at is None else ends_at
    device.last_measurement_at = record.last_measurement or device.last_measurement_at
    device.held_for = record.held_for
    device.order_fulfilled = _known(record.order_fulfilled, device.order_fulfilled)
    device.deleted_at = None
    device.synced_at = read_at
    device.save()


def _assign_first(
    device: Device, named: client_records.Patient, *, is_new: bool, ends_at: datetime.datetime | None
) -> None:
    """Assign a device to the first patient that the vendor names for it.

    `claimed_at` stays null, by which the measurements room finds earlier readings to attach. A device that
    was unlinked before we knew it had ended then (`ends_at`). One that was known before without a patient
    changed hands at an unknown moment, so only readings that name the patient reach back there.
    """
    now = timezone.now()
    started = device.vendor_created_at if is_new and device.vendor_created_at else now
    Assignment.objects.create(
        clinic=device.clinic,
        device=device,
        patient=store_vendor_patient(clinic=device.clinic, record=named),
        starts_at=min(started, now),
        ends_at=max(ends_at, started + SHORTEST) if ends_at else None,
        reaches_back=True,
        agreed_at=now,
    )
