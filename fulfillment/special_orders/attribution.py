"""Find whose a special order is."""

from __future__ import annotations

import datetime
import uuid

from clinics.models import Clinic
from devices.queries import registered_devices
from fulfillment.shipments.attribution import check_patient
from fulfillment.special_orders.payload import SpecialOrderUpdate
from patients.queries import patients_named


def order_name(news: SpecialOrderUpdate) -> bytes:
    """What a special order is locked by."""
    return f"special order {news.request_id}".encode()


class Whose:
    """Finds whom special orders are for: the patient they name, or who has the device they name."""

    def __init__(self, clinic: Clinic, news: list[SpecialOrderUpdate]) -> None:
        self.devices = registered_devices(clinic, {each.hwi_device_id for each in news if each.hwi_device_id})
        self.patients = patients_named(clinic, {each.patient_id for each in news if each.patient_id})

    def patient_of(self, news: SpecialOrderUpdate, received_at: datetime.datetime) -> uuid.UUID | None:
        """Raises `Untrusted` when device and payload name different patients."""
        device = self.devices.get(news.hwi_device_id) if news.hwi_device_id else None
        holding = device.assignment_at(received_at, news.patient_id) if device else None
        check_patient(news.patient_id, holding, received_at, news.hwi_device_id)
        return holding.patient_id if holding else self.patients.get(news.patient_id)
