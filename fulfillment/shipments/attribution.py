"""Find whose a shipping event is."""

from __future__ import annotations

import datetime
import uuid

from devices.queries import Holding, KnownDevice
from fulfillment.shipments.payload import DeviceNews
from fulfillment.shipments.store import DeviceEvent
from tenovi.inbound.element import Doubtful


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
    check_patient(news.patient_id, holding, received_at)
    patient_id = holding.patient_id if holding else None
    return DeviceEvent(news, device.id, patient_id, received_at, delivery_id)


def check_patient(named: str, holding: Holding | None, moment: datetime.datetime) -> None:
    if holding and named and not holding.goes_by(named, moment):
        raise Doubtful("wrong_patient")
