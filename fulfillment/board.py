"""Parcels in columns: orders that Tenovi has not confirmed, then devices by where they are."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from django.urls import reverse

from clinics.access import ClinicAccess
from fulfillment.access import orders_for
from fulfillment.models import Order
from fulfillment.order_states import OrderState
from fulfillment.orders.rows import OrderRow, order_rows
from fulfillment.querysets import ShipmentQuerySet
from fulfillment.shipments.rows import ShipmentRow, shipment_rows
from fulfillment.tabs import address
from fulfillment.vendor_statuses import Stage

MOST_CARDS = 12
SHOWN = (Stage.NEEDS_YOU, Stage.PREPARING, Stage.TRAVELLING, Stage.DELIVERED)
NOT_CONFIRMED = {
    Stage.NEEDS_YOU: (OrderState.NEEDS_PERSON, OrderState.REFUSED),
    Stage.PREPARING: (OrderState.QUEUED, OrderState.SENDING, OrderState.UNCONFIRMED),
}


@dataclass(frozen=True, slots=True)
class Card:
    title: str
    url: str
    person: str
    word: str
    stage: str
    since: datetime.datetime
    note: str


@dataclass(frozen=True, slots=True)
class Column:
    """One stage: at most `MOST_CARDS`, the newest at the top; `url` lists them all."""

    label: str
    stage: Stage
    total: int
    cards: list[Card]
    url: str

    @property
    def more(self) -> bool:
        return self.total > len(self.cards)


def columns(
    access: ClinicAccess, found: ShipmentQuerySet, per_stage: Mapping[str, int], text: str
) -> list[Column]:
    """The stages of what is under way; what is in use is in the table."""
    return [_column(access, found, stage, per_stage.get(stage, 0), text) for stage in SHOWN]


def _column(access: ClinicAccess, found: ShipmentQuerySet, stage: Stage, parcels: int, text: str) -> Column:
    waiting = orders_for(access, text).filter(state__in=NOT_CONFIRMED.get(stage, ()))
    orders = order_rows(access.clinic, list(waiting.newest_first()[:MOST_CARDS]))
    newest = found.in_stage(stage).select_related("device").order_by("-since", "-id")[:MOST_CARDS]
    shipped = list(newest)
    placed = Order.objects.for_clinic(access.clinic).filter(device__in=[one.device_id for one in shipped])
    pages = {
        device_id: reverse("order", args=[access.clinic.slug, order_id])
        for device_id, order_id in placed.values_list("device_id", "id")
    }
    rows = zip(shipped, shipment_rows(access.clinic, shipped), strict=True)
    cards = [_of_order(row) for row in orders]
    for shipment, row in rows:
        device = reverse("device", args=[access.clinic.slug, shipment.device_id])
        cards.append(_of_parcel(row, pages.get(shipment.device_id, device)))
    return Column(
        label=str(stage.label),
        stage=stage,
        total=parcels + (waiting.count() if stage in NOT_CONFIRMED else 0),
        cards=cards[:MOST_CARDS],
        url=address(stage=stage.value, search=text),
    )


def _of_order(row: OrderRow) -> Card:
    name = row.person.name if row.person else "into stock"
    return Card(row.device, row.url, name, row.word, row.stage, row.placed_at, row.next_step)


def _of_parcel(row: ShipmentRow, url: str) -> Card:
    name = row.person.name if row.person else "nobody yet"
    return Card(row.device, url, name, row.status.name, row.stage, row.since, row.next_step)
