"""What our own staff ships: which orders wait for it, and recording the hardware that was packed."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef

from clinics import audit
from clinics.models import Clinic, User
from devices.actions import note_spellings
from devices.hardware import is_gateway_id, is_imei, normal_hardware_id
from devices.models import Device
from devices.wanted import write_hardware
from fulfillment.models import Order, OrderStep, ShipBy
from fulfillment.order_checks import in_the_way
from fulfillment.order_steps import What, hold_order, note
from fulfillment.queries import OrderQuerySet
from fulfillment.states import OrderState
from tenovi.models import Priority, RequestKind
from tenovi.queue import ask


class CannotShip(Exception):
    """Nothing was recorded; the text says why."""


def to_ship(clinic: Clinic) -> OrderQuerySet:
    """Confirmed orders that our own staff has not shipped yet, the oldest first."""
    packed = OrderStep.objects.for_clinic(clinic).filter(order=OuterRef("pk"), what=What.SHIPPED)
    mine = Order.objects.for_clinic(clinic).filter(ship_by=ShipBy.CLINIC, state=OrderState.CONFIRMED)
    waiting = mine.filter(~Exists(packed), vendor_status="Pending Shipment", device__isnull=False)
    return waiting.select_related("patient", "device", "placed_by").order_by("created_at", "id")


@transaction.atomic
def record_shipped(*, order: Order, hardware_uuid: str, by: User, tracking: str = "") -> None:
    """The parcel has left with this gateway or cellular device; the vendor is told. `tracking` is the
    carrier's link or number, for our own record. Raises `CannotShip`."""
    held = hold_order(order.clinic, order.id)
    order = held.order
    if not to_ship(order.clinic).filter(id=order.id).exists() or order.device_id is None:
        raise CannotShip("This order does not wait for our own staff any more.")
    device = Device.objects.for_clinic(order.clinic).get(id=order.device_id)
    # Before the device is locked, as answers lock their request first.
    ask(order.clinic, RequestKind.DEVICE_UPDATE, str(device.hwi_device_id), priority=Priority.PERSON)
    device = Device.objects.for_clinic(order.clinic).locked().get(id=order.device_id)
    hardware_id = _write(device, hardware_uuid)
    note(
        order,
        What.SHIPPED,
        by=by,
        said=f"With {hardware_id}.",
        detail={"tracking": tracking} if tracking else None,
        audited={"hwi_device_id": str(device.hwi_device_id)},
    )


@transaction.atomic
def correct_hardware(*, device: Device, hardware_uuid: str, by: User) -> None:
    """Give the device the Gateway ID or IMEI that is printed on it; the vendor is told. Raises `CannotShip`."""
    # Before the device is locked, as answers lock their request first.
    ask(
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
    note(hold_order(order.clinic, order.id).order, What.TOLD, by=by, said=said)


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
