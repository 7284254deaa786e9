"""What this room does with the vendor's answers about devices."""

from __future__ import annotations

import datetime
import logging
import uuid
from typing import Any

from django.db import DataError, IntegrityError, transaction

from clinics.models import User
from devices import from_vendor, hardware_log
from devices.actions import assignments, ending
from devices.from_vendor import store_vendor_device
from devices.locks import lock_devices
from devices.models import Assignment, Device
from devices.vendor_payloads import carried_patient, nested_device
from tenovi.client import records as client_records
from tenovi.client.errors import Invalid, VendorError
from tenovi.client.gateway_records import Gateway as VendorGateway
from tenovi.client.gateway_records import HardwareChange
from tenovi.models import Request
from tenovi.outbound.wakeup import wake_worker
from tenovi.registry import NothingToSend

log = logging.getLogger(__name__)


def store_devices(request: Request, answer: client_records.Page[client_records.Device]) -> int:
    """A page of the device list; the number of devices that could not be stored."""
    # In one order, as everybody locks the rows of several devices.
    records = sorted(answer.results, key=lambda record: record.hwi_device_id)
    if request.asked_at:
        named = [record.hwi_device_id for record in records]
        from_vendor.ask_for_newer(request.clinic, named, request.asked_at)
    failed = sum(not _store(request, record, request.asked_at) for record in records)
    _wake_those_who_wait()
    return failed


def store_device(request: Request, answer: client_records.Device) -> int:
    """The record of one device, which was asked for."""
    if request.asked_at:
        from_vendor.ask_for_newer(request.clinic, [answer.hwi_device_id], request.asked_at)
    return _store_one(request, answer, request.asked_at)


def store_holder(request: Request, answer: client_records.Device) -> int:
    """The vendor has been told whose device it is: from now on its readings name the right patient."""
    failed = _store_one(request, answer, None)
    assignments.note_told(clinic=request.clinic, hwi_device_id=request.target)
    return failed


def store_unlinked(request: Request, answer: client_records.Device) -> int:
    """Whoever asked for it is noted first, and then what else the vendor says of the device."""
    lock_devices(request.clinic, [uuid.UUID(request.target)])
    ending.note_unlinked(
        clinic=request.clinic,
        hwi_device_id=request.target,
        at=answer.unlinked_on,
        by=_asked_by(request),
        meant=request.params,
    )
    return _store_one(request, answer, None)


def store_deleted(request: Request, answer: None) -> int:
    by = _asked_by(request)
    lock_devices(request.clinic, [uuid.UUID(request.target)])
    ending.note_deleted(clinic=request.clinic, hwi_device_id=request.target, by=by, meant=request.params)
    return 0


def note_refusal(request: Request, error: VendorError | None) -> None:
    """A deletion that was refused: there is one documented reason."""
    if isinstance(error, Invalid):
        ending.note_not_deletable(clinic=request.clinic, hwi_device_id=request.target)


def store_device_types(request: Request, answer: client_records.Page[client_records.DeviceType]) -> int:
    from_vendor.store_device_types(clinic=request.clinic, records=answer.results, is_whole=answer.is_all)
    return 0


def store_gateways(request: Request, answer: client_records.Page[VendorGateway]) -> int:
    """A page of the list of gateways; the number of rows that name none."""
    return sum(
        not from_vendor.store_vendor_gateway(clinic=request.clinic, record=record)
        for record in answer.results
    )


def store_gateway(request: Request, answer: VendorGateway) -> int:
    return 0 if from_vendor.store_vendor_gateway(clinic=request.clinic, record=answer) else 1


def store_hardware_changes(request: Request, answer: client_records.Page[HardwareChange]) -> int:
    from_vendor.store_hardware_changes(clinic=request.clinic, records=answer.results)
    hardware_log.note_read(request, answer)
    return 0


def store_hardware_search(request: Request, answer: client_records.Page[HardwareChange]) -> int:
    from_vendor.store_hardware_changes(clinic=request.clinic, records=answer.results)
    hardware_log.note_searched(request, answer)
    return 0


def patient_to_attach(request: Request) -> dict[str, Any]:
    """Put together whose device it is now, and what people have written of it (`devices.actions.wanted`).

    The vendor takes nested objects whole, so that the device's own name, hardware and sensor id must be
    repeated: what is left out is gone.
    """
    device = Device.objects.for_clinic(request.clinic).filter(hwi_device_id=request.target).first()
    held = Assignment.objects.for_clinic(request.clinic).filter(device=device, ends_at=None)
    assignment = held.select_related("patient").first() if device else None
    if device is None or (assignment is None and not device.unsent):
        raise NothingToSend
    body = {"device": nested_device(device)}
    return body | ({"patient": carried_patient(assignment.holder)} if assignment else {})


def _asked_by(request: Request) -> User | None:
    return User.objects.filter(id=request.params["by"]).first() if "by" in request.params else None


def _store_one(request: Request, record: client_records.Device, read_at: datetime.datetime | None) -> int:
    lock_devices(request.clinic, [record.hwi_device_id])
    stored = _store(request, record, read_at)
    _wake_those_who_wait()
    return 0 if stored else 1


def _store(request: Request, record: client_records.Device, read_at: datetime.datetime | None) -> bool:
    try:
        with transaction.atomic():
            store_vendor_device(clinic=request.clinic, record=record, read_at=read_at)
    except (DataError, IntegrityError) as error:  # one odd device must not cost its page
        log.error("request %s: a device was not stored: %s", request.id, type(error).__name__)
        return False
    return True


def _wake_those_who_wait() -> None:
    """Readings wait for devices, and for assignments. The scheduler wakes them too, a little later."""
    wake_worker("devices.settle_unknown")
    wake_worker("measurements.claim_readings")
