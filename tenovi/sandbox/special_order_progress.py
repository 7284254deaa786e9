"""Move replacements and supply requests on, one step a turn.

At the turns of `STEPS` a request is pending, shipped and delivered. Once shipped it cannot be withdrawn. The
vendor reports each step as a special order. Exchanged hardware is also a fulfillment event, when the new
unit leaves and not when it arrives (its page about replacing devices).
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from tenovi.sandbox.records import Json
from tenovi.sandbox.simulation import wire_time
from tenovi.sandbox.state import State

STEPS = {1: "Pending", 3: "Shipped", 5: "Delivered"}


def advance_parcels(state: State) -> None:
    """Move every replacement and supply request on by one turn."""
    for kind, records in (("RE", state.replacements), ("SU", state.supply_requests)):
        for record in records.values():
            turn = state.turns[record["id"]] = state.turns.get(record["id"], 0) + 1
            if turn in STEPS:
                _step(state, kind, record, STEPS[turn])


def _step(state: State, kind: str, record: Json, status: str) -> None:
    named = record.get("hwi_device_id") or record.get("related_client_device_id") or ""
    device = state.changeable(named)
    link = None
    if status != "Pending":
        link = f"https://www.ups.com/track?tracknum=1Z{int(uuid.UUID(record['id'])) % 10**16:016}"
        record["fulfilled"] = True
    if kind == "RE" and device and status == "Shipped":
        _exchange(state, record, device, link)
    if kind == "RE" and device and status == "Delivered":
        device["status"] = "Delivered"
        state.queue_news(device, tracking_link=link)
    hardware = device["device"]["hardware_uuid"] if device else record.get("gateway_id") or record.get("imei")
    names = [item["name"] for item in record.get("device_types", ())] or [record.get("supply_name")]
    number = uuid.UUID(record["id"]).int % 9000
    state.unposted.append(
        {
            "request_id": record["id"],
            "order_number": f"{kind}-{1000 + number}",
            "order_type": kind,
            "hardware_uuid": hardware,
            "client_device_id": named or None,
            "patient_id": device["patient_id"] if device else None,
            "status": status,
            "created_on": record["created"],
            "updated_on": wire_time(datetime.now(UTC)),
            "tracking_link": link,
            "contents": [{"name": name, "quantity": 1} for name in names],
        }
    )


def _exchange(state: State, record: Json, device: Json, link: str | None) -> None:
    """Exchange the hardware: a gateway for every device behind the old one, or the IMEI of a cellular device."""
    old = device["device"]["hardware_uuid"]
    parts = {item["name"] for item in record["device_types"]}
    new = old
    if "Gateway" in parts:
        new = uuid.UUID(record["id"]).hex[:12].upper()
        for other in list(state.device_records()):
            if old and other["device"]["hardware_uuid"] == old and other["id"] != device["id"]:
                _move(state, other["id"], new)
    elif not device["device"]["sensor_code"]:
        new = f"35{uuid.UUID(record['id']).int % 10**13:013}"
    _move(state, device["id"], new)
    device["status"] = "Replaced"
    state.queue_news(device, tracking_link=link, replaced=old if new != old else None)


def _move(state: State, device_id: str, new: str | None) -> None:
    record = state.changeable(device_id)
    assert record is not None
    state.log_hardware(record, new)
    if record["device"]["hardware_uuid"] and new:
        state.exchanged[record["device"]["hardware_uuid"]] = new
    record["device"]["hardware_uuid"] = new
