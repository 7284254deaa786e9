"""How each simulated device came to its patient, as the vendor's fulfillment webhook tells it.

Payloads have the keys of `tests/payloads/fulfillment/`. The same clinic gives the same history.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tenovi.sandbox.simulation import Clinic, Device

Json = dict[str, Any]

DAY = timedelta(days=1)
LONGEST_JOURNEY = 6 * DAY
LINKS = (
    "https://www.ups.com/track?tracknum=1Z{:016}",
    "https://www.fedex.com/fedextrack/?trknbr={:012}",
    "tools.usps.com/go/TrackConfirmAction?tLabels={:022}",
)


class Step(NamedTuple):
    """One step of a journey; `at` is UTC. Hardware is named from the moment it is chosen."""

    at: datetime
    status: str
    hardware: str = ""
    link: str = ""
    replaced: str = ""


def news(clinic: Clinic) -> Iterator[tuple[Json, datetime]]:
    """What the vendor told about every device, and when: device by device, each in its order."""
    for device in clinic.devices:
        for step in _journey(clinic, device):
            yield _payload(device, step), step.at


def status_of(device: Device) -> str:
    """The status of a device that has not reported anything but may yet."""
    if device.ordered:
        return "Client Action Required" if device.patient.part.story == "address" else "Shipped"
    return "Delivered" if device.patient.part.story == "silent" else "Connected"


def _journey(clinic: Clinic, device: Device) -> Iterator[Step]:
    if device.ordered:
        yield Step(device.created, "Dropship Requested")
        status = status_of(device)
        link = LINKS[0].format(device.seed) if status == "Shipped" else ""
        yield Step(device.created + DAY, status, device.hardware_uuid if link else "", link)
        return
    silent, weak = (device.patient.part.story == story for story in ("silent", "weak"))
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
        replaced_at, link = clinic.until - 20 * DAY, LINKS[0].format(device.seed + 1)
        yield Step(replaced_at, "Replaced", chosen, link, replaced=first)
        yield Step(replaced_at + 3 * DAY, "Delivered", chosen, link)
        yield Step(replaced_at + 3.3 * DAY, "Connected", chosen)


def _payload(device: Device, step: Step) -> Json:
    payload: Json = {
        "hwi_device_id": device.id,
        "patient_id": device.patient.external_id,
        "hardware_uuid": step.hardware.lower() or None,
        "sensor_code": device.kind.sensor_code or "",
        "device_name": device.name,
        "status": step.status,
        "tracking_link": step.link or None,
    }
    return payload | {"device_id": step.replaced.lower()} if step.replaced else payload
