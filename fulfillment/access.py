"""The only way a view obtains orders, shipping events, shipments and special orders."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from typing import TypeVar

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.shortcuts import get_object_or_404

from clinics.access import ClinicAccess
from clinics.models import Clinic
from devices.hardware import normal_hardware_id
from fulfillment.models import (
    FulfillmentEvent,
    Order,
    Shipment,
    SpecialOrder,
    SpecialOrderEvent,
    SpecialOrderRequest,
)
from fulfillment.querysets import (
    OrderQuerySet,
    ShipmentQuerySet,
    SpecialOrderQuerySet,
    SpecialOrderRequestQuerySet,
)
from patients.models import Patient

A = TypeVar("A", bound=SpecialOrderRequest)


def events_of(orders: Iterable[Order]) -> dict[uuid.UUID, list[FulfillmentEvent]]:
    """What the vendor told about the device of each order, oldest first, by the device's id."""
    found: defaultdict[uuid.UUID, list[FulfillmentEvent]] = defaultdict(list)
    devices = {order.device_id: order.clinic_id for order in orders if order.device_id}
    events = FulfillmentEvent.objects.across_clinics().filter(device__in=list(devices))
    for event in events.filter(clinic__in=set(devices.values())).order_by("received_at", "id"):
        found[event.device_id].append(event)
    return found


def events_for(access: ClinicAccess) -> QuerySet[FulfillmentEvent]:
    return FulfillmentEvent.objects.for_clinic(access.clinic).select_related("device", "patient")


def shipments_for(access: ClinicAccess, text: str = "") -> ShipmentQuerySet:
    """Return this clinic's shipments; with `text`, those whose patient or whose hardware or tracking link,
    now or in an earlier event, contains it."""
    shipments = Shipment.objects.for_clinic(access.clinic)
    if not text:
        return shipments
    patients = Patient.objects.for_clinic(access.clinic).matching(text).values("id")
    events = FulfillmentEvent.objects.for_clinic(access.clinic).mentioning(text)
    told = Exists(events.filter(device=OuterRef("device")))
    hardware = normal_hardware_id(text)
    theirs = Q(device__hardware_uuid__contains=hardware) if hardware else Q()
    return shipments.with_holder().filter(Q(holder_id__in=patients) | told | theirs)


def orders_for(access: ClinicAccess, text: str = "") -> OrderQuerySet:
    """This clinic's orders, with their patient and device; with `text`, those that mention it or whose
    parcel has it in its tracking link or hardware id, now or earlier."""
    orders = Order.objects.for_clinic(access.clinic).select_related(
        "clinic", "patient", "device", "placed_by"
    )
    if not text:
        return orders
    told = FulfillmentEvent.objects.for_clinic(access.clinic).mentioning(text).values("device")
    named = Order.objects.for_clinic(access.clinic).matching(text).values("id")
    return orders.filter(Q(id__in=named) | Q(device__in=told))


def order_for(access: ClinicAccess, order_id: uuid.UUID) -> Order:
    """This clinic's order; 404 on a miss."""
    return get_object_or_404(orders_for(access), id=order_id)


def special_orders_for(access: ClinicAccess, text: str = "") -> SpecialOrderQuerySet:
    """This clinic's special orders with their steps; with `text`, those that mention it."""
    orders = _with_steps(SpecialOrder.objects.for_clinic(access.clinic), access.clinic)
    return orders.matching(text) if text else orders


def special_orders_of(patient: Patient) -> SpecialOrderQuerySet:
    """The special orders for a patient, with their steps."""
    return _with_steps(SpecialOrder.objects.of_patient(patient), patient.clinic)


def special_orders_called(clinic: Clinic, request_ids: Iterable[str]) -> SpecialOrderQuerySet:
    """The special orders with these ids of the vendor's, with their steps."""
    named = SpecialOrder.objects.for_clinic(clinic).filter(request_id__in=list(request_ids))
    return _with_steps(named, clinic)


def special_order_for(access: ClinicAccess, special_order_id: uuid.UUID) -> SpecialOrder:
    """This clinic's special order with its steps; 404 on a miss."""
    return get_object_or_404(special_orders_for(access), id=special_order_id)


def asks_for(access: ClinicAccess, model: type[A], text: str = "") -> SpecialOrderRequestQuerySet[A]:
    """This clinic's replacements or supply requests; with `text`, those that mention it."""
    asks: SpecialOrderRequestQuerySet[A] = model.objects.for_clinic(access.clinic)  # type: ignore[assignment]
    known = asks.select_related("device", "patient", "asked_by")
    return known.matching(text) if text else known


def ask_in(access: ClinicAccess, model: type[A], ask_id: uuid.UUID) -> A:
    """This clinic's replacement or supply request; 404 on a miss."""
    return get_object_or_404(asks_for(access, model), id=ask_id)


def _with_steps(orders: SpecialOrderQuerySet, clinic: Clinic) -> SpecialOrderQuerySet:
    steps = SpecialOrderEvent.objects.for_clinic(clinic).oldest_first()
    return orders.select_related("patient").prefetch_related(Prefetch("events", queryset=steps))
