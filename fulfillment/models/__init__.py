"""Orders of devices, and the parcels they become."""

from fulfillment.models.orders import Order, OrderStep, ShipBy
from fulfillment.models.parcels import (
    FulfillmentEvent,
    OrderMessage,
    Shipment,
    SpecialOrder,
    SpecialOrderEvent,
)

__all__ = [
    "FulfillmentEvent",
    "Order",
    "OrderMessage",
    "OrderStep",
    "ShipBy",
    "Shipment",
    "SpecialOrder",
    "SpecialOrderEvent",
]
