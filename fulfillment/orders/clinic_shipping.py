"""Find the orders that our own staff has to ship."""

from __future__ import annotations

from django.db.models import Exists, OuterRef

from clinics.models import Clinic
from fulfillment.at_most_once.transitions import Event
from fulfillment.models import Order, RequestEvent, ShipBy
from fulfillment.order_states import OrderState
from fulfillment.querysets import OrderQuerySet


def to_ship(clinic: Clinic) -> OrderQuerySet:
    """Return the confirmed orders that our own staff has not shipped yet, the oldest first."""
    packed = RequestEvent.objects.for_clinic(clinic).filter(order=OuterRef("pk"), what=Event.SHIPPED)
    orders = Order.objects.for_clinic(clinic).filter(ship_by=ShipBy.CLINIC, state=OrderState.CONFIRMED)
    waiting = orders.filter(~Exists(packed), vendor_status="Pending Shipment", device__isnull=False)
    return waiting.select_related("patient", "device", "placed_by").order_by("created_at", "id")
