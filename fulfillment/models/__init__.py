"""Orders of devices, the parcels they become, and what else was asked for."""

from fulfillment.models.at_most_once import AtMostOnce
from fulfillment.models.events import RequestEvent
from fulfillment.models.orders import Order, ShipBy
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
    "AtMostOnce",
    "FulfillmentEvent",
    "Order",
    "OrderMessage",
    "Replacement",
    "RequestEvent",
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
