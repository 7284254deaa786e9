"""Shipments and special orders as pages show them."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils import timezone

from clinics.models import Clinic
from devices.models import Assignment
from fulfillment.models import Order, Shipment
from fulfillment.shipments.tracking import Tracking, tracking_of
from fulfillment.vendor_statuses import SILENT_AFTER_DELIVERY, Stage, Status, status_named
from patients.models import Patient
from tenovi import catalogue

NOTHING_TO_DO = {Stage.IN_USE, Stage.ENDED}
HAND_IT_OUT = "Once a patient gets it, say so on the device’s page: Tenovi is told."


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a parcel is for; `url` is "" for somebody we only know by the id the vendor gave."""

    name: str
    external_id: str
    url: str = ""

    @classmethod
    def of(cls, patient: Patient, clinic: Clinic) -> Person:
        return cls(str(patient), patient.external_id, reverse("patient", args=[clinic.slug, patient.id]))


@dataclass(frozen=True, slots=True)
class ShipmentRow:
    """A device and where it is. `since` is when we first heard so; `next_step` is "" where nothing is to do.
    `silent_days`: delivered so long ago, and no reading has come; 0 until that is worth a call. `next_url` is
    the page on which somebody acts, "" where nobody of the clinic can."""

    person: Person | None
    device: str
    hardware_uuid: str
    status: Status
    since: datetime.datetime
    tracking: Tracking
    silent_days: int = 0
    next_url: str = ""

    @property
    def stage(self) -> Stage:
        """What is delivered and stays silent needs the clinic."""
        return Stage.NEEDS_YOU if self.silent_days else self.status.stage

    @property
    def next_step(self) -> str:
        if self.silent_days:
            return f"Call the patient: no reading in {self.silent_days} days."
        if self.stage == Stage.DELIVERED and self.person is None:
            return HAND_IT_OUT
        return "" if self.stage in NOTHING_TO_DO else self.status.turn


def shipment_rows(clinic: Clinic, shipments: Sequence[Shipment]) -> list[ShipmentRow]:
    """Rows of shipments that know their device, each with who has it or had it last. Two queries."""
    devices = [shipment.device_id for shipment in shipments]
    held = Assignment.objects.for_clinic(clinic).filter(device__in=devices).select_related("patient")
    orders = dict(Order.objects.for_clinic(clinic).filter(device__in=devices).values_list("device_id", "id"))
    holders = {one.device_id: one for one in held.order_by("starts_at")}  # the last one stays
    rows, now = [], timezone.now()
    for shipment in shipments:
        last = holders.get(shipment.device_id)
        patient = last.patient if last else None
        kind = catalogue.kind(shipment.device.kind)
        status, order_id = status_named(shipment.status), orders.get(shipment.device_id)
        page = ("order", order_id) if order_id else ("device", shipment.device_id)
        rows.append(
            ShipmentRow(
                person=Person.of(patient, clinic) if patient else None,
                device=shipment.device.name or (kind.label if kind else "Device"),
                # A gateway replaced for another device moves this one too, without news of its own.
                hardware_uuid=shipment.device.hardware_uuid or shipment.hardware_uuid,
                status=status,
                since=shipment.since,
                tracking=tracking_of(shipment.tracking_link),
                next_url=reverse(page[0], args=[clinic.slug, page[1]]) if status.act else "",
                silent_days=silent_since_delivery(shipment, last, now),
            )
        )
    return rows


def silent_since_delivery(shipment: Shipment, held: Assignment | None, now: datetime.datetime) -> int:
    """Count the whole days since the delivery of a device that is silent, 0 before it is worth a call. `held`: who
    had it last. One that nobody has lies in stock, and one handed out later counts from then.

    The shipment knows its device; the vendor's word on its last reading is as old as the last sync."""
    if shipment.status != "Delivered" or held is None or held.ends_at is not None:
        return 0
    heard, since = shipment.device.last_measurement_at, max(shipment.since, held.starts_at)
    if now - since <= SILENT_AFTER_DELIVERY or (heard and heard >= shipment.since):
        return 0
    return (now - since).days
