"""Store measurement deliveries and the readings that were fetched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from measurements.elements import settle
from measurements.reconcile import not_fetched, store_fetched
from tenovi.models import Delivery, RequestKind
from tenovi.models.ledger import DeliveryKind
from tenovi.registry import ElementResult, Handler


def store_delivery(delivery: Delivery, elements: Sequence[Any]) -> list[ElementResult]:
    """Settle the elements of a webhook, or of what was fetched and had to wait."""
    return settle(
        delivery.clinic,
        elements,
        received_at=delivery.received_at,
        source="fetch" if delivery.fetched else "webhook",
        delivery_id=delivery.id,
    )


DELIVERIES = {DeliveryKind.MEASUREMENTS: store_delivery}
REQUESTS = {
    RequestKind.MEASUREMENTS: Handler(answer=store_fetched, failed=not_fetched),
    RequestKind.MEASUREMENTS_OF_PATIENT: Handler(answer=store_fetched, failed=not_fetched),
}
