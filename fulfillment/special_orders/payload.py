"""Read one element of a special-order payload: strict about what and whose, lenient about the rest."""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass
from typing import Any

from fulfillment.shipments.payload import LINK_LENGTH, OF_A_READING, REQUEST_ID_LENGTH, hardware_of, status_of
from fulfillment.vendor_statuses import order_status_named
from tenovi.client import order_records
from tenovi.inbound.element import Untrusted, device_id_of, members_of, patient_id_of, plausible_moment_of
from tenovi.strict_json import storable_json, storable_text

OF_A_DEVICE = {"hwi_device_id", *OF_A_READING}


@dataclass(frozen=True, slots=True)
class SpecialOrderUpdate:
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
        except Untrusted:
            return None


def read_special_order_update(element: Any, *, received_at: datetime.datetime) -> SpecialOrderUpdate:
    """Raises `Untrusted` with the first reason not to trust the element."""
    members = members_of(element)
    request_id = storable_text(members.get("request_id"), REQUEST_ID_LENGTH + 1)
    if not 0 < len(request_id) <= REQUEST_ID_LENGTH:
        raise Untrusted("wrong_door" if OF_A_DEVICE & members.keys() else "request_id_unusable")
    contents, manifest = members.get("contents"), members.get("manifest")
    return SpecialOrderUpdate(
        request_id=request_id,
        status=order_status_named(status_of(members)).name,
        patient_id=patient_id_of(members.get("patient_id")),
        order_number=storable_text(members.get("order_number"), 100),
        order_type=storable_text(members.get("order_type"), 20),
        hardware_uuid=hardware_of(members.get("hardware_uuid")),
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


def bulk_order_update(
    order: order_records.BulkOrder, request_id: str, now: datetime.datetime
) -> SpecialOrderUpdate:
    """A bulk order of the vendor's list, as its webhook would tell it under `request_id`."""
    pieces = order.manifest
    return SpecialOrderUpdate(
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
