"""Parse the vendor's answers about gateways, properties of devices and changes of hardware ids.

Sources: https://docs.tenovi.com/recipes/gateway-connectivity-report and declarations in public
integrations. Unknown members are ignored, times are aware UTC.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tenovi.client.members import WrongShape, flag, member, rows_of, time_of
from tenovi.strict_json import storable_text


@dataclass(frozen=True, slots=True)
class Property:
    """A setting of a device. `synced`: one that the vendor defines has reached the device."""

    id: str
    key: str
    value: str
    synced: bool | None

    @classmethod
    def from_wire(cls, value: Any) -> Property:
        key = storable_text(member(value, "key"), 100)
        if not key:
            raise WrongShape("key")
        return cls(
            id=storable_text(value.get("id"), 100),
            key=key,
            value=storable_text(value.get("value"), 1000),
            synced=flag(value.get("synced")),
        )


@dataclass(frozen=True, slots=True)
class PairedSensor:
    """A sensor paired with a gateway. `status`: RE registered, CO confirmed, PE pending, RM removed."""

    sensor_code: str
    mac_address: str
    status: str


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway, with fewer members when it comes from the list.

    `gateway_id` as the vendor spells it. A `signal_strength` about 30 is excellent, about 10 poor.
    """

    gateway_id: str
    signal_strength: int | None
    firmware_version: str
    bootloader_version: str
    provisioned: bool | None
    last_checkin: datetime.datetime | None
    last_measurement: datetime.datetime | None
    assigned_on: datetime.datetime | None
    shipped_on: datetime.datetime | None
    sensors: tuple[PairedSensor, ...]
    properties: tuple[Property, ...]

    @classmethod
    def from_wire(cls, value: Any) -> Gateway:
        gateway_id = storable_text(member(value, "gateway_uuid"), 64)
        if not gateway_id:
            raise WrongShape("gateway_uuid")
        return cls(
            gateway_id=gateway_id,
            signal_strength=_signal(value.get("last_signal_strength")),
            firmware_version=storable_text(value.get("firmware_version"), 60),
            bootloader_version=storable_text(value.get("bootloader_version"), 60),
            provisioned=flag(value.get("provisioned")),
            last_checkin=time_of(value.get("last_checkin_time")),
            last_measurement=time_of(value.get("last_measurement")),
            assigned_on=time_of(value.get("assigned_on")),
            shipped_on=time_of(value.get("shipped_on")),
            sensors=tuple(
                PairedSensor(
                    sensor_code=storable_text(row.get("sensor_code"), 20),
                    mac_address=storable_text(row.get("mac_address"), 40),
                    status=storable_text(row.get("whitelist_status"), 20),
                )
                for row in rows_of(value.get("whitelisted_devices"))
            ),
            properties=tuple(
                Property.from_wire(row) for row in rows_of(value.get("properties")) if row.get("key")
            ),
        )


@dataclass(frozen=True, slots=True)
class HardwareChange:
    """A device got, changed or lost its hardware. Ids as the vendor spells them, "" for none."""

    id: str
    hwi_device_id: UUID
    device_name: str
    old_hardware_uuid: str
    new_hardware_uuid: str
    changer: str
    created: datetime.datetime | None

    @classmethod
    def from_wire(cls, value: Any) -> HardwareChange:
        number = storable_text(member(value, "id"), 100)
        try:
            hwi_device_id = UUID(storable_text(member(value, "object_id"), 100))
        except ValueError:
            raise WrongShape("object_id") from None
        if not number:
            raise WrongShape("id")
        return cls(
            id=number,
            hwi_device_id=hwi_device_id,
            device_name=storable_text(value.get("device_name"), 200),
            old_hardware_uuid=storable_text(value.get("old_hardware_uuid"), 64),
            new_hardware_uuid=storable_text(value.get("new_hardware_uuid"), 64),
            changer=storable_text(value.get("changer"), 200),
            created=time_of(value.get("created")),
        )


def _signal(value: Any) -> int | None:
    """Read a signal strength. None for a value that a signal cannot have."""
    text = storable_text(value, 8)
    return int(text) if text.isascii() and text.isdecimal() and int(text) < 32768 else None
