from tenovi.models.ledger import Delivery, DeliveryItem, DoorCount
from tenovi.models.queue import (
    Call,
    Heartbeat,
    KeyTurn,
    ParkedKey,
    Priority,
    Request,
    RequestKind,
    RequestState,
)
from tenovi.models.webhooks import VendorWebhook, WebhookDraft

__all__ = [
    "Call",
    "Delivery",
    "DeliveryItem",
    "DoorCount",
    "Heartbeat",
    "KeyTurn",
    "ParkedKey",
    "Priority",
    "Request",
    "RequestKind",
    "RequestState",
    "VendorWebhook",
    "WebhookDraft",
]
