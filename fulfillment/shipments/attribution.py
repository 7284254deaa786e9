"""Find whose a shipping event is."""

from __future__ import annotations

import datetime
import uuid

from devices.queries import AssignmentPeriod, RegisteredDevice
from fulfillment.shipments.payload import ShipmentUpdate
from fulfillment.shipments.store import ShipmentEvent
from tenovi.inbound.element import Untrusted


def attribute_event(
    news: ShipmentUpdate,
    device: RegisteredDevice | None,
    *,
    received_at: datetime.datetime,
    delivery_id: uuid.UUID | None = None,
) -> ShipmentEvent:
    """The news with its device and who has that. Raises `Untrusted` when that cannot be."""
    if device is None:
        raise Untrusted("unknown_device", news.hwi_device_id)
    holding = device.assignment_at(received_at, news.patient_id)
    check_patient(news.patient_id, holding, received_at, news.hwi_device_id)
    patient_id = holding.patient_id if holding else None
    return ShipmentEvent(news, device.id, patient_id, received_at, delivery_id)


def check_patient(
    named: str,
    holding: AssignmentPeriod | None,
    moment: datetime.datetime,
    hwi_device_id: uuid.UUID | None,
) -> None:
    """Raises `Untrusted` when the payload names another patient than had the device."""
    if holding and named and not holding.goes_by(named, moment):
        raise Untrusted("wrong_patient", hwi_device_id)
