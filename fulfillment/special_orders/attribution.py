"""Find whose a special order is."""

from __future__ import annotations

import datetime
import uuid

from clinics.models import Clinic
from devices.queries import known_devices
from fulfillment.shipments.attribution import check_patient
from fulfillment.special_orders.payload import OrderNews
from patients.queries import patients_named
from tenovi.inbound.element import Doubtful


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
            check_patient(news.patient_id, holding, received_at)
        except Doubtful as doubt:
            raise Doubtful(doubt.reason, news.hwi_device_id) from None
        return holding.patient_id if holding else self.patients.get(news.patient_id)
