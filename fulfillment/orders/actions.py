"""Ordering devices: placing, taking back, and what a person decides about an order nobody is sure of.

An order is created at the vendor at most once. Placing writes rows; the queue sends them; what comes
back is in `fulfillment.at_most_once`.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from django.db import transaction

from clinics import audit
from clinics.models import Clinic, User
from common.locks import hold
from devices.actions.wanted import write_hardware
from devices.from_vendor import note_spellings
from devices.hardware import is_gateway_id, is_imei, normal_hardware_id
from devices.models import Device
from fulfillment.at_most_once.transitions import (
    Event,
    add_history,
    enqueue_creation,
    lock,
    transition,
)
from fulfillment.models import Order, ShipBy
from fulfillment.order_states import OrderState
from fulfillment.orders.candidates import candidates_for
from fulfillment.orders.clinic_shipping import to_ship
from fulfillment.orders.policy import confirm
from fulfillment.orders.validation import Line, Wanted, checked, in_the_way
from fulfillment.querysets import OrderQuerySet
from patients.models import Patient
from tenovi.models import Priority, RequestKind
from tenovi.outbound.enqueue import enqueue

PLACING = b"placing orders"
PATIENT_TO_PARCEL = {
    "name": "shipping_name",
    "address": "shipping_address",
    "city": "shipping_city",
    "state": "shipping_state",
    "zip_code": "shipping_zip_code",
}


class AlreadyOpen(Exception):
    """There is an open order for the same need: `order`."""

    def __init__(self, order: Order) -> None:
        super().__init__("An order for this is open.")
        self.order = order


class KeyUsed(Exception):
    """The idempotency key belongs to another order: `order`."""

    def __init__(self, order: Order) -> None:
        super().__init__("This key was used for another order.")
        self.order = order


class TooLate(Exception):
    """The order's state does not allow this any more; the text says why."""


@dataclass(frozen=True, slots=True)
class Placed:
    """`is_new` is False where the same key had placed these orders before."""

    orders: list[Order]
    is_new: bool


@transaction.atomic
def place_orders(
    *,
    clinic: Clinic,
    patient: Patient | None,
    by: User,
    wanted: Sequence[Wanted],
    idempotency_key: str,
    again: bool = False,
) -> Placed:
    """One order per line, all or none; the same key brings the same orders, however often.

    Without a `patient` the devices, which are in hand, are activated into stock. Raises `CannotOrder`, `KeyUsed`, or `AlreadyOpen` for a need that an open order stands for, unless
    a person says `again`. Orders of a clinic are placed one after the other.
    """
    hold(clinic.id, [PLACING])
    digest = _digest(patient, wanted, again)
    known = list(_with_patient(clinic).filter(idempotency_key=idempotency_key).order_by("line"))
    if known:
        if known[0].digest != digest:
            raise KeyUsed(known[0])
        return Placed(known, is_new=False)
    open_names = set()
    for one in wanted:
        before = _for_need(clinic, patient, one).newest_first().first()
        if before and not again:
            raise AlreadyOpen(before)
        if before:
            open_names.add(one.device_name)
    basket = uuid.uuid4()
    orders = [
        _order(clinic, patient, by, line, line.type.name in open_names)
        for line in checked(clinic, patient, wanted)
    ]
    for number, order in enumerate(orders):
        order.basket, order.line, order.idempotency_key, order.digest = (
            basket,
            number,
            idempotency_key,
            digest,
        )
        order.save(force_insert=True)
        whose = {"patient": str(patient.id)} if patient else {"into_stock": True}
        audited = {**whose, "ship_by": order.ship_by, "again": order.is_again}
        add_history(order, Event.PLACED, by=by, audited=audited)
        enqueue_creation(order)
    return Placed(orders, is_new=True)


@transaction.atomic
def cancel_order(*, order: Order, by: User, reason: str = "") -> Order:
    """Take an order back that has not been sent, or give up one that nobody could find. Raises `TooLate`,
    and ValueError without a reason for giving up."""
    locked = lock(Order, order.clinic, order.id)
    order = locked.row
    if order.state == OrderState.NEEDS_PERSON and not reason.strip():
        raise ValueError("Say why this order is given up.")
    if order.state not in (OrderState.QUEUED, OrderState.NEEDS_PERSON) or locked.is_on_its_way:
        raise TooLate(f"This order can no longer be cancelled: {order.get_state_display().lower()}.")
    transition(
        order, OrderState.CANCELLED, Event.CANCELLED, by=by, reason=reason, audited={"reason": reason[:500]}
    )
    locked.forget_request()
    return order


@transaction.atomic
def send_again(*, order: Order, by: User, reason: str) -> Order:
    """Send an order once more of which no trace was found at the vendor. Raises `TooLate`, and ValueError
    without a reason: if the first one arrived after all, a second parcel goes out."""
    if not reason.strip():
        raise ValueError("Say why it is safe to send this order again.")
    locked = lock(Order, order.clinic, order.id)
    order = locked.row
    if order.state != OrderState.NEEDS_PERSON:
        raise TooLate(f"This order is not waiting for a person: {order.get_state_display().lower()}.")
    audited = {"reason": reason[:500], "found": order.matches}
    transition(
        order,
        OrderState.QUEUED,
        Event.SENT_AGAIN,
        by=by,
        reason=reason,
        audited=audited,
        searches=0,
        matches=0,
    )
    locked.forget_request()
    enqueue_creation(order)
    return order


@transaction.atomic
def adopt_match(*, order: Order, device: Device, by: User) -> Order:
    """A person says that this device is what came of the order. Raises `TooLate` when it is settled, and
    ValueError for a device that cannot be it."""
    locked = lock(Order, order.clinic, order.id)
    order = locked.row
    if order.state not in (OrderState.UNCONFIRMED, OrderState.NEEDS_PERSON):
        raise TooLate(f"This order is not being looked for: {order.get_state_display().lower()}.")
    if not candidates_for(order).filter(id=device.id).exists():
        raise ValueError("This device cannot be what came of the order.")
    confirm(locked, device, Event.ADOPTED, by)
    return order


def _with_patient(clinic: Clinic) -> OrderQuerySet:
    return Order.objects.for_clinic(clinic).select_related("patient", "device")


def _for_need(clinic: Clinic, patient: Patient | None, wanted: Wanted) -> OrderQuerySet:
    """Find open orders for the same: into stock many may go, each on its own hardware."""
    same = _with_patient(clinic).for_need(patient, wanted.device_name)
    if patient is not None:
        return same
    hardware_id = normal_hardware_id(wanted.hardware_uuid)
    return same.filter(hardware_uuid=hardware_id, sensor_id=wanted.sensor_id.strip())


def _order(clinic: Clinic, patient: Patient | None, by: User, line: Line, is_again: bool) -> Order:
    wanted = line.wanted
    order = Order(
        clinic=clinic,
        patient=patient,
        placed_by=by,
        is_again=is_again,
        device_name=line.type.name,
        sensor_code=line.type.sensor_code,
        ship_by=wanted.ship_by,
        hardware_uuid=wanted.hardware_uuid,
        hardware_typed=line.hardware_typed,
        gateway_only=wanted.gateway_only,
        sensor_id=wanted.sensor_id,
        bluetooth_passkey=wanted.bluetooth_passkey,
        require_signature=wanted.require_signature,
        notify_emails=wanted.notify_emails,
        shipping_notes=wanted.shipping_notes,
    )
    if patient and wanted.ship_by != ShipBy.ON_SITE:
        for name, shipping_name in PATIENT_TO_PARCEL.items():
            setattr(order, shipping_name, getattr(patient, name))
    return order


def _digest(patient: Patient | None, wanted: Sequence[Wanted], again: bool) -> str:
    said = json.dumps(
        [str(patient.id) if patient else None, again, [asdict(one) for one in wanted]], sort_keys=True
    )
    return hashlib.sha256(said.encode()).hexdigest()


class CannotShip(Exception):
    """Nothing was recorded; the text says why."""


@transaction.atomic
def record_shipped(*, order: Order, hardware_uuid: str, by: User, tracking: str = "") -> None:
    """The parcel has left with this gateway or cellular device; the vendor is told. `tracking` is the
    carrier's link or number, for our own record. Raises `CannotShip`."""
    locked = lock(Order, order.clinic, order.id)
    order = locked.row
    if not to_ship(order.clinic).filter(id=order.id).exists() or order.device_id is None:
        raise CannotShip("This order does not wait for our own staff any more.")
    device = Device.objects.for_clinic(order.clinic).get(id=order.device_id)
    # Before the device is locked, as answers lock their request first.
    enqueue(order.clinic, RequestKind.DEVICE_UPDATE, str(device.hwi_device_id), priority=Priority.PERSON)
    device = Device.objects.for_clinic(order.clinic).locked().get(id=order.device_id)
    hardware_id = _write(device, hardware_uuid)
    add_history(
        order,
        Event.SHIPPED,
        by=by,
        text=f"With {hardware_id}.",
        detail={"tracking": tracking} if tracking else None,
        audited={"hwi_device_id": str(device.hwi_device_id)},
    )


@transaction.atomic
def correct_hardware(*, device: Device, hardware_uuid: str, by: User) -> None:
    """Give the device the Gateway ID or IMEI that is printed on it; the vendor is told. Raises `CannotShip`."""
    # Before the device is locked, as answers lock their request first.
    enqueue(
        device.clinic,
        RequestKind.DEVICE_UPDATE,
        str(device.hwi_device_id),
        priority=Priority.PERSON,
        insist=True,
    )
    device = Device.objects.for_clinic(device.clinic).select_related("clinic").locked().get(id=device.id)
    before = device.hardware_uuid
    if normal_hardware_id(hardware_uuid) == before:
        raise CannotShip("This is the id that it has already.")
    _write(device, hardware_uuid)
    detail = {"hardware_uuid": [before, device.hardware_uuid]}
    audit.record("device_hardware_corrected", by=by, clinic=device.clinic, target=device, detail=detail)


@transaction.atomic
def note_told(*, order: Order, by: User, said: str) -> None:
    """Somebody has asked or told the vendor about this order outside of Vitaldays."""
    add_history(lock(Order, order.clinic, order.id).row, Event.TOLD, by=by, text=said)


def _write(device: Device, hardware_uuid: str) -> str:
    """Write the hardware of a locked device, by normal id; returns that. Raises `CannotShip`."""
    hardware_id = normal_hardware_id(hardware_uuid)
    if device.sensor_code and not is_gateway_id(hardware_id):
        raise CannotShip("This is no Gateway ID: it has 12 characters, 0 to 9 and A to F.")
    if not device.sensor_code and not is_imei(hardware_id):
        raise CannotShip("This is no IMEI: it has 15 digits, and the last one checks the others.")
    taken = in_the_way(device.clinic, hardware_id, device.sensor_code, device.sensor_id).exclude(id=device.id)
    if taken.exists():
        raise CannotShip(
            "Another device of this kind sends through it. Unlink that one first, or take another."
        )
    write_hardware(device, hardware_id)
    note_spellings(device.clinic, [hardware_uuid], is_news=True)
    return hardware_id
