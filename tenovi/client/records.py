"""Parse the vendor's answers about devices and patients, and pages of any list.

Unknown members are ignored, missing ones are empty, text is fit for PostgreSQL, times are aware UTC.
Only the member that identifies a record must be there. Sources: https://docs.tenovi.com/hwi-api/ (devices, patients, pagination).
"""

from __future__ import annotations

import datetime
import enum
import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, TypeVar

from tenovi.client.members import WrongShape, decimal_of, flag, id_of, member, text_or_none, time_of
from tenovi.strict_json import storable_text

T = TypeVar("T")


class PageEnd(enum.Enum):
    """How a page ends."""

    FOLLOWED = "followed"
    """It names a next page."""
    LAST = "last"
    """Its `next` is null."""
    BARE = "bare"
    """It is an array without pages: the whole list, unless it was cut."""
    GONE = "gone"
    """The vendor does not know it, although the page before named it."""
    UNSTATED = "unstated"
    """It has no usable `next`."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list.

    `unusable` counts rows that are not in `results`. `digest` tells pages apart, "" without rows. `body` is
    the answer as it came. Only `tenovi.outbound.list_pages` sets `ended`, where the list provably ends with
    this page, and `is_all`, where this page is the whole list and every row readable.
    """

    results: tuple[T, ...]
    next: str
    total: int | None
    unusable: int
    end: PageEnd = PageEnd.UNSTATED
    digest: str = ""
    ended: bool = False
    is_all: bool = False
    body: bytes = field(default=b"", repr=False)

    @property
    def rows(self) -> int:
        return len(self.results) + self.unusable


@dataclass(frozen=True, slots=True)
class Patient:
    """A patient record. A device carries fewer of its members. None: not in the answer."""

    external_id: str
    name: str | None = None
    address: str | None = None
    city: str | None = None
    state: str | None = None
    zip_code: str | None = None
    phone_number: str | None = None
    email: str | None = None
    physician: str | None = None
    clinic_name: str | None = None
    care_manager: str | None = None
    sms_opt_in: bool | None = None
    confirm_address: bool | None = None
    address_status: str | None = None
    address_verified_by: str | None = None

    @classmethod
    def from_wire(cls, value: Any) -> Patient:
        external_id = storable_text(member(value, "external_id"), 1000)
        if not 0 < len(external_id) <= 200:
            raise WrongShape("external_id")
        return cls(
            external_id=external_id,
            **{name: text_or_none(value.get(name), limit) for name, limit in _PATIENT_TEXTS.items()},
            sms_opt_in=flag(value.get("sms_opt_in")),
            confirm_address=flag(value.get("confirm_address")),
        )


_PATIENT_TEXTS = {
    "name": 200,
    "address": 300,
    "city": 100,
    "state": 50,
    "zip_code": 20,
    "phone_number": 50,
    "email": 254,
    "physician": 200,
    "clinic_name": 200,
    "care_manager": 200,
    "address_status": 30,
    "address_verified_by": 100,
}


@dataclass(frozen=True, slots=True)
class Device:
    """An HWI device: one activation.

    `hardware_uuid` as the vendor spells it. `order_fulfilled` is None for a device without an order.
    `held_for` is the vendor's text why it holds that order, "" for none.
    """

    hwi_device_id: uuid.UUID
    status: str
    name: str
    sensor_code: str
    sensor_id: str
    hardware_uuid: str
    created: datetime.datetime | None
    connected_on: datetime.datetime | None
    unlinked_on: datetime.datetime | None
    last_measurement: datetime.datetime | None
    order_fulfilled: bool | None
    held_for: str
    patient: Patient | None

    @classmethod
    def from_wire(cls, value: Any) -> Device:
        hwi_device_id = id_of(value)
        inner = value.get("device")
        inner = inner if isinstance(inner, dict) else {}
        order = inner.get("fulfillment_request")
        return cls(
            hwi_device_id=hwi_device_id,
            status=storable_text(value.get("status"), 60),
            name=storable_text(inner.get("name"), 200),
            sensor_code=storable_text(inner.get("sensor_code"), 20),
            sensor_id=storable_text(inner.get("sensor_id"), 60),
            hardware_uuid=storable_text(inner.get("hardware_uuid"), 64),
            created=time_of(inner.get("created")),
            connected_on=time_of(value.get("connected_on")),
            unlinked_on=time_of(value.get("unlinked_on")),
            last_measurement=time_of(value.get("last_measurement")),
            order_fulfilled=flag(order.get("fulfilled")) if isinstance(order, dict) else None,
            held_for=_held_for(order) if isinstance(order, dict) else "",
            patient=_patient_of(value),
        )


def _held_for(order: dict[str, Any]) -> str:
    # Two members that public integrations declare: a text about the address, and a flag.
    twice = (
        "A device was sent to this address before." if flag(order.get("duplicate_device_at_address")) else ""
    )
    return " ".join(filter(None, [storable_text(order.get("invalid_address"), 300), twice]))


def _patient_of(value: dict[str, Any]) -> Patient | None:
    """Read the nested patient, or the older `patient_id`. Without a patient they are null and ""."""
    nested = value.get("patient")
    if isinstance(nested, dict):
        return Patient.from_wire(nested)
    if storable_text(value.get("patient_id"), 1000):
        return Patient.from_wire({"external_id": value["patient_id"]})
    return None


@dataclass(frozen=True, slots=True)
class DeviceType:
    """A device type that this account may order, under the exact name an order must use. Costs in USD."""

    name: str
    sensor_code: str
    sensor_id_required: bool
    in_stock: bool
    virtual: bool
    deprecated: bool
    up_front_cost: Decimal | None
    shipping_cost: Decimal | None
    monthly_cost: Decimal | None

    @classmethod
    def from_wire(cls, value: Any) -> DeviceType:
        name = storable_text(member(value, "name"), 200)
        if not name:
            raise WrongShape("name")
        return cls(
            name=name,
            sensor_code=storable_text(value.get("sensor_code"), 20),
            sensor_id_required=value.get("sensor_id_required") is True,
            in_stock=value.get("in_stock") is not False,
            virtual=value.get("virtual") is True,
            deprecated=value.get("deprecated") is True,
            up_front_cost=decimal_of(value.get("up_front_cost")),
            shipping_cost=decimal_of(value.get("shipping_cost")),
            monthly_cost=decimal_of(value.get("monthly_cost")),
        )


def page_of(value: Any, read: Callable[[Any], T]) -> Page[T]:
    """Parse a page from its envelope, or from a bare array.

    Rows that `read` cannot use are counted, not fatal: one odd row must not hide the others.
    """
    rows: list[Any]
    following, total, end = "", None, PageEnd.UNSTATED
    if isinstance(value, list):
        rows, total, end = value, len(value), PageEnd.BARE
    elif isinstance(value, dict) and isinstance(value.get("results"), list):
        rows, total = value["results"], _count_in(value)
        if isinstance(value.get("next"), str) and value["next"]:
            following, end = value["next"], PageEnd.FOLLOWED
        elif "next" in value and value["next"] is None:
            end = PageEnd.LAST
    else:
        raise WrongShape("results")
    results = []
    for row in rows:
        try:
            results.append(read(row))
        except WrongShape:
            continue
    unusable = len(rows) - len(results)
    return Page(tuple(results), following, total, unusable, end=end, digest=_digest_of(rows))


def _count_in(envelope: dict[str, Any]) -> int | None:
    count = envelope.get("count")
    is_count = isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 2**31
    return count if is_count else None


def _digest_of(rows: list[Any]) -> str:
    return hashlib.blake2b(repr(rows).encode("utf-8", "replace"), digest_size=8).hexdigest() if rows else ""
