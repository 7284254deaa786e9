"""Orders in lists, and what their page says beside their history: the work they make, and how long they take."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse

from clinics.models import Clinic
from fulfillment.models import FulfillmentEvent, Order, ShipBy, Shipment
from fulfillment.order_states import OrderState
from fulfillment.orders.history import meaning_of, sentence_of, stage_of, turn_of
from fulfillment.shipments.durations import Leg, parts_of, usual_days
from fulfillment.shipments.rows import Person
from fulfillment.shipments.tracking import Tracking, tracking_of
from fulfillment.vendor_statuses import status_named


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One order. `person` is None for what goes into stock. `stage` and `word` are its state here, or the vendor's status once it is confirmed."""

    id: uuid.UUID
    url: str
    person: Person | None
    device: str
    how: str
    hardware_uuid: str
    stage: str
    word: str
    meaning: str
    next_step: str
    placed_at: datetime.datetime
    tracking: Tracking


def order_row(clinic: Clinic, order: Order, shipment: Shipment | None = None) -> OrderRow:
    """A row of an order that knows its patient and device."""
    state = OrderState(order.state)
    status = status_named(order.vendor_status) if state == OrderState.CONFIRMED else None
    known = (shipment.hardware_uuid if shipment else "") or (
        order.device.hardware_uuid if order.device else ""
    )
    return OrderRow(
        id=order.id,
        url=reverse("order", args=[clinic.slug, order.id]),
        person=Person.of(order.patient, clinic) if order.patient else None,
        device=order.device_name + (" (gateway only)" if order.gateway_only else ""),
        how=order.way,
        hardware_uuid=known or order.hardware_uuid,
        stage=stage_of(order),
        word=status.name if status else str(state.label),
        meaning=meaning_of(order) if status else "",
        next_step=turn_of(order) if status else sentence_of(order),
        placed_at=order.created_at,
        tracking=tracking_of(shipment.tracking_link if shipment else ""),
    )


def order_rows(clinic: Clinic, orders: Sequence[Order]) -> list[OrderRow]:
    """Rows of orders that know their patients and devices. One query for where those are."""
    devices = [order.device_id for order in orders if order.device_id]
    told = Shipment.objects.for_clinic(clinic).filter(device__in=devices)
    shipments = {one.device_id: one for one in told}
    return [order_row(clinic, order, shipments.get(order.device_id or uuid.UUID(int=0))) for order in orders]


def parts_of_order(order: Order, events: Sequence[FulfillmentEvent], now: datetime.datetime) -> list[Leg]:
    """How long each part of its way took; none before Tenovi has confirmed it."""
    if order.state != OrderState.CONFIRMED or order.vendor_status == "Unlinked" or order.is_for_stock:
        return []
    parts = parts_of(order.created_at, events, usual_days(order.clinic), now)
    return parts[-1:] if order.ship_by == ShipBy.ON_SITE else parts  # nothing travelled
