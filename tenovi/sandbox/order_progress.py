"""Move orders on at the played vendor: requested, shipped, delivered, then used.

An address that does not look real delays an order until it is corrected or confirmed. Hardware is chosen at
shipment: the gateway that the patient has, else a new one. Where only a gateway was ordered it is always a
new one. From delivery on live readings of the device appear, and the first makes it Connected.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from tenovi import catalogue
from tenovi.sandbox.records import Json
from tenovi.sandbox.simulation import wire_time
from tenovi.sandbox.state import State

NEXT = {
    "Dropship Requested": "Shipped",
    "Client Action Required": "Shipped",
    "On Hold": "Shipped",
    "Ready to Ship": "Shipped",
    "Shipped": "Delivered",
}


def advance(state: State, device_id: str, status: str = "") -> Json:
    """Move an order one step on, or to `status`, and queue its webhook in `state.unposted`.

    Raises KeyError for an unknown device, ValueError where nothing follows.
    """
    record = state.changeable(device_id)
    if record is None:
        raise KeyError(device_id)
    status = status or _following(state, record)
    link = None
    if status in ("Shipped", "Dropshipped"):
        link = _ship(state, record)
    if status == "Delivered":
        _deliver(state, record)
    if status == "Connected":
        record["connected_on"] = _now()
    record["status"] = status
    state.queue_news(record, tracking_link=link)
    return record


def note_reading(state: State, device_id: str) -> None:
    """Make a delivered device Connected by its first reading."""
    record = state.record_of(device_id)
    if record and record["status"] == "Delivered":
        advance(state, device_id, "Connected")


def advance_all(state: State) -> None:
    """Move every order under way on by one step."""
    for record in list(state.device_records()):
        if record["status"] in NEXT and record["device"]["fulfillment_request"]:
            following = _following(state, record)
            if following != record["status"]:
                advance(state, record["id"], following)


def _following(state: State, record: Json) -> str:
    order = record["device"]["fulfillment_request"]
    if record["status"] not in NEXT:
        raise ValueError(f"Nothing follows {record['status']} by itself.")
    if record["status"] in ("Dropship Requested", "Client Action Required") and order["invalid_address"]:
        patient = state.patients.get(record["patient_id"].casefold(), {})
        if not patient.get("confirm_address") and patient.get("address_status") != "Verified":
            return "Client Action Required"
        order["invalid_address"] = ""
    return NEXT[record["status"]]


def _ship(state: State, record: Json) -> str:
    order, device = record["device"]["fulfillment_request"], record["device"]
    if not device["hardware_uuid"]:
        alone = order is not None and order["ship_gateway_only"]
        hardware = ("" if alone else _gateway_at_home(state, record)) or _new_hardware(record)
        state.log_hardware(record, hardware)
        device["hardware_uuid"] = hardware
    link = f"https://www.ups.com/track?tracknum=1Z{int(uuid.UUID(record['id'])) % 10**16:016}"
    if order:
        order.update(fulfilled=True, shipping_status="SH", shipped_on=_now(), shipping_tracking_link=link)
    return link


def _deliver(state: State, record: Json) -> None:
    order = record["device"]["fulfillment_request"]
    if order:
        order.update(shipping_status="DE", delivered_on=_now())
    state.can_be_used(record)


def _gateway_at_home(state: State, record: Json) -> str:
    kind = catalogue.kind_for(record["device"]["name"], record["device"]["sensor_code"])
    if kind is None or kind.transport != "gateway":
        return ""
    for other in state.device_records():
        same_code = other["device"]["sensor_code"] == record["device"]["sensor_code"]
        if other["patient_id"] == record["patient_id"] and not same_code:
            hardware = str(other["device"]["hardware_uuid"] or "")
            if len(hardware) == 12:
                return hardware
    return ""


def _new_hardware(record: Json) -> str:
    number = uuid.UUID(record["id"])
    cellular = not record["device"]["sensor_code"]
    return f"35{int(number) % 10**13:013}" if cellular else number.hex[:12].upper()


def _now() -> str:
    return wire_time(datetime.now(UTC))
