"""What this room does with fulfillment and special-order deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common.locks import hold
from devices.queries import known_devices
from fulfillment.shipments.attribution import event_for
from fulfillment.shipments.payload import DeviceNews, read_device_news
from fulfillment.shipments.store import DeviceEvent, Outcome, store_events
from fulfillment.special_orders.actions import note_replaced
from tenovi.inbound.element import Doubtful
from tenovi.models import Delivery
from tenovi.registry import Verdict

EVENT_REASONS: dict[Outcome, str] = {"stored": "", "duplicate": "repeated_event"}
SENT = ("Shipped", "Delivered")


def store_fulfillment(delivery: Delivery, elements: Sequence[Any]) -> list[Verdict]:
    """One verdict per element of a fulfillment delivery."""
    verdicts: dict[int, Verdict] = {}
    news: dict[int, DeviceNews] = {}
    for index, element in enumerate(elements):
        try:
            news[index] = read_device_news(element)
        except Doubtful as doubt:
            verdicts[index] = Verdict("quarantined", doubt.reason, doubt.hwi_device_id)
    named = {each.hwi_device_id for each in news.values()}
    hold(delivery.clinic.id, (device.bytes for device in named))
    devices = known_devices(delivery.clinic, named)
    events: dict[int, DeviceEvent] = {}
    for index, each in news.items():
        try:
            known = devices.get(each.hwi_device_id)
            events[index] = event_for(each, known, received_at=delivery.received_at, delivery_id=delivery.id)
        except Doubtful as doubt:
            verdicts[index] = Verdict("quarantined", doubt.reason, each.hwi_device_id)
    outcomes = store_events(clinic=delivery.clinic, events=list(events.values()))
    if exchanged := [each.device_id for each in events.values() if each.news.status == "Replaced"]:
        note_replaced(delivery.clinic, exchanged)
    verdicts |= {
        index: Verdict(outcome, EVENT_REASONS[outcome])
        for index, outcome in zip(events, outcomes, strict=True)
    }
    return [verdicts[index] for index in range(len(elements))]
