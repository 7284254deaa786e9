"""What this room does with the vendor's answers about replacements, supplies and bulk orders."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from django.utils import timezone

from clinics.models import Clinic
from common.locks import hold
from devices.hardware import is_gateway_id, normal_hardware_id
from devices.meant import check_same_holder
from devices.models import Assignment, Device, Gateway
from fulfillment.models import (
    Replacement,
    SpecialOrder,
    SpecialOrderRequest,
    SpecialOrderRequestState,
    SupplyRequest,
)
from fulfillment.special_orders import actions
from fulfillment.special_orders.actions import note_orders_sent
from fulfillment.special_orders.attribution import Whose, order_name
from fulfillment.special_orders.payload import (
    SpecialOrderUpdate,
    bulk_order_update,
    read_special_order_update,
)
from fulfillment.special_orders.store import SpecialOrderMessage, store_special_orders_told
from fulfillment.special_orders.supply_types import note_module, store_supply_types
from tenovi.client import errors, order_records
from tenovi.client.records import Page
from tenovi.inbound.element import in_order, sort_out
from tenovi.models import Delivery, Request, RequestKind, RequestState
from tenovi.models.ledger import DeliveryKind
from tenovi.registry import ElementResult, Handler, NothingToSend

TEXT = 200
SENT = ("Shipped", "Delivered")


def check_still_meant(model: type[SpecialOrderRequest]) -> Callable[[Request], None]:
    """Refuse to send somebody a part or supplies for a device that somebody else has by now."""

    def check(request: Request) -> None:
        """Raises `NoLongerMeant`."""
        asked = actions.rows_of(model, request.clinic).filter(
            id=request.target, state=SpecialOrderRequestState.QUEUED
        )
        ask = asked.select_related("device__clinic").first()
        if ask and ask.device:
            again = "Ask again if it is to be sent for whoever has it now."
            check_same_holder(ask.device, str(ask.patient_id or ""), ask_again=again)

    return check


def replacement_to_send(request: Request) -> dict[str, Any]:
    """Where nothing is shipped, because the new unit comes from stock, no address is sent."""
    ask = _queued(Replacement, request)
    assert ask.device is not None
    body = {"hwi_device_id": str(ask.device.hwi_device_id), "device_types": [{"name": n} for n in ask.parts]}
    return body | _shipping(ask)


def supply_to_send(request: Request) -> dict[str, Any]:
    ask = _queued(SupplyRequest, request)
    body: dict[str, Any] = {"supply_name": ask.supply_name}
    if ask.hardware_uuid:
        named = "gateway_id" if is_gateway_id(ask.hardware_uuid) else "imei"
        body[named] = Gateway.objects.for_clinic(ask.clinic).spelling_of(ask.hardware_uuid)
    if ask.device is not None:
        body["related_client_device_id"] = str(ask.device.hwi_device_id)
    return body | _shipping(ask)


def store_replacement(request: Request, answer: order_records.Replacement) -> int:
    return _taken(Replacement, request, answer.id, answer.fulfilled)


def store_supply_request(request: Request, answer: order_records.SupplyRequest) -> int:
    note_module(request.clinic, is_enabled=True)
    return _taken(SupplyRequest, request, answer.id, answer.fulfilled)


def store_replacements(request: Request, answer: Page[order_records.Replacement]) -> int:
    devices = _Known(request.clinic, (one.hwi_device_id for one in answer.results))
    actions.store_listed(
        (
            Replacement(
                parts=[name[:TEXT] for name in one.device_names],
                **devices.row(one.id, one.hwi_device_id, one.created),
            ),
            one.fulfilled,
        )
        for one in answer.results
    )
    return _read(request, answer, Replacement)


def store_supply_requests(request: Request, answer: Page[order_records.SupplyRequest]) -> int:
    note_module(request.clinic, is_enabled=True)
    devices = _Known(request.clinic, (one.hwi_device_id for one in answer.results))
    actions.store_listed(
        (
            SupplyRequest(
                supply_name=one.supply_name,
                hardware_uuid=normal_hardware_id(one.hardware_uuid)[:64],
                **devices.row(one.id, one.hwi_device_id, one.created),
            ),
            one.fulfilled,
        )
        for one in answer.results
    )
    return _read(request, answer, SupplyRequest)


def store_types(request: Request, answer: Page[order_records.SupplyType]) -> int:
    note_module(request.clinic, is_enabled=True)
    store_supply_types(clinic=request.clinic, records=answer.results, is_whole=answer.is_all)
    return 0


def withdrawn(model: type[SpecialOrderRequest]) -> Callable[[Request, Any], int]:
    def store(request: Request, answer: Any) -> int:
        for ask in _at_vendor(model, request):
            actions.withdrawn(ask)
        return 0

    return store


def not_withdrawn(model: type[SpecialOrderRequest]) -> Callable[[Request, errors.VendorError | None], None]:
    def note(request: Request, error: errors.VendorError | None) -> None:
        for ask in _at_vendor(model, request):
            actions.not_withdrawn(ask, request.reason)
        _forget(request)

    return note


def not_sent(model: type[SpecialOrderRequest]) -> Callable[[Request, errors.VendorError | None], None]:
    """Refused: it is over. In doubt: never sent again by itself."""

    def note(request: Request, error: errors.VendorError | None) -> None:
        ask = actions.rows_of(model, request.clinic).filter(id=request.target).first()
        if isinstance(error, errors.NotAllowed):
            note_module(request.clinic, is_enabled=False, said=error.sentence)
        if ask is None or ask.state != SpecialOrderRequestState.QUEUED:
            return
        if request.state == RequestState.UNKNOWN:
            actions.leave_in_doubt(ask, request.reason)
        elif request.state == RequestState.PARKED:
            actions.refuse(ask, " ".join([request.reason, *in_words(error)]))
            _forget(request)

    return note


def module_closed(request: Request, error: errors.VendorError | None) -> None:
    """An account without the module is no failure that anybody has to look at."""
    if isinstance(error, errors.NotAllowed | errors.PathUnknown):
        note_module(request.clinic, is_enabled=False, said=error.sentence)
        _forget(request)


def no_types(request: Request, error: errors.VendorError | None) -> None:
    """The list of types stands on no page of the vendor: without it names are typed, and nothing is closed."""
    if isinstance(error, errors.NotAllowed):
        module_closed(request, error)
    elif isinstance(error, errors.PathUnknown):
        _forget(request)


def not_listed(request: Request, error: errors.VendorError | None) -> None:
    """Not every account has these lists."""
    if isinstance(error, errors.PathUnknown | errors.NotAllowed):
        _forget(request)


def store_bulk_orders(request: Request, answer: Page[order_records.BulkOrder]) -> int:
    """Stock for the clinic, told the same way as its webhook tells it; they meet in one order."""
    now = timezone.now()
    known = _numbered(request.clinic, answer.results)
    news = [bulk_order_update(one, known.get(one.order_number, one.id), now) for one in answer.results]
    hold(request.clinic.id, (order_name(each) for each in news))
    store_special_orders_told(
        clinic=request.clinic, events=[SpecialOrderMessage(each, None, now) for each in news]
    )
    return 0


def in_words(error: errors.VendorError | None) -> list[str]:
    """What the vendor found wrong, member by member."""
    said = error.complaints if isinstance(error, errors.Invalid) else ()
    return [f"{name.replace('_', ' ')}: {text}" for name, text in said]


class _Known:
    """The registered devices that rows of a list name, and who has them."""

    def __init__(self, clinic: Clinic, hwi_device_ids: Iterable[str]) -> None:
        self.clinic = clinic
        ids = {known for text in hwi_device_ids if (known := _uuid(text))}
        devices = Device.objects.for_clinic(clinic).filter(hwi_device_id__in=ids)
        self.devices = {device.hwi_device_id: device for device in devices}
        held = Assignment.objects.for_clinic(clinic).filter(device__in=devices, ends_at=None)
        self.patients = dict(held.values_list("device_id", "patient_id"))

    def row(self, vendor_id: str, hwi_device_id: str, created: Any) -> dict[str, Any]:
        known = _uuid(hwi_device_id)
        device = self.devices.get(known) if known else None
        return {
            "clinic": self.clinic,
            "vendor_id": vendor_id,
            "device": device,
            "patient_id": self.patients.get(device.id) if device else None,
            "asked_at": created or timezone.now(),
        }


def _queued(model: type[actions.A], request: Request) -> actions.A:
    ask = actions.rows_of(model, request.clinic).filter(
        id=request.target, state=SpecialOrderRequestState.QUEUED
    )
    found = ask.select_related("device").first()
    if found is None:
        raise NothingToSend
    return found


def _shipping(ask: SpecialOrderRequest) -> dict[str, str]:
    given = {name: getattr(ask, name) for name in (*actions.SHIPPING, "notify_emails")}
    return {name: value for name, value in given.items() if value}


def _taken(model: type[SpecialOrderRequest], request: Request, vendor_id: str, fulfilled: bool) -> int:
    ask = actions.rows_of(model, request.clinic).filter(id=request.target).first()
    if ask is None:
        return 1
    actions.confirm(ask, vendor_id=vendor_id, fulfilled=fulfilled)
    return 0


def _read(request: Request, answer: Page[Any], model: type[SpecialOrderRequest]) -> int:
    if answer.ended and request.begun_at:
        actions.settle_doubtful(request.clinic, model, read_at=request.begun_at)
    return 0


def _at_vendor(model: type[SpecialOrderRequest], request: Request) -> Iterable[SpecialOrderRequest]:
    return actions.rows_of(model, request.clinic).filter(
        vendor_id=request.target, state=SpecialOrderRequestState.WITHDRAWING
    )


def _forget(request: Request) -> None:
    """It is told where people look for it, so it need not be listed among what has stopped."""
    Request.objects.for_clinic(request.clinic).filter(id=request.id).delete()


def _numbered(clinic: Clinic, orders: Iterable[order_records.BulkOrder]) -> dict[str, str]:
    """The ids under which orders of these numbers are known."""
    numbers = {one.order_number for one in orders if one.order_number}
    known = SpecialOrder.objects.for_clinic(clinic).filter(order_number__in=numbers, order_type="BU")
    return dict(known.values_list("order_number", "request_id"))


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def store_special_orders(delivery: Delivery, elements: Sequence[Any]) -> list[ElementResult]:
    """Store the elements of a special-order delivery. Locks their orders."""
    received_at = delivery.received_at
    updates, unreadable = sort_out(
        enumerate(elements), partial(read_special_order_update, received_at=received_at)
    )
    hold(delivery.clinic.id, (order_name(update) for update in updates.values()))
    whose = Whose(delivery.clinic, list(updates.values()))

    def attributed(update: SpecialOrderUpdate) -> SpecialOrderMessage:
        patient_id = whose.patient_of(update, received_at)
        return SpecialOrderMessage(update, patient_id, received_at, delivery.id)

    messages, unattributed = sort_out(updates.items(), attributed)
    results = store_special_orders_told(clinic=delivery.clinic, events=list(messages.values()))
    if sent := [update.request_id for update in updates.values() if update.status in SENT]:
        note_orders_sent(delivery.clinic, sent)
    return in_order(unreadable | unattributed | dict(zip(messages, results, strict=True)))


DELIVERIES = {DeliveryKind.SPECIAL_ORDERS: store_special_orders}
REQUESTS = {
    RequestKind.REPLACEMENT_CREATE: Handler(
        check=check_still_meant(Replacement),
        payload=replacement_to_send,
        answer=store_replacement,
        failed=not_sent(Replacement),
    ),
    RequestKind.REPLACEMENT_DELETE: Handler(answer=withdrawn(Replacement), failed=not_withdrawn(Replacement)),
    RequestKind.REPLACEMENTS: Handler(answer=store_replacements, failed=not_listed),
    RequestKind.SUPPLY_CREATE: Handler(
        check=check_still_meant(SupplyRequest),
        payload=supply_to_send,
        answer=store_supply_request,
        failed=not_sent(SupplyRequest),
    ),
    RequestKind.SUPPLY_DELETE: Handler(answer=withdrawn(SupplyRequest), failed=not_withdrawn(SupplyRequest)),
    RequestKind.SUPPLY_REQUESTS: Handler(answer=store_supply_requests, failed=module_closed),
    RequestKind.SUPPLY_TYPES: Handler(answer=store_types, failed=no_types),
    RequestKind.BULK_ORDERS: Handler(answer=store_bulk_orders, failed=not_listed),
}
