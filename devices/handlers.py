"""Store the vendor's answers about devices."""

from __future__ import annotations

import uuid
from typing import Any

from clinics.models import User
from devices import from_vendor, hardware_log
from devices.actions import assignments, ending
from devices.locks import lock_devices
from devices.models import Assignment, Device
from devices.vendor_answers import store_listed, store_one
from devices.vendor_payloads import carried_patient, nested_device
from tenovi.client import records as client_records
from tenovi.client.errors import Invalid, VendorError
from tenovi.client.gateway_records import Gateway as VendorGateway
from tenovi.client.gateway_records import HardwareChange
from tenovi.models import Request, RequestKind
from tenovi.registry import Handler, NothingToSend


def store_device(request: Request, answer: client_records.Device) -> int:
    """Store the record of one device, which was requested."""
    if request.asked_at:
        from_vendor.ask_for_newer(request.clinic, [answer.hwi_device_id], request.asked_at)
    return store_one(request, answer, request.asked_at)


def store_holder(request: Request, answer: client_records.Device) -> int:
    """Store the answer to an assignment that was sent: its readings now name the right patient."""
    failed = store_one(request, answer, None)
    assignments.note_told(clinic=request.clinic, hwi_device_id=request.target)
    return failed


def store_unlinked(request: Request, answer: client_records.Device) -> int:
    """End the service for the person who requested it, then store the rest of the vendor's record."""
    lock_devices(request.clinic, [uuid.UUID(request.target)])
    ending.note_unlinked(
        clinic=request.clinic,
        hwi_device_id=request.target,
        at=answer.unlinked_on,
        by=_asked_by(request),
        meant=request.params,
    )
    return store_one(request, answer, None)


def store_deleted(request: Request, answer: None) -> int:
    by = _asked_by(request)
    lock_devices(request.clinic, [uuid.UUID(request.target)])
    ending.note_deleted(clinic=request.clinic, hwi_device_id=request.target, by=by, meant=request.params)
    return 0


def note_refusal(request: Request, error: VendorError | None) -> None:
    """Note that a deletion was refused: there is one documented reason."""
    if isinstance(error, Invalid):
        ending.note_not_deletable(clinic=request.clinic, hwi_device_id=request.target)


def store_device_types(request: Request, answer: client_records.Page[client_records.DeviceType]) -> int:
    from_vendor.store_device_types(clinic=request.clinic, records=answer.results, is_whole=answer.is_all)
    return 0


def store_gateways(request: Request, answer: client_records.Page[VendorGateway]) -> int:
    """Store a page of the list of gateways. Returns how many rows name none."""
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
    """Return the device's present patient, and what was changed here of it (`devices.actions.wanted`).

    The vendor takes nested objects whole. So the device's own name, hardware and sensor id must be
    repeated: what is left out is gone.
    """
    device = Device.objects.for_clinic(request.clinic).filter(hwi_device_id=request.target).first()
    assignments = Assignment.objects.for_clinic(request.clinic).filter(device=device, ends_at=None)
    assignment = assignments.select_related("patient").first() if device else None
    if device is None or (assignment is None and not device.unsent):
        raise NothingToSend
    body = {"device": nested_device(device)}
    return body | ({"patient": carried_patient(assignment.holder)} if assignment else {})


def _asked_by(request: Request) -> User | None:
    return User.objects.filter(id=request.params["by"]).first() if "by" in request.params else None


REQUESTS = {
    RequestKind.DEVICES: Handler(answer=store_listed),
    RequestKind.DEVICE: Handler(answer=store_device),
    RequestKind.DEVICE_TYPES: Handler(answer=store_device_types),
    RequestKind.GATEWAYS: Handler(answer=store_gateways),
    RequestKind.GATEWAY: Handler(answer=store_gateway),
    RequestKind.HARDWARE_LOG: Handler(answer=store_hardware_changes, failed=hardware_log.note_failure),
    RequestKind.HARDWARE_SEARCH: Handler(answer=store_hardware_search, failed=hardware_log.note_failure),
    RequestKind.DEVICE_UPDATE: Handler(payload=patient_to_attach, answer=store_holder),
    RequestKind.DEVICE_UNLINK: Handler(check=ending.check_still_meant, answer=store_unlinked),
    RequestKind.DEVICE_DELETE: Handler(
        check=ending.check_still_meant, answer=store_deleted, failed=note_refusal
    ),
}
