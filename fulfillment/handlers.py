"""What this room does with fulfillment and special-order deliveries."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from typing import Any

from clinics.locks import hold
from clinics.models import Clinic
from devices.handlers import store_devices
from devices.queries import Holding, KnownDevice, known_devices
from fulfillment.actions import DeviceEvent, OrderEvent, Outcome, store_events, store_orders
from fulfillment.asks import note_orders_sent, note_replaced
from fulfillment.order_outcomes import looked
from fulfillment.reading import DeviceNews, OrderNews, read_device_news, read_order_news
from patients.queries import patients_named
from tenovi import shapes
from tenovi.elements import Doubtful
from tenovi.models import Delivery, Request
from tenovi.registry import Verdict

EVENT_REASONS: dict[Outcome, str] = {"stored": "", "duplicate": "repeated_event"}
SENT = ("Shipped", "Delivered")
ORDER_REASONS: dict[Outcome, str] = {"stored": "", "duplicate": "no_newer_update", "updated": "newer_update"}


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
    hold(delivery.clinic, (device.bytes for device in named))
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


def store_special_orders(delivery: Delivery, elements: Sequence[Any]) -> list[Verdict]:
    """One verdict per element of a special-order delivery."""
    verdicts: dict[int, Verdict] = {}
    news: dict[int, OrderNews] = {}
    for index, element in enumerate(elements):
        try:
            news[index] = read_order_news(element, received_at=delivery.received_at)
        except Doubtful as doubt:
            verdicts[index] = Verdict("quarantined", doubt.reason)
    hold(delivery.clinic, (order_name(each) for each in news.values()))
    whose = Whose(delivery.clinic, list(news.values()))
    events: dict[int, OrderEvent] = {}
    for index, each in news.items():
        try:
            patient_id = whose.patient_of(each, delivery.received_at)
            events[index] = OrderEvent(each, patient_id, delivery.received_at, delivery.id)
        except Doubtful as doubt:
            verdicts[index] = Verdict("quarantined", doubt.reason, doubt.hwi_device_id)
    outcomes = store_orders(clinic=delivery.clinic, events=list(events.values()))
    if sent := [each.request_id for each in news.values() if each.status in SENT]:
        note_orders_sent(delivery.clinic, sent)
    verdicts |= {
        index: Verdict(outcome, ORDER_REASONS[outcome])
        for index, outcome in zip(events, outcomes, strict=True)
    }
    return [verdicts[index] for index in range(len(elements))]


def store_devices_looked_through(request: Request, answer: shapes.Page[shapes.Device]) -> int:
    """A page of the devices of a patient, or on some hardware; the number that could not be stored. An order
    may be among them."""
    failed = store_devices(request, answer)
    looked(
        request,
        is_last=answer.ended,
        is_whole=not (failed or answer.unusable),
    )
    return failed


def event_for(
    news: DeviceNews,
    device: KnownDevice | None,
    *,
    received_at: datetime.datetime,
    delivery_id: uuid.UUID | None = None,
) -> DeviceEvent:
    """The news with its device and who has that. Raises `Doubtful` when that cannot be."""
    if device is None:
        raise Doubtful("unknown_device")
    holding = device.holding_at(received_at, news.patient_id)
    _check_patient(news.patient_id, holding, received_at)
    patient_id = holding.patient_id if holding else None
    return DeviceEvent(news, device.id, patient_id, received_at, delivery_id)


def order_name(news: OrderNews) -> bytes:
    """What a special order is locked by."""
    return f"special order {news.request_id}".encode()


class Whose:
    """Finds whom special orders are for: the patient they name, or who has the device they name."""

    def __init__(self, clinic: Clinic, news: list[OrderNews]) -> None:
        self.devices = known_devices(clinic, {each.hwi_device_id for each in news if each.hwi_device_id})
        self.patients = patients_named(clinic, {each.patient_id for each in news if each.patient_id})

    def patient_of(self, news: OrderNews, received_at: datetime.datetime) -> uuid.UUID | None:
        """Raises `Doubtful` when device and payload name different patients."""
        device = self.devices.get(news.hwi_device_id) if news.hwi_device_id else None
        holding = device.holding_at(received_at, news.patient_id) if device else None
        try:
            _check_patient(news.patient_id, holding, received_at)
        except Doubtful as doubt:
            raise Doubtful(doubt.reason, news.hwi_device_id) from None
        return holding.patient_id if holding else self.patients.get(news.patient_id)


def _check_patient(named: str, holding: Holding | None, moment: datetime.datetime) -> None:
    if holding and named and not holding.goes_by(named, moment):
        raise Doubtful("wrong_patient")
