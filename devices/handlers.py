"""What this room does with the vendor's answers about devices."""

from __future__ import annotations

import datetime
import logging
import uuid
from typing import Any

from django.db import DataError, IntegrityError, transaction

from clinics.models import User
from devices import actions, ending, handing, hardware_log
from devices.actions import store_vendor_device
from devices.locks import lock_devices
from devices.models import Assignment, Device, Gateway
from patients.models import Patient
from tenovi import shapes
from tenovi.doorbell import ring
from tenovi.errors import Invalid, VendorError
from tenovi.hardware_shapes import Gateway as VendorGateway
from tenovi.hardware_shapes import HardwareChange
from tenovi.models import Request
from tenovi.registry import NothingToSend

log = logging.getLogger(__name__)

CARRIED = ("name", "phone_number", "email", "physician", "clinic_name", "care_manager")
"""The fields of a patient that the vendor's record of a device carries."""


def store_devices(request: Request, answer: shapes.Page[shapes.Device]) -> int:
    """A page of the device list; the number of devices that could not be stored."""
    # In one order, as everybody locks the rows of several devices.
    records = sorted(answer.results, key=lambda record: record.hwi_device_id)
    if request.asked_at:
        named = [record.hwi_device_id for record in records]
        actions.ask_for_newer(request.clinic, named, request.asked_at)
    failed = sum(not _store(request, record, request.asked_at) for record in records)
    _wake_those_who_wait()
    return failed


def store_device(request: Request, answer: shapes.Device) -> int:
    """The record of one device, which was asked for."""
    if request.asked_at:
        actions.ask_for_newer(request.clinic, [answer.hwi_device_id], request.asked_at)
    return _store_one(request, answer, request.asked_at)


def store_holder(request: Request, answer: shapes.Device) -> int:
    """The vendor has been told whose device it is: from now on its readings name the right patient."""
    failed = _store_one(request, answer, None)
    handing.note_told(clinic=request.clinic, hwi_device_id=request.target)
    return failed


def store_unlinked(request: Request, answer: shapes.Device) -> int:
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


def store_device_types(request: Request, answer: shapes.Page[shapes.DeviceType]) -> int:
    actions.store_device_types(clinic=request.clinic, records=answer.results, is_whole=answer.is_all)
    return 0


def store_gateways(request: Request, answer: shapes.Page[VendorGateway]) -> int:
    """A page of the list of gateways; the number of rows that name none."""
    return sum(
        not actions.store_vendor_gateway(clinic=request.clinic, record=record) for record in answer.results
    )


def store_gateway(request: Request, answer: VendorGateway) -> int:
    return 0 if actions.store_vendor_gateway(clinic=request.clinic, record=answer) else 1


def store_hardware_changes(request: Request, answer: shapes.Page[HardwareChange]) -> int:
    actions.store_hardware_changes(clinic=request.clinic, records=answer.results)
    hardware_log.note_read(request, answer)
    return 0


def store_hardware_search(request: Request, answer: shapes.Page[HardwareChange]) -> int:
    actions.store_hardware_changes(clinic=request.clinic, records=answer.results)
    hardware_log.note_searched(request, answer)
    return 0


def patient_to_attach(request: Request) -> dict[str, Any]:
    """Put together whose device it is now, and what people have written of it (`devices.wanted`).

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


def nested_device(device: Device) -> dict[str, Any]:
    """A device as the vendor's record of it has it nested, as far as a call may say it."""
    spelled = Gateway.objects.for_clinic(device.clinic).spelling_of(device.hardware_uuid)
    nested = {"name": device.name, "hardware_uuid": spelled or None}
    return nested | ({"sensor_id": device.sensor_id} if device.sensor_id else {})


def carried_patient(patient: Patient) -> dict[str, Any]:
    """Return a patient as the vendor's record of a device carries them: it changes the one record that
    the vendor keeps of them.

    Whether text messages may be sent is said where this makes the vendor's record, whose default is
    yes, and where somebody decided it here. A patient the vendor knows is linked by the id alone
    (https://tenovi.com/api-docs/, patients), and what they agreed to there stays.
    """
    carried = {name: getattr(patient, name) for name in CARRIED if getattr(patient, name)}
    if not patient.at_vendor or "sms_opt_in" in patient.unsent:
        carried["sms_opt_in"] = patient.as_told("sms_opt_in")
    return {"external_id": patient.external_id, **carried}


def _asked_by(request: Request) -> User | None:
    return User.objects.filter(id=request.params["by"]).first() if "by" in request.params else None


def _store_one(request: Request, record: shapes.Device, read_at: datetime.datetime | None) -> int:
    lock_devices(request.clinic, [record.hwi_device_id])
    stored = _store(request, record, read_at)
    _wake_those_who_wait()
    return 0 if stored else 1


def _store(request: Request, record: shapes.Device, read_at: datetime.datetime | None) -> bool:
    try:
        with transaction.atomic():
            store_vendor_device(clinic=request.clinic, record=record, read_at=read_at)
    except (DataError, IntegrityError) as error:  # one odd device must not cost its page
        log.error("request %s: a device was not stored: %s", request.id, type(error).__name__)
        return False
    return True


def _wake_those_who_wait() -> None:
    """Readings wait for devices, and for assignments. The scheduler wakes them too, a little later."""
    ring("devices.settle_unknown")
    ring("measurements.claim_readings")
