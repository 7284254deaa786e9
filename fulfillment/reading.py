"""One element of a fulfillment or special-order payload: strict about what and whose, lenient about the rest.

Sources: https://docs.tenovi.com/hwi-api/webhooks/fulfillment-webhooks (its sample has the key `"status "`,
which `tenovi.wire` reads as `status`), https://docs.tenovi.com/hwi-api/webhooks/special-order-webhooks.
"""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass
from typing import Any

from devices.hardware import normal_hardware_id
from fulfillment.statuses import order_status_named, status_named
from tenovi import office_shapes
from tenovi.elements import Doubtful, device_id_of, members_of, patient_id_of, plausible_moment_of
from tenovi.wire import Members, storable_json, storable_text

OF_A_READING = {"metric", "value_1", "timestamp"}
OF_AN_ORDER = {"request_id", "order_number", "contents", "manifest"}
OF_A_DEVICE = {"hwi_device_id", *OF_A_READING}

REQUEST_ID_LENGTH = 100
STATUS_LENGTH = 60
LINK_LENGTH = 500


@dataclass(frozen=True, slots=True)
class DeviceNews:
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


@dataclass(frozen=True, slots=True)
class OrderNews:
    """What a special-order element says. Times are the vendor's, aware UTC, None when absent or absurd."""

    request_id: str
    status: str
    patient_id: str
    order_number: str
    order_type: str
    hardware_uuid: str
    client_device_id: str
    tracking_link: str
    created_on: datetime.datetime | None
    updated_on: datetime.datetime | None
    contents: list[Any]
    manifest: dict[str, Any]

    @property
    def hwi_device_id(self) -> uuid.UUID | None:
        """The device meant, if the vendor's "client device id" is one: no page says that it is."""
        try:
            return device_id_of(self.client_device_id)
        except Doubtful:
            return None


def read_device_news(element: Any) -> DeviceNews:
    """Raises `Doubtful` with the first reason not to trust the element."""
    members = members_of(element)
    if {"metric", "value_1"} <= members.keys():
        raise Doubtful("wrong_door")
    if "hwi_device_id" not in members and OF_AN_ORDER & members.keys():
        raise Doubtful("wrong_door")
    device = device_id_of(members.get("hwi_device_id"))
    try:
        return DeviceNews(
            hwi_device_id=device,
            status=status_named(_status_of(members)).name,
            patient_id=patient_id_of(members.get("patient_id")),
            hardware_uuid=_hardware_of(members.get("hardware_uuid")),
            replaced_hardware_uuid=_hardware_of(members.get("device_id")),
            device_name=storable_text(members.get("device_name"), 200),
            tracking_link=storable_text(members.get("tracking_link"), LINK_LENGTH),
            spelling=storable_text(members.get("hardware_uuid"), 64),
        )
    except Doubtful as doubt:
        raise Doubtful(doubt.reason, device) from None


def read_order_news(element: Any, *, received_at: datetime.datetime) -> OrderNews:
    """Raises `Doubtful` with the first reason not to trust the element."""
    members = members_of(element)
    request_id = storable_text(members.get("request_id"), REQUEST_ID_LENGTH + 1)
    if not 0 < len(request_id) <= REQUEST_ID_LENGTH:
        raise Doubtful("wrong_door" if OF_A_DEVICE & members.keys() else "request_id_unusable")
    contents, manifest = members.get("contents"), members.get("manifest")
    return OrderNews(
        request_id=request_id,
        status=order_status_named(_status_of(members)).name,
        patient_id=patient_id_of(members.get("patient_id")),
        order_number=storable_text(members.get("order_number"), 100),
        order_type=storable_text(members.get("order_type"), 20),
        hardware_uuid=_hardware_of(members.get("hardware_uuid")),
        client_device_id=storable_text(members.get("client_device_id"), 100),
        tracking_link=storable_text(members.get("tracking_link"), LINK_LENGTH),
        created_on=plausible_moment_of(members.get("created_on"), received_at),
        updated_on=plausible_moment_of(members.get("updated_on"), received_at),
        contents=storable_json(contents) if isinstance(contents, list) else [],
        manifest=storable_json(manifest) if isinstance(manifest, dict) else {},
    )


BULK_STATUS = {
    "OH": "On Hold",
    "SH": "Shipped",
    "DE": "Delivered",
    "RE": "Returned",
    "CA": "Cancelled",
}
"""Of the REST list of bulk orders; DR, RQ, PE, CR and RS are all before shipment. Declared in public
integrations; SH is confirmed by https://docs.tenovi.com/hwi-api/bulk-orders"""


def bulk_order_news(order: office_shapes.BulkOrder, request_id: str, now: datetime.datetime) -> OrderNews:
    """A bulk order of the vendor's list, as its webhook would tell it under `request_id`."""
    pieces = order.manifest
    return OrderNews(
        request_id=request_id,
        status=BULK_STATUS.get(order.shipping_status, "Pending"),
        patient_id="",
        order_number=order.order_number,
        order_type="BU",
        hardware_uuid="",
        client_device_id="",
        tracking_link=order.tracking_link[:LINK_LENGTH],
        created_on=order.created,
        updated_on=order.modified or order.delivered_on or order.shipped_on or order.created or now,
        contents=[
            {"name": one.name, "quantity": one.quantity, "kit_id": one.kit_id} for one in order.contents
        ],
        manifest={
            "gateway_ids": [one.gateway_id for one in pieces if one.gateway_id],
            "imeis": [one.imei for one in pieces if one.imei],
        },
    )


def _status_of(members: Members) -> str:
    status = storable_text(members.get("status"), STATUS_LENGTH)
    if not isinstance(members.get("status"), str) or not status:
        raise Doubtful("wrong_door" if OF_A_READING & members.keys() else "status_missing")
    return status


def _hardware_of(value: Any) -> str:
    return normal_hardware_id(storable_text(value, 64))[:64]
