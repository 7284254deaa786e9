"""Orders of devices, the parcels they become, and what else was asked for."""

from fulfillment.models.orders import Order, OrderStep, ShipBy
from fulfillment.models.shipments import (
    FulfillmentEvent,
    OrderMessage,
    Shipment,
    SpecialOrder,
    SpecialOrderEvent,
)
from fulfillment.models.special_orders import (
    STILL_OPEN,
    Replacement,
    SpecialOrderRequest,
    SpecialOrderRequestState,
    SupplyModule,
    SupplyRequest,
    SupplyType,
)

__all__ = [
    "STILL_OPEN",
    "FulfillmentEvent",
    "Order",
    "OrderMessage",
    "OrderStep",
    "Replacement",
    "ShipBy",
    "Shipment",
    "SpecialOrder",
    "SpecialOrderEvent",
    "SpecialOrderRequest",
    "SpecialOrderRequestState",
    "SupplyModule",
    "SupplyRequest",
    "SupplyType",
]
