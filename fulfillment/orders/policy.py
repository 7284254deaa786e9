"""What the engine has to know of orders: what is sent, where a lost one is searched for, and what it became."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from clinics.models import User
from devices.actions.properties import set_property
from devices.from_vendor import store_vendor_device
from devices.hardware import normal_hardware_id
from devices.models import Device, Gateway
from devices.properties import PASSKEY
from devices.vendor_payloads import carried_patient
from fulfillment.at_most_once.policy import Policy
from fulfillment.at_most_once.transitions import Event, Locked, transition
from fulfillment.models import Order, ShipBy
from fulfillment.order_states import OrderState
from fulfillment.orders.candidates import candidates_for, rivals_of
from fulfillment.vendor_statuses import is_under_way
from tenovi.client import records
from tenovi.client.errors import Invalid, VendorError
from tenovi.models import Request, RequestKind


class AnotherOrder(Exception):
    """The answer is about something else than what was ordered."""


def body_of(order: Order) -> dict[str, Any]:
    """Return the create's body. https://tenovi.com/api-docs/, activating devices: three use cases, told
    apart by what is left out."""
    device: dict[str, Any] = {"name": order.device_name, "hardware_uuid": _spelled(order) or None}
    if order.sensor_id:
        device["sensor_id"] = order.sensor_id
    if order.ship_by != ShipBy.ON_SITE:
        device["fulfillment_request"] = {
            "shipping_name": order.shipping_name,
            "shipping_address": order.shipping_address,
            "shipping_city": order.shipping_city,
            "shipping_state": order.shipping_state,
            "shipping_zip_code": order.shipping_zip_code,
            "client_will_fulfill": order.ship_by == ShipBy.CLINIC,
            "ship_gateway_only": order.gateway_only,
            "require_signature": order.require_signature,
            **({"notify_emails": order.notify_emails} if order.notify_emails else {}),
            **({"client_notes": order.shipping_notes} if order.shipping_notes else {}),
        }
    return {"device": device} | ({"patient": carried_patient(order.patient)} if order.patient else {})


def _spelled(order: Order) -> str:
    # Its hardware may have been replaced since a person typed it.
    typed = order.hardware_typed if normal_hardware_id(order.hardware_typed) == order.hardware_uuid else ""
    return Gateway.objects.for_clinic(order.clinic).spelling_of(order.hardware_uuid, typed)


def lists_of(order: Order) -> tuple[RequestKind, Sequence[str]]:
    """Name the lists to read: what is on the hardware, or the patient's devices under every spelling of the id.

    The vendor's filter minds the case of an id, and its records do not.
    """
    if order.patient is None:
        return RequestKind.DEVICES_ON_HARDWARE, [order.hardware_uuid]
    external_id = order.patient.external_id
    devices = Device.objects.for_clinic(order.clinic).filter(vendor_patient_id__iexact=external_id)
    spellings = {external_id, *devices.values_list("vendor_patient_id", flat=True)}
    return RequestKind.DEVICES_OF_PATIENT, sorted(spellings)


def candidates_of(order: Order) -> list[Device]:
    return list(candidates_for(order).order_by("vendor_created_at", "hwi_device_id")[:20])


def evidence_of(device: Device) -> dict[str, Any]:
    return {
        "hwi_device_id": str(device.hwi_device_id),
        "status": device.status,
        "created": device.vendor_created_at.isoformat() if device.vendor_created_at else None,
    }


def store_created(locked: Locked[Order], answer: records.Device) -> None:
    """Store the device that the vendor has created. Raises `AnotherOrder` for an answer about somebody else."""
    order = locked.row
    device = store_vendor_device(clinic=order.clinic, record=_about_order(order, answer))
    confirm(locked, device, Event.CONFIRMED)


def _about_order(order: Order, answer: records.Device) -> records.Device:
    """Return the answer with its patient, whom it may leave out. Raises `AnotherOrder`."""
    if order.patient is None:
        if answer.patient or normal_hardware_id(answer.hardware_uuid) != order.hardware_uuid:
            raise AnotherOrder
        return answer
    named = answer.patient.external_id if answer.patient else order.patient.external_id
    if named.casefold() != order.patient.external_id.casefold():
        raise AnotherOrder
    return answer if answer.patient else replace(answer, patient=records.Patient(external_id=named))


def confirm(locked: Locked[Order], device: Device, what: Event, by: User | None = None) -> None:
    """Settle the order with this device. One that bonds by a passkey gets it right away."""
    order, passkey = locked.row, locked.row.bluetooth_passkey
    audited = {"hwi_device_id": str(device.hwi_device_id), "status": device.status}
    transition(
        order,
        OrderState.CONFIRMED,
        what,
        by=by,
        detail=audited,
        audited=audited,
        device=device,
        vendor_status=device.status,
        is_open=order.is_open and is_under_way(device.status),
        unread_lists=[],
        search_due_at=None,
        bluetooth_passkey="",
    )
    locked.forget_request()
    if passkey:
        set_property(device=device, key=PASSKEY, value=passkey, by=by or order.placed_by)


def refusal_of(request: Request, error: VendorError | None) -> str:
    problems = error.complaints if isinstance(error, Invalid) else ()
    return " ".join(text for _, text in problems) or request.reason


ORDERS: Policy[Order, Device] = Policy(
    model=Order,
    body=body_of,
    lists=lists_of,
    candidates=candidates_of,
    evidence=evidence_of,
    has_rivals=rivals_of,
    created=store_created,
    adopt=confirm,
    refusal=refusal_of,
)
