"""What this room does with the vendor's answers about replacements, supplies and bulk orders."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from django.utils import timezone

from clinics.models import Clinic
from common.locks import hold
from devices.hardware import normal_hardware_id
from devices.meant import check_same_holder
from devices.models import Assignment, Device
from fulfillment.at_most_once.search import list_failed, list_read
from fulfillment.at_most_once.sending import handler_of, not_created
from fulfillment.models import Replacement, SpecialOrder, SpecialOrderRequest, SupplyRequest
from fulfillment.order_states import OrderState
from fulfillment.special_orders import from_vendor
from fulfillment.special_orders.attribution import Whose, order_name
from fulfillment.special_orders.from_vendor import note_orders_sent, store_listed
from fulfillment.special_orders.payload import (
    SpecialOrderUpdate,
    bulk_order_update,
    read_special_order_update,
)
from fulfillment.special_orders.policy import REPLACEMENTS, SUPPLIES, requests_of
from fulfillment.special_orders.store import SpecialOrderMessage, store_special_orders_told
from fulfillment.special_orders.supply_types import note_module, store_supply_types
from tenovi.client import errors, order_records
from tenovi.client.records import Page
from tenovi.inbound.element import in_order, sort_out
from tenovi.models import Delivery, Request, RequestKind
from tenovi.models.ledger import DeliveryKind
from tenovi.registry import ElementResult, Handler

TEXT = 200
SENT = ("Shipped", "Delivered")


def check_still_meant(model: type[SpecialOrderRequest]) -> Callable[[Request], None]:
    """Return a check that refuses to send a part or supplies for a device that has changed hands since."""

    def check(request: Request) -> None:
        """Raise `NoLongerMeant` when another patient, or none, has the device by now."""
        queued = requests_of(model, request.clinic).in_states(OrderState.QUEUED).filter(id=request.target)
        order_request = queued.select_related("device__clinic").first()
        if order_request and order_request.device:
            again = "Ask again if it is to be sent for whoever has it now."
            check_same_holder(order_request.device, str(order_request.patient_id or ""), ask_again=again)

    return check


def store_replacements(request: Request, answer: Page[order_records.Replacement]) -> int:
    devices = _NamedDevices(request.clinic, (entry.hwi_device_id for entry in answer.results))
    store_listed(
        (
            Replacement(
                parts=[name[:TEXT] for name in entry.device_names],
                **devices.row(entry.id, entry.hwi_device_id, entry.created),
            ),
            entry.fulfilled,
        )
        for entry in answer.results
    )
    list_read(REPLACEMENTS, request, is_last=answer.ended, is_whole=not answer.unusable)
    return 0


def store_supply_requests(request: Request, answer: Page[order_records.SupplyRequest]) -> int:
    note_module(request.clinic, is_enabled=True)
    devices = _NamedDevices(request.clinic, (entry.hwi_device_id for entry in answer.results))
    store_listed(
        (
            SupplyRequest(
                supply_name=entry.supply_name,
                hardware_uuid=normal_hardware_id(entry.hardware_uuid)[:64],
                **devices.row(entry.id, entry.hwi_device_id, entry.created),
            ),
            entry.fulfilled,
        )
        for entry in answer.results
    )
    list_read(SUPPLIES, request, is_last=answer.ended, is_whole=not answer.unusable)
    return 0


def store_types(request: Request, answer: Page[order_records.SupplyType]) -> int:
    note_module(request.clinic, is_enabled=True)
    store_supply_types(clinic=request.clinic, records=answer.results, is_whole=answer.is_all)
    return 0


def withdrawn(model: type[SpecialOrderRequest]) -> Callable[[Request, Any], int]:
    def store(request: Request, answer: Any) -> int:
        from_vendor.withdrawn(request, model)
        return 0

    return store


def not_withdrawn(model: type[SpecialOrderRequest]) -> Callable[[Request, errors.VendorError | None], None]:
    def note(request: Request, error: errors.VendorError | None) -> None:
        from_vendor.not_withdrawn(request, model)
        _forget(request)

    return note


def supplies_not_created(request: Request, error: errors.VendorError | None) -> None:
    """Store what became of a request for supplies, and that the account lacks the module where that is why."""
    if isinstance(error, errors.NotAllowed):
        note_module(request.clinic, is_enabled=False, said=error.sentence)
    not_created(SUPPLIES, request, error)


def replacements_not_listed(request: Request, error: errors.VendorError | None) -> None:
    list_failed(REPLACEMENTS, request, error)
    not_listed(request, error)


def supplies_not_listed(request: Request, error: errors.VendorError | None) -> None:
    list_failed(SUPPLIES, request, error)
    module_closed(request, error)


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


class _NamedDevices:
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
    RequestKind.REPLACEMENT_CREATE: handler_of(REPLACEMENTS, check=check_still_meant(Replacement)),
    RequestKind.REPLACEMENT_DELETE: Handler(answer=withdrawn(Replacement), failed=not_withdrawn(Replacement)),
    RequestKind.REPLACEMENTS: Handler(answer=store_replacements, failed=replacements_not_listed),
    RequestKind.SUPPLY_CREATE: handler_of(
        SUPPLIES, check=check_still_meant(SupplyRequest), failed=supplies_not_created
    ),
    RequestKind.SUPPLY_DELETE: Handler(answer=withdrawn(SupplyRequest), failed=not_withdrawn(SupplyRequest)),
    RequestKind.SUPPLY_REQUESTS: Handler(answer=store_supply_requests, failed=supplies_not_listed),
    RequestKind.SUPPLY_TYPES: Handler(answer=store_types, failed=no_types),
    RequestKind.BULK_ORDERS: Handler(answer=store_bulk_orders, failed=not_listed),
}
