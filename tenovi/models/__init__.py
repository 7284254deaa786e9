from tenovi.models.ledger import Delivery, DeliveryItem, DoorCount
from tenovi.models.queue import (
    Call,
    Heartbeat,
    ParkedKey,
    Priority,
    Request,
    RequestKind,
    RequestState,
)

__all__ = [
    "Call",
    "Delivery",
    "DeliveryItem",
    "DoorCount",
    "Heartbeat",
    "ParkedKey",
    "Priority",
    "Request",
    "RequestKind",
    "RequestState",
]
