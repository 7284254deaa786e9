"""One element of a fulfillment or special-order payload: strict about what and whose, lenient about the rest.

Sources: https://docs.tenovi.com/hwi-api/webhooks/fulfillment-webhooks (its sample has the key `"status "`,
which `tenovi.strict_json` reads as `status`), https://docs.tenovi.com/hwi-api/webhooks/special-order-webhooks.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from devices.hardware import normal_hardware_id
from fulfillment.vendor_statuses import status_named
from tenovi.inbound.element import Untrusted, device_id_of, members_of, patient_id_of
from tenovi.strict_json import JsonObject, storable_text

OF_A_READING = {"metric", "value_1", "timestamp"}
OF_AN_ORDER = {"request_id", "order_number", "contents", "manifest"}

REQUEST_ID_LENGTH = 100
STATUS_LENGTH = 60
LINK_LENGTH = 500


@dataclass(frozen=True, slots=True)
class ShipmentUpdate:
    """What a fulfillment element says. `replaced_hardware_uuid` is the old hardware when `hardware_uuid`
    takes its place; ids are in the one spelling we keep, and `spelling` is the vendor's of the former."""

    hwi_device_id: uuid.UUID
    status: str
    patient_id: str
    hardware_uuid: str
    replaced_hardware_uuid: str
    device_name: str
    tracking_link: str
    spelling: str = ""


def read_shipment_update(element: Any) -> ShipmentUpdate:
    """Raises `Untrusted` with the first reason not to trust the element."""
    members = members_of(element)
    if {"metric", "value_1"} <= members.keys():
        raise Untrusted("wrong_door")
    if "hwi_device_id" not in members and OF_AN_ORDER & members.keys():
        raise Untrusted("wrong_door")
    device = device_id_of(members.get("hwi_device_id"))
    try:
        return ShipmentUpdate(
            hwi_device_id=device,
            status=status_named(status_of(members)).name,
            patient_id=patient_id_of(members.get("patient_id")),
            hardware_uuid=hardware_of(members.get("hardware_uuid")),
            replaced_hardware_uuid=hardware_of(members.get("device_id")),
            device_name=storable_text(members.get("device_name"), 200),
            tracking_link=storable_text(members.get("tracking_link"), LINK_LENGTH),
            spelling=storable_text(members.get("hardware_uuid"), 64),
        )
    except Untrusted as doubt:
        raise Untrusted(doubt.reason, device) from None


def status_of(members: JsonObject) -> str:
    status = storable_text(members.get("status"), STATUS_LENGTH)
    if not isinstance(members.get("status"), str) or not status:
        raise Untrusted("wrong_door" if OF_A_READING & members.keys() else "status_missing")
    return status


def hardware_of(value: Any) -> str:
    return normal_hardware_id(storable_text(value, 64))[:64]
