"""Store what the vendor tells about special orders. Order of arrival decides nothing that is shown."""

from __future__ import annotations

import datetime
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from clinics.models import Clinic
from fulfillment.models import (
    OrderMessage,
    SpecialOrder,
    SpecialOrderEvent,
)
from fulfillment.shipments.store import BATCH, NEVER
from fulfillment.special_orders.payload import SpecialOrderUpdate
from fulfillment.vendor_statuses import order_status_named
from tenovi.registry import STORED, ElementResult

UPDATED = ElementResult("updated", "newer_update")
NOT_NEWER = ElementResult("duplicate", "no_newer_update")


@dataclass(frozen=True, slots=True)
class SpecialOrderMessage:
    """News about a special order whose patient is decided."""

    news: SpecialOrderUpdate
    patient_id: uuid.UUID | None
    received_at: datetime.datetime
    delivery_id: uuid.UUID | None = None


ORDER_MEMBERS = (
    *("status", "order_number", "order_type", "hardware_uuid", "client_device_id", "tracking_link"),
    *("created_on", "updated_on", "contents", "manifest"),
)


SAID = ("tracking_link", "hardware_uuid", "client_device_id", "order_number", "order_type")


MESSAGE_MEMBERS = (*ORDER_MEMBERS, "named_patient", "patient_id", "received_at")


def store_special_orders_told(
    *, clinic: Clinic, events: Sequence[SpecialOrderMessage]
) -> list[ElementResult]:
    """Keep the newest message (by the vendor's `updated_on`) of each order in each status; the order
    itself shows the newest of those."""
    orders = _orders(clinic, {event.news.request_id for event in events})
    steps = _steps(clinic, orders.values())
    results: list[ElementResult] = []
    changed: dict[tuple[uuid.UUID, str], SpecialOrderEvent] = {}
    for event in events:
        order = orders.setdefault(
            event.news.request_id,
            SpecialOrder(
                clinic=clinic, request_id=event.news.request_id, first_received_at=event.received_at
            ),
        )
        step = _step(clinic, order, event)
        known = steps[order.id].get(step.status)
        if known and _said(step) <= _said(known):
            results.append(NOT_NEWER)
            continue
        results.append(UPDATED if known else STORED)
        steps[order.id][step.status] = changed[order.id, step.status] = step
    moved = {order_id for order_id, _ in changed}
    touched = [order for order in orders.values() if order.id in moved]
    for order in touched:
        _copy(max(steps[order.id].values(), key=_newness), order)
    _save(touched, changed.values())
    return results


def _said(step: SpecialOrderEvent) -> tuple[datetime.datetime, list[str]]:
    """Orders messages of one step: the newest last. Of two with the same time the one that says more is
    taken, so that the order of arrival decides nothing."""
    return step.updated_on or NEVER, [getattr(step, name) for name in SAID]


def _newness(step: SpecialOrderEvent) -> tuple[datetime.datetime, int, str]:
    return step.updated_on or NEVER, order_status_named(step.status).rank, step.status


def _orders(clinic: Clinic, request_ids: set[str]) -> dict[str, SpecialOrder]:
    found = SpecialOrder.objects.for_clinic(clinic).filter(request_id__in=sorted(request_ids))
    return {order.request_id: order for order in found}


def _steps(
    clinic: Clinic, orders: Iterable[SpecialOrder]
) -> defaultdict[uuid.UUID, dict[str, SpecialOrderEvent]]:
    steps: defaultdict[uuid.UUID, dict[str, SpecialOrderEvent]] = defaultdict(dict)
    for step in SpecialOrderEvent.objects.for_clinic(clinic).filter(order__in=list(orders)):
        steps[step.order_id][step.status] = step
    return steps


def _step(clinic: Clinic, order: SpecialOrder, event: SpecialOrderMessage) -> SpecialOrderEvent:
    return SpecialOrderEvent(
        clinic=clinic,
        order_id=order.id,
        named_patient=event.news.patient_id,
        patient_id=event.patient_id,
        received_at=event.received_at,
        delivery_id=event.delivery_id,
        **{name: getattr(event.news, name) for name in ORDER_MEMBERS},
    )


def _copy(step: OrderMessage, order: SpecialOrder) -> None:
    for name in MESSAGE_MEMBERS:
        setattr(order, name, getattr(step, name))


def _save(orders: list[SpecialOrder], steps: Iterable[SpecialOrderEvent]) -> None:
    columns = [name.removesuffix("_id") if name == "patient_id" else name for name in MESSAGE_MEMBERS]
    SpecialOrder.objects.bulk_create(
        orders,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["clinic", "request_id"],
        update_fields=columns,
    )
    SpecialOrderEvent.objects.bulk_create(
        steps,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["order", "status"],
        update_fields=[*(name for name in columns if name != "status"), "delivery_id"],
    )
