"""What our own staff ships: which orders wait for it, and recording the hardware that was packed."""

from __future__ import annotations

from django.db.models import Exists, OuterRef

from clinics.models import Clinic
from fulfillment.models import Order, OrderStep, ShipBy
from fulfillment.order_states import OrderState
from fulfillment.orders.transitions import Event
from fulfillment.querysets import OrderQuerySet


def to_ship(clinic: Clinic) -> OrderQuerySet:
    """Confirmed orders that our own staff has not shipped yet, the oldest first."""
    packed = OrderStep.objects.for_clinic(clinic).filter(order=OuterRef("pk"), what=Event.SHIPPED)
    mine = Order.objects.for_clinic(clinic).filter(ship_by=ShipBy.CLINIC, state=OrderState.CONFIRMED)
    waiting = mine.filter(~Exists(packed), vendor_status="Pending Shipment", device__isnull=False)
    return waiting.select_related("patient", "device", "placed_by").order_by("created_at", "id")
