"""Writing devices: what the vendor says about them, and what waits for them to become known."""

from __future__ import annotations

import itertools

from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Q
from django.db.models.functions import Cast, Now
from django.utils import timezone

from clinics.models import Clinic
from devices.models import Assignment, Device
from patients.actions import store_vendor_patient
from tenovi import inbox, shapes
from tenovi.catalogue import kind_for
from tenovi.models import DeliveryItem, Priority, Request, RequestKind
from tenovi.queries import DeliveryItemQuerySet
from tenovi.queue import ask_for_each


@transaction.atomic
def store_vendor_device(*, clinic: Clinic, record: shapes.Device) -> Device:
    """The device of that id, with what the vendor says about it.

    The first patient the vendor names for a device gets it. Later ones are only noted in
    `vendor_patient_id`: a sync never moves a device from one patient to another.
    """
    device, is_new = Device.objects.for_clinic(clinic).get_or_create(
        clinic=clinic, hwi_device_id=record.hwi_device_id
    )
    device = Device.objects.for_clinic(clinic).select_for_update().get(id=device.id)
    _copy(record, device)
    if record.patient and not Assignment.objects.for_clinic(clinic).filter(device=device).exists():
        _assign_first(device, record.patient, is_new=is_new)
    return device


def settle_what_became_known() -> int:
    """Settle readings that waited for a device which is registered by now; the devices concerned."""
    known = Device.objects.across_clinics().filter(
        clinic=OuterRef("clinic"), hwi_device_id=OuterRef("hwi_device_id")
    )
    ready = _waiting_for_a_device().filter(Exists(known)).values_list("clinic", "hwi_device_id").distinct()
    pairs = list(ready)
    clinics = Clinic.objects.in_bulk({clinic_id for clinic_id, _ in pairs})
    for clinic_id, hwi_device_id in pairs:
        if hwi_device_id is not None:
            inbox.resettle_for_device(clinics[clinic_id], hwi_device_id)
    return len(pairs)


def ask_about_unknown_devices() -> int:
    """Have the vendor asked about devices that readings name and nobody knows; how many.

    One that is being asked about, or was less than its pause ago, is left alone.
    """
    known = Device.objects.across_clinics().filter(
        clinic=OuterRef("clinic"), hwi_device_id=OuterRef("hwi_device_id")
    )
    asked = (
        Request.objects.across_clinics()
        .filter(clinic=OuterRef("clinic"), kind=RequestKind.DEVICE, target=OuterRef("name_of_device"))
        .exclude(Q(state="parked") & Q(not_before__lte=Now()))
    )
    unknown = (
        _waiting_for_a_device()
        .annotate(name_of_device=Cast("hwi_device_id", CharField()))
        .filter(~Exists(known), ~Exists(asked))
        .values_list("clinic", "name_of_device")
        .distinct()
        .order_by("clinic")
    )
    pairs = list(unknown)
    clinics = Clinic.objects.in_bulk({clinic_id for clinic_id, _ in pairs})
    for clinic_id, of_clinic in itertools.groupby(pairs, key=lambda pair: pair[0]):
        names = [name for _, name in of_clinic]
        ask_for_each(clinics[clinic_id], RequestKind.DEVICE, names, priority=Priority.READING)
    return len(pairs)


def _waiting_for_a_device() -> DeliveryItemQuerySet:
    items = DeliveryItem.objects.across_clinics().quarantined()
    return items.filter(reason="unknown_device", hwi_device_id__isnull=False)


def _copy(record: shapes.Device, device: Device) -> None:
    kind = kind_for(record.name, record.sensor_code)
    device.name = record.name
    device.kind = kind.slug if kind else device.kind
    device.status = record.status
    device.sensor_code = record.sensor_code
    device.sensor_id = record.sensor_id
    device.hardware_uuid = normal_hardware_id(record.hardware_uuid)
    device.vendor_patient_id = record.patient.external_id if record.patient else ""
    device.vendor_created_at = record.created or device.vendor_created_at
    device.connected_at = record.connected_on or device.connected_at
    device.unlinked_at = record.unlinked_on or device.unlinked_at
    device.last_measurement_at = record.last_measurement or device.last_measurement_at
    device.synced_at = timezone.now()
    device.save()


def _assign_first(device: Device, named: shapes.Patient, *, is_new: bool) -> None:
    """Claims of earlier readings follow: the readings room looks for `claimed_at` null.

    A device that was known before without a patient changed hands at an unknown moment, so only
    readings that name the patient reach back there.
    """
    now = timezone.now()
    started = device.vendor_created_at if is_new and device.vendor_created_at else now
    Assignment.objects.create(
        clinic=device.clinic,
        device=device,
        patient=store_vendor_patient(clinic=device.clinic, record=named),
        starts_at=min(started, now),
        reaches_back=True,
    )


def normal_hardware_id(text: str) -> str:
    """One spelling of a Gateway ID or IMEI: people group it with hyphens, the vendor's case varies."""
    return "".join(character for character in text if character.isalnum()).upper()
