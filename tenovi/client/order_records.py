"""Parse the vendor's answers about replacements, bulk orders, supplies and registered webhooks.

Sources: https://docs.tenovi.com/hwi-api/devices/replacing-devices, the pages about bulk orders and
automatic supply refills, and declarations in public integrations. Unknown members are ignored, times
are aware UTC. Addresses are not read, since we sent them.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from tenovi.client.members import WrongShape, decimal_of, flag, id_of, member, rows_of, time_of
from tenovi.strict_json import storable_text


@dataclass(frozen=True, slots=True)
class Replacement:
    """New hardware for a device, its gateway or both. The HWI device stays."""

    id: str
    hwi_device_id: str
    device_names: tuple[str, ...]
    fulfilled: bool
    created: datetime.datetime | None

    @classmethod
    def from_wire(cls, value: Any) -> Replacement:
        return cls(
            id=_number(value),
            hwi_device_id=storable_text(value.get("hwi_device_id"), 100),
            device_names=tuple(
                storable_text(row.get("name"), 200) for row in rows_of(value.get("device_types"))
            ),
            fulfilled=value.get("fulfilled") is True,
            created=time_of(value.get("created")),
        )


@dataclass(frozen=True, slots=True)
class Content:
    name: str
    quantity: int | None
    kit_id: str


@dataclass(frozen=True, slots=True)
class LooseItem:
    """One piece of hardware in a parcel: a gateway has a gateway id, a cellular device an IMEI."""

    gateway_id: str
    imei: str
    device_type: str
    mac_address: str
    model_number: str


@dataclass(frozen=True, slots=True)
class BulkOrder:
    """Stock ordered for the clinic. `shipping_status` is a code such as SH for shipped."""

    id: str
    order_number: str
    shipping_status: str
    tracking_link: str
    fulfilled: bool
    requested_by: str
    created: datetime.datetime | None
    modified: datetime.datetime | None
    shipped_on: datetime.datetime | None
    delivered_on: datetime.datetime | None
    contents: tuple[Content, ...]
    manifest: tuple[LooseItem, ...]

    @classmethod
    def from_wire(cls, value: Any) -> BulkOrder:
        number = _number(value)
        sections = rows_of(value.get("manifest"))
        return cls(
            id=number,
            order_number=storable_text(value.get("order_number"), 100),
            shipping_status=storable_text(value.get("shipping_status"), 20),
            tracking_link=storable_text(value.get("shipping_tracking_link"), 1000),
            fulfilled=value.get("fulfilled") is True,
            requested_by=storable_text(value.get("requested_by"), 200),
            created=time_of(value.get("created")),
            modified=time_of(value.get("modified")),
            shipped_on=time_of(value.get("shipped_on")),
            delivered_on=time_of(value.get("delivered_on")),
            contents=tuple(_content(row) for row in rows_of(value.get("contents"))),
            manifest=tuple(
                _loose_item(row) for section in sections for row in rows_of(section.get("loose_items"))
            ),
        )


@dataclass(frozen=True, slots=True)
class SupplyType:
    """A supply that may be ordered, under the exact name a request must use. Costs in USD."""

    name: str
    description: str
    up_front_cost: Decimal | None
    shipping_cost: Decimal | None
    hardware_uuid_required: bool
    deprecated: bool

    @classmethod
    def from_wire(cls, value: Any) -> SupplyType:
        name = storable_text(member(value, "name"), 200)
        if not name:
            raise WrongShape("name")
        return cls(
            name=name,
            description=storable_text(value.get("description"), 1000),
            up_front_cost=decimal_of(value.get("up_front_cost")),
            shipping_cost=decimal_of(value.get("shipping_cost")),
            hardware_uuid_required=value.get("hardware_uuid_required") is True,
            deprecated=value.get("deprecated") is True,
        )


@dataclass(frozen=True, slots=True)
class SupplyRequest:
    """Supplies that were ordered.

    `hwi_device_id` is "" when the request names no device, `hardware_uuid` when it names neither Gateway ID
    nor IMEI.
    """

    id: str
    supply_name: str
    hwi_device_id: str
    hardware_uuid: str
    fulfilled: bool
    created: datetime.datetime | None

    @classmethod
    def from_wire(cls, value: Any) -> SupplyRequest:
        return cls(
            id=_number(value),
            supply_name=storable_text(value.get("supply_name"), 200),
            hwi_device_id=storable_text(value.get("related_client_device_id"), 100),
            hardware_uuid=storable_text(value.get("gateway_id") or value.get("imei"), 100),
            fulfilled=value.get("fulfilled") is True,
            created=time_of(value.get("created")),
        )


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address the vendor posts to. `event`: MEASUREMENT, FULFILLMENT or SPECIAL_ORDER.

    `auth_key` is a secret that our webhooks accept, so it is never printed.
    """

    id: UUID
    endpoint: str
    event: str
    auth_header: str
    auth_key: str = field(repr=False)
    post_as_array: bool | None
    enabled_by_default: bool | None

    @classmethod
    def from_wire(cls, value: Any) -> Webhook:
        endpoint = storable_text(member(value, "endpoint"), 1000)
        if not endpoint:
            raise WrongShape("endpoint")
        return cls(
            id=id_of(value),
            endpoint=endpoint,
            event=storable_text(value.get("event"), 60).upper(),
            auth_header=storable_text(value.get("auth_header"), 200),
            auth_key=storable_text(value.get("auth_key"), 1000),
            post_as_array=flag(value.get("post_as_array")),
            enabled_by_default=flag(value.get("enabled_by_default")),
        )


def _number(value: Any) -> str:
    """Read the `id` of an order, whatever its form."""
    number = storable_text(member(value, "id"), 100)
    if not number:
        raise WrongShape("id")
    return number


def _content(row: dict[str, Any]) -> Content:
    quantity = storable_text(row.get("quantity"), 6)
    return Content(
        name=storable_text(row.get("name"), 200),
        quantity=int(quantity) if quantity.isascii() and quantity.isdecimal() else None,
        kit_id=storable_text(row.get("kit_id"), 100),
    )


def _loose_item(row: dict[str, Any]) -> LooseItem:
    return LooseItem(**{name: storable_text(row.get(name), 200) for name in LooseItem.__slots__})
