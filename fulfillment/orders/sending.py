"""What becomes of an order at the vendor: what is sent, what came back, and what a look at its list shows.

A doubtful answer is never repeated by software, save one: where the vendor said that it was asked too
often, and its list shows no trace of the order afterwards.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from devices.from_vendor import store_vendor_device
from devices.hardware import normal_hardware_id
from devices.models import Gateway
from devices.vendor_payloads import carried_patient
from fulfillment.models import Order, ShipBy
from fulfillment.order_states import OrderState
from fulfillment.orders.search import leave_in_doubt
from fulfillment.orders.transitions import Event, LockedOrder, confirm, enqueue_creation, transition
from tenovi.client import records
from tenovi.client.errors import Invalid, VendorError
from tenovi.models import Request, RequestState
from tenovi.registry import NothingToSend


class AnotherOrder(Exception):
    """The answer is about something else than what was ordered."""


def order_to_send(request: Request) -> dict[str, Any]:
    """The body of the create. The order says `sending`, committed, before a byte leaves."""
    with transaction.atomic():
        order = _locked(request)
        if order is None or order.state != OrderState.QUEUED:
            raise NothingToSend
        body = body_of(order)
        fields: dict[str, Any] = {
            "first_sent_at": order.first_sent_at or timezone.now(),
            "sends": order.sends + 1,
        }
        audited = {"fields": _names_in(body), "time": order.sends + 1}
        transition(order, OrderState.SENDING, Event.SENT, audited=audited, sent=body, **fields)
    return body


def body_of(order: Order) -> dict[str, Any]:
    """https://tenovi.com/api-docs/, activating devices: three use cases, told apart by what is left out."""
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
    """Its hardware may have been replaced since somebody typed it."""
    typed = order.hardware_typed if normal_hardware_id(order.hardware_typed) == order.hardware_uuid else ""
    return Gateway.objects.for_clinic(order.clinic).spelling_of(order.hardware_uuid, typed)


def store_created(request: Request, answer: records.Device) -> int:
    """The vendor has the order. An answer about somebody else raises: it is a doubtful one."""
    order = _locked(request)
    if order is None:
        return 1
    device = store_vendor_device(clinic=request.clinic, record=_about_order(order, answer))
    confirm(LockedOrder(order, None), device, Event.CONFIRMED)
    return 0


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


def not_created(request: Request, error: VendorError | None) -> None:
    """The request waits again, was refused, or nobody knows (`request.state`)."""
    order = _locked(request)
    if order is None:
        return
    if request.state == RequestState.WAITING:
        if order.state == OrderState.SENDING:
            transition(order, OrderState.QUEUED, Event.WAITS, said=request.reason, **_as_if_not_sent(order))
    elif request.state == RequestState.PARKED:
        _refused(order, request, error)
    elif order.state == OrderState.QUEUED:  # its process died before the order was marked as being sent
        request.delete()
        enqueue_creation(order)
    else:
        leave_in_doubt(order, request.reason, error)


def _as_if_not_sent(order: Order) -> dict[str, Any]:
    sends = order.sends - 1
    return {"sends": sends, "first_sent_at": order.first_sent_at if sends else None}


def _refused(order: Order, request: Request, error: VendorError | None) -> None:
    said = error.complaints if isinstance(error, Invalid) else ()
    words = " ".join(text for _, text in said) or request.reason
    audited = {"status": error.status if error else None, "about": [name for name, _ in said]}
    transition(
        order,
        OrderState.REFUSED,
        Event.REFUSED,
        said=words,
        detail={"said": [list(one) for one in said], "status": audited["status"]},
        audited=audited,
    )
    request.delete()


def _locked(request: Request) -> Order | None:
    """The order of a request that creates its device, locked after it."""
    orders = Order.objects.for_clinic(request.clinic).select_related("patient", "clinic")
    return orders.select_for_update(of=("self",)).filter(id=request.target).first()


def _names_in(body: dict[str, Any], prefix: str = "") -> list[str]:
    names: list[str] = []
    for name, value in body.items():
        names += _names_in(value, f"{prefix}{name}.") if isinstance(value, dict) else [f"{prefix}{name}"]
    return sorted(names)
