"""A patient's parcels, for the patient page."""

from __future__ import annotations

from typing import Any

from fulfillment.access import special_orders_of
from fulfillment.models import Order, Shipment
from fulfillment.order_states import OrderState
from fulfillment.orders.rows import order_rows as placed_rows
from fulfillment.shipments.rows import shipment_rows
from fulfillment.special_orders.rows import special_order_rows
from patients.models import Patient

SHOWN = 4  # of each sort: older ones are in the lists


def parcels_of(patient: Patient) -> dict[str, Any]:
    """Return what `dashboard/_shipping.html` shows.

    `rows` are the devices that are not in use yet, or else the one with the latest news. Of the orders `placed`
    are those that Tenovi has not confirmed, `latest` the others. `orders` are special orders.
    """
    shipments = Shipment.objects.of_patient(patient).select_related("device").order_by("-since", "-id")
    rows = shipment_rows(patient.clinic, list(shipments))
    orders = special_orders_of(patient).order_by("-received_at", "-id")
    placed = Order.objects.for_clinic(patient.clinic).of_patient(patient).select_related("patient", "device")
    waiting = placed.exclude(state__in=[OrderState.CONFIRMED, OrderState.CANCELLED]).newest_first()
    return {
        "placed": placed_rows(patient.clinic, list(waiting[:SHOWN])),
        "latest": placed_rows(
            patient.clinic, list(placed.filter(state=OrderState.CONFIRMED).newest_first()[:SHOWN])
        ),
        "rows": [row for row in rows if row.next_step][:SHOWN] or rows[:1],
        "orders": special_order_rows(patient.clinic, orders[:SHOWN]),
    }
