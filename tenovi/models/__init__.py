from tenovi.models.ledger import Delivery, DeliveryItem, RefusalCount
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
    "Heartbeat",
    "KeyTurn",
    "ParkedKey",
    "Priority",
    "RefusalCount",
    "Request",
    "RequestKind",
    "RequestState",
    "VendorWebhook",
    "WebhookDraft",
]
