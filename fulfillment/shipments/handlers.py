"""What this room does with fulfillment and special-order deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common.locks import hold
from devices.queries import registered_devices
from fulfillment.models import Replacement
from fulfillment.shipments.attribution import attribute_event
from fulfillment.shipments.payload import ShipmentUpdate, read_shipment_update
from fulfillment.shipments.store import Outcome, ShipmentEvent, store_events
from tenovi.inbound.element import Untrusted
from tenovi.models import Delivery
from tenovi.models.ledger import DeliveryKind
from tenovi.registry import ElementResult

EVENT_REASONS: dict[Outcome, str] = {"stored": "", "duplicate": "repeated_event"}


def store_fulfillment(delivery: Delivery, elements: Sequence[Any]) -> list[ElementResult]:
    """One verdict per element of a fulfillment delivery."""
    verdicts: dict[int, ElementResult] = {}
    news: dict[int, ShipmentUpdate] = {}
    for index, element in enumerate(elements):
        try:
            news[index] = read_shipment_update(element)
        except Untrusted as doubt:
            verdicts[index] = ElementResult("quarantined", doubt.reason, doubt.hwi_device_id)
    named = {each.hwi_device_id for each in news.values()}
    hold(delivery.clinic.id, (device.bytes for device in named))
    devices = registered_devices(delivery.clinic, named)
    events: dict[int, ShipmentEvent] = {}
    for index, each in news.items():
        try:
            known = devices.get(each.hwi_device_id)
            events[index] = attribute_event(
                each, known, received_at=delivery.received_at, delivery_id=delivery.id
            )
        except Untrusted as doubt:
            verdicts[index] = ElementResult("quarantined", doubt.reason, each.hwi_device_id)
    outcomes = store_events(clinic=delivery.clinic, events=list(events.values()))
    if exchanged := [each.device_id for each in events.values() if each.news.status == "Replaced"]:
        Replacement.objects.for_clinic(delivery.clinic).filter(device__in=exchanged).note_sent()
    verdicts |= {
        index: ElementResult(outcome, EVENT_REASONS[outcome])
        for index, outcome in zip(events, outcomes, strict=True)
    }
    return [verdicts[index] for index in range(len(elements))]


DELIVERIES = {DeliveryKind.FULFILLMENT: store_fulfillment}
