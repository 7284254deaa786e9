"""Make the shipping history of simulated devices and special orders, as the vendor's webhooks report it.

Payloads have the members of `tests/payloads/fulfillment/` and `special-orders/`. The same clinic gives the
same history.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tenovi.sandbox.simulation import NAMESPACE, Clinic, Device, wire_time

Json = dict[str, Any]

DAY = timedelta(days=1)
LONGEST_JOURNEY = 6 * DAY
REPLACED_AGO = 20 * DAY
LINKS = (
    "https://www.ups.com/track?tracknum=1Z{:016}",
    "https://www.fedex.com/fedextrack/?trknbr={:012}",
    "tools.usps.com/go/TrackConfirmAction?tLabels={:022}",
)


class Step(NamedTuple):
    """One step of a journey. `at` is UTC. Hardware is named once it is chosen."""

    at: datetime
    status: str
    hardware: str = ""
    link: str = ""


def news(clinic: Clinic) -> Iterator[tuple[Json, datetime]]:
    """Yield the news about every device and when each was posted: device by device, in order."""
    for device in clinic.devices:
        for step in _journey(clinic, device):
            yield _payload(device, step), step.at


def special_orders(clinic: Clinic) -> Iterator[tuple[Json, datetime]]:
    """Yield a bulk order, supplies on their way to the first glucometer, and the replacement of a weak gateway."""
    until = clinic.until
    yield from _order(
        clinic,
        "BU",
        {"Pending": until - 44 * DAY, "Shipped": until - 42 * DAY, "Delivered": until - 39 * DAY},
        contents=[{"name": name, "quantity": 5, "kit_id": 7} for name in ("Tenovi BPM - L", "Gateway")],
        manifest={"gateway_ids": [f"{0xA1B2C3D4E500 + number:012X}" for number in range(5)], "imeis": []},
    )
    for device in clinic.devices:
        if "Glucometer" in device.name:
            steps = {"Pending": until - 4 * DAY, "Shipped": until - 2 * DAY}
            yield from _order(clinic, "SU", steps, device, [{"name": "Test strips, 50", "quantity": 2}])
            break
    for device in clinic.devices:
        if device.patient.persona.story == "weak":
            begun = until - REPLACED_AGO
            steps = {"Pending": begun - DAY, "Shipped": begun, "Delivered": begun + 3 * DAY}
            yield from _order(clinic, "RE", steps, device, [{"name": "Gateway", "quantity": 1}])
            break


def bulk_orders(clinic: Clinic) -> Iterator[Json]:
    """Yield the same bulk order as the REST list has it (https://docs.tenovi.com/hwi-api/bulk-orders)."""
    *_, (order, at) = (item for item in special_orders(clinic) if item[0]["order_type"] == "BU")
    pieces = [{"gateway_id": name, "device_type": "Gateway"} for name in order["manifest"]["gateway_ids"]]
    yield {
        "id": order["request_id"],
        "created": order["created_on"],
        "modified": order["updated_on"],
        "order_number": order["order_number"],
        "shipping_status": "DE",
        "shipping_tracking_link": order["tracking_link"],
        "fulfilled": True,
        "requested_by": "api",
        "shipped_on": wire_time(at - 3 * DAY),
        "delivered_on": wire_time(at),
        "notify_emails": "",
        "contents": order["contents"],
        "manifest": [{"loose_items": pieces}],
    }


def status_of(device: Device) -> str:
    """Return the status of a device that has not sent a reading yet."""
    if device.ordered:
        return "Client Action Required" if device.patient.persona.story == "address" else "Shipped"
    return "Delivered" if device.patient.persona.story == "silent" else "Connected"


def _journey(clinic: Clinic, device: Device) -> Iterator[Step]:
    if device.ordered:
        yield Step(device.created, "Dropship Requested")
        status = status_of(device)
        link = LINKS[0].format(device.seed) if status == "Shipped" else ""
        yield Step(device.created + DAY, status, device.hardware_uuid if link else "", link)
        return
    silent, weak = (device.patient.persona.story == story for story in ("silent", "weak"))
    begun = clinic.until - 9 * DAY if silent else device.created
    first_reading = clinic.until if silent else max(clinic.since, begun + DAY)
    whole = min(LONGEST_JOURNEY, first_reading - begun)
    chosen, link = device.hardware_uuid, LINKS[device.seed % len(LINKS)].format(device.seed)
    first = f"{int(chosen, 16) ^ 0x5A5A5A5A5A5A:012X}" if weak else chosen
    yield Step(begun, "Dropship Requested")
    yield Step(begun + 0.4 * whole, "Shipped", first, link)
    yield Step(begun + 0.8 * whole, "Delivered", first, link)
    if not silent:
        yield Step(begun + whole, "Connected", first)
    if weak:
        replaced_at, link = clinic.until - REPLACED_AGO, LINKS[0].format(device.seed + 1)
        yield Step(replaced_at, "Replaced", chosen, link)
        yield Step(replaced_at + 3 * DAY, "Delivered", chosen, link)
        yield Step(replaced_at + 3.3 * DAY, "Connected", chosen)


def _payload(device: Device, step: Step) -> Json:
    return {
        "hwi_device_id": device.id,
        "patient_id": device.patient.external_id,
        "hardware_uuid": step.hardware.lower() or None,
        "sensor_code": device.kind.sensor_code or "",
        "device_name": device.name,
        "status": step.status,
        "tracking_link": step.link or None,
    }


def _order(
    clinic: Clinic,
    order_type: str,
    steps: dict[str, datetime],
    device: Device | None = None,
    contents: list[Json] | None = None,
    manifest: Json | None = None,
) -> Iterator[tuple[Json, datetime]]:
    number = device.seed if device else clinic.seed
    order: Json = {
        "request_id": str(uuid.uuid5(NAMESPACE, f"{clinic.seed} {order_type}")),
        "order_number": f"{'SO' if order_type == 'BU' else order_type}-{1000 + number % 9000}",
        "order_type": order_type,
        "hardware_uuid": device.hardware_uuid if device else None,
        "client_device_id": device.id if device else None,
        "patient_id": device.patient.external_id if device else None,
        "created_on": wire_time(min(steps.values())),
        "contents": contents or [],
    }
    for status, at in steps.items():
        link = None if status == "Pending" else LINKS[0].format(number)
        step = {"status": status, "updated_on": wire_time(at), "tracking_link": link}
        yield order | step | ({"manifest": manifest} if manifest else {}), at
