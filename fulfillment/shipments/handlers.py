"""Store fulfillment deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common.locks import hold
from devices.queries import registered_devices
from fulfillment.at_most_once.transitions import mark_sent_out
from fulfillment.models import Replacement
from fulfillment.shipments.attribution import attribute_event
from fulfillment.shipments.payload import ShipmentUpdate, read_shipment_update
from fulfillment.shipments.store import ShipmentEvent, store_events
from tenovi.inbound.element import in_order, sort_out
from tenovi.models import Delivery
from tenovi.models.ledger import DeliveryKind
from tenovi.registry import ElementResult


def store_fulfillment(delivery: Delivery, elements: Sequence[Any]) -> list[ElementResult]:
    """Store the elements of a fulfillment delivery. Locks their devices."""
    updates, unreadable = sort_out(enumerate(elements), read_shipment_update)
    named = {update.hwi_device_id for update in updates.values()}
    hold(delivery.clinic.id, (device.bytes for device in named))
    devices = registered_devices(delivery.clinic, named)

    def attributed(update: ShipmentUpdate) -> ShipmentEvent:
        device = devices.get(update.hwi_device_id)
        return attribute_event(update, device, received_at=delivery.received_at, delivery_id=delivery.id)

    events, unattributed = sort_out(updates.items(), attributed)
    results = store_events(clinic=delivery.clinic, events=list(events.values()))
    if replaced := [event.device_id for event in events.values() if event.news.status == "Replaced"]:
        mark_sent_out(Replacement.objects.for_clinic(delivery.clinic).filter(device__in=replaced))
    return in_order(unreadable | unattributed | dict(zip(events, results, strict=True)))


DELIVERIES = {DeliveryKind.FULFILLMENT: store_fulfillment}
