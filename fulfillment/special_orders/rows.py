"""Build the rows that show special orders."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from clinics.models import Clinic
from fulfillment.models import SpecialOrder
from fulfillment.shipments.rows import Person
from fulfillment.shipments.tracking import Tracking, tracking_of
from fulfillment.vendor_statuses import Status, order_status_named
from tenovi.strict_json import storable_text

ORDER_TYPES = {
    "DE": "Demo",
    "BU": "Bulk",
    "SU": "Supplies",
    "RE": "Replacement",
    "RL": "Return label",
}


CONTENTS_SHOWN = 4


@dataclass(frozen=True, slots=True)
class SpecialOrderRow:
    """A special order. `steps` are statuses with the vendor's time, or ours where it gave none; the tracking
    link outlives messages that have none."""

    number: str
    url: str
    kind: str
    person: Person | None
    contents: list[str]
    units: int
    status: Status
    since: datetime.datetime
    tracking: Tracking
    steps: list[tuple[str, datetime.datetime]]


def special_order_rows(clinic: Clinic, orders: Iterable[SpecialOrder]) -> list[SpecialOrderRow]:
    return [_order_row(clinic, order) for order in orders]


def _order_row(clinic: Clinic, order: SpecialOrder) -> SpecialOrderRow:
    person = Person("", order.named_patient) if order.named_patient else None
    steps = order.events.all()
    links = [order.tracking_link, *(step.tracking_link for step in reversed(steps))]
    return SpecialOrderRow(
        number=order.order_number or order.request_id,
        url=reverse("special-order", args=[clinic.slug, order.id]),
        kind=ORDER_TYPES.get(order.order_type.upper(), order.order_type or "Order"),
        person=Person.of(order.patient, clinic) if order.patient else person,
        contents=contents_in_words(order.contents),
        units=units_in(order.manifest),
        status=order_status_named(order.status),
        since=order.updated_on or order.received_at,
        tracking=tracking_of(next(filter(None, links), "")),
        steps=[(step.status, step.updated_on or step.received_at) for step in steps],
    )


def contents_in_words(contents: Any, shown: int = CONTENTS_SHOWN) -> list[str]:
    """`2 × Gateway` for each line that names something; the vendor's shape is not relied on."""
    lines = []
    for item in contents if isinstance(contents, list) else []:
        name = storable_text(item.get("name"), 100) if isinstance(item, dict) else ""
        if name:
            quantity = storable_text(item.get("quantity"), 10)
            lines.append(f"{quantity} × {name}" if quantity else name)
    hidden = len(lines) - shown
    return [*lines[:shown], f"and {hidden} more"] if hidden > 0 else lines


def pieces_in(manifest: Any) -> dict[str, list[str]]:
    """The Gateway IDs and IMEIs that a manifest lists."""
    lists = manifest if isinstance(manifest, dict) else {}
    found = {"Gateways": lists.get("gateway_ids"), "IMEIs": lists.get("imeis")}
    return {
        label: [storable_text(one, 64) for one in ids]
        for label, ids in found.items()
        if isinstance(ids, list) and ids
    }


def units_in(manifest: Any) -> int:
    """How many pieces of hardware a manifest lists."""
    return sum(map(len, pieces_in(manifest).values()))
