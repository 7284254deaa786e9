"""Answer calls that change devices, orders, patients and properties.

The rules are those of the vendor's pages about activation, patients and properties. A device's name must be
one of the account's. A gateway takes one device per sensor code. A fulfilled order cannot be deleted.
Unlinking always works and is a GET. A POST updates a property that exists.
"""

from __future__ import annotations

import re
import time
import uuid
from datetime import UTC, datetime
from http import HTTPStatus

from tenovi.sandbox import records
from tenovi.sandbox.records import Json
from tenovi.sandbox.responses import Answer, Request, invalid, not_found, refuse
from tenovi.sandbox.simulation import wire_time
from tenovi.sandbox.state import State

GATEWAY_ID, IMEI = re.compile(r"[0-9A-F]{12}"), re.compile(r"[0-9]{15}")
SHIPPING = ("shipping_name", "shipping_address", "shipping_city", "shipping_state", "shipping_zip_code")
ADDRESS = ("address", "city", "state", "zip_code")
VENDOR_PROPERTIES = ("measurement_webhook_id", "step_goal", "bluetooth_passkey")
SYNC_SECONDS = 2.0  # until a property of the vendor's has reached the device
TAKEN = "Device with this Gateway ID/Sensor Code already exists"


def create_device(state: State, request: Request) -> Answer:
    """Activate or order a device. Answers 201 with its record."""
    body = request.body if isinstance(request.body, dict) else {}
    given, named = body.get("device"), body.get("patient")
    if not isinstance(given, dict):
        return invalid(device=["This field is required."])
    if named is not None and not (isinstance(named, dict) and named.get("external_id")):
        return invalid(patient={"external_id": ["This field is required."]})
    kind = next((kind for kind in records.device_types() if kind["name"] == given.get("name")), None)
    if kind is None:
        return invalid(device={"name": [f"Object with name={given.get('name')} does not exist."]})
    if kind["sensor_id_required"] and not given.get("sensor_id"):
        return invalid(device={"sensor_id": ["This field is required for this device type."]})
    hardware = state.read_hardware(given.get("hardware_uuid"))
    order = given.get("fulfillment_request")
    if hardware is None and not isinstance(order, dict):
        return invalid(device={"hardware_uuid": ["This field may not be null."]})
    if isinstance(order, dict) and (missing := [name for name in SHIPPING if not order.get(name)]):
        return invalid(
            device={"fulfillment_request": {name: ["This field is required."] for name in missing}}
        )
    if hardware and not given.get("sensor_id") and _taken(state, hardware, kind["sensor_code"]):
        return invalid(device={"hardware_uuid": [TAKEN]})
    record = _record(state, kind, given, hardware, order, _patient(state, named) if named else None)
    state.activate(record)
    return Answer(HTTPStatus.CREATED, record)


def put_device(state: State, request: Request, device_id: str) -> Answer:
    """Replace a whole device, as the vendor's page about patients has it. A member left out is cleared."""
    if not state.settings.puts_devices:
        return refuse(HTTPStatus.METHOD_NOT_ALLOWED, 'Method "PUT" not allowed.')
    body = request.body if isinstance(request.body, dict) else {}
    if not isinstance(body.get("device"), dict):
        return invalid(device=["This field is required."])
    return _update_device(state, body, device_id)


def patch_device(state: State, request: Request, device_id: str) -> Answer:
    """Change a device as public integrations do. No page of the vendor has it."""
    if not state.settings.patches_devices:
        return refuse(HTTPStatus.METHOD_NOT_ALLOWED, 'Method "PATCH" not allowed.')
    return _update_device(state, request.body if isinstance(request.body, dict) else {}, device_id)


def _update_device(state: State, body: Json, device_id: str) -> Answer:
    """Change a device. A nested object is replaced whole."""
    record = state.changeable(device_id)
    if record is None:
        return not_found()
    named, given = body.get("patient"), body.get("device")
    if named is not None and not (isinstance(named, dict) and named.get("external_id")):
        return invalid(patient={"external_id": ["This field is required."]})
    if isinstance(given, dict):
        kind = next((kind for kind in records.device_types() if kind["name"] == given.get("name")), None)
        if kind is None:
            return invalid(device={"name": [f"Object with name={given.get('name')} does not exist."]})
        if kind["sensor_id_required"] and not given.get("sensor_id"):
            return invalid(device={"sensor_id": ["This field is required for this device type."]})
        _write_device(state, record, given)
    if "patient" in body:
        _attach(record, _patient(state, named) if named else None)
    return Answer(HTTPStatus.OK, record)


def _write_device(state: State, record: Json, given: Json) -> None:
    hardware = state.read_hardware(given.get("hardware_uuid"))
    state.log_hardware(record, hardware)
    record["device"] |= {"hardware_uuid": hardware, "sensor_id": given.get("sensor_id")}
    if hardware and record["status"] == "Pending Shipment":
        record["status"] = "Shipped"
        state.queue_news(record)
    if hardware and record["status"] == "Unknown Gateway ID":
        record["status"] = _first_status(hardware, None)
        if record["status"] == "Delivered":
            state.can_be_used(record)
        state.queue_news(record)


def delete_device(state: State, request: Request, device_id: str) -> Answer:
    record = state.changeable(device_id)
    if record is None:
        return not_found()
    order = record["device"]["fulfillment_request"]
    if order and order["fulfilled"]:
        detail = "HWI Devices attached to a fulfilled Fulfillment Request cannot be deleted."
        return Answer(HTTPStatus.BAD_REQUEST, {"detail": detail})
    state.forget(device_id)
    return Answer(HTTPStatus.NO_CONTENT, None)


def unlink_gateway(state: State, request: Request, device_id: str) -> Answer:
    """Unlink a device. A GET that changes state, as the vendor documents it, and always succeeds."""
    record = state.changeable(device_id)
    if record is None:
        return not_found()
    state.log_hardware(record, None)
    record["device"]["hardware_uuid"] = None
    record["status"] = "Unlinked"
    record["unlinked_on"] = _now()
    state.queue_news(record)
    return Answer(HTTPStatus.OK, record)


def list_properties(state: State, request: Request, device_id: str) -> Answer:
    if state.record_of(device_id) is None:
        return not_found()
    stored = state.properties.get(device_id.lower(), {})
    return Answer(HTTPStatus.OK, [_property(item) for item in stored.values()])


def put_property(state: State, request: Request, device_id: str) -> Answer:
    """Create a property, or update the one that has this key."""
    if state.record_of(device_id) is None:
        return not_found()
    body = request.body if isinstance(request.body, dict) else {}
    key, value = body.get("key"), body.get("value")
    if not key or value is None:
        return invalid(
            **{name: ["This field is required."] for name in ("key", "value") if not body.get(name)}
        )
    stored = state.properties.setdefault(device_id.lower(), {})
    status = HTTPStatus.OK if key in stored else HTTPStatus.CREATED
    number = stored.get(key, {}).get("id") or str(uuid.uuid4())
    stored[key] = {"id": number, "key": key, "value": str(value), "since": time.monotonic()}
    return Answer(status, _property(stored[key]))


def _property(stored: Json) -> Json:
    waited = time.monotonic() - stored["since"]
    synced = stored["key"] in VENDOR_PROPERTIES and waited >= SYNC_SECONDS
    return {"id": stored["id"], "key": stored["key"], "value": stored["value"], "synced": synced}


def create_patient(state: State, request: Request) -> Answer:
    body = request.body if isinstance(request.body, dict) else {}
    external_id = str(body.get("external_id") or "")
    if not external_id:
        return invalid(external_id=["This field is required."])
    if external_id.casefold() in state.patients:
        return invalid(external_id=["patient with this external id already exists."])
    return Answer(HTTPStatus.CREATED, _patient(state, body))


def update_patient(state: State, request: Request, external_id: str) -> Answer:
    if external_id.casefold() not in state.patients:
        return not_found()
    body = request.body if isinstance(request.body, dict) else {}
    return Answer(HTTPStatus.OK, _patient(state, body | {"external_id": external_id}))


def delete_patient(state: State, request: Request, external_id: str) -> Answer:
    """Delete a patient. Its devices stay active, without a patient."""
    if external_id.casefold() not in state.patients:
        return not_found()
    for record in list(state.device_records()):
        if record["patient_id"].casefold() == external_id.casefold():
            changed = state.changeable(record["id"])
            if changed:
                _attach(changed, None)
    del state.patients[external_id.casefold()]
    return Answer(HTTPStatus.NO_CONTENT, None)


def _patient(state: State, given: Json) -> Json:
    """Write the given members into the one record of that external id, and return it."""
    folded = str(given["external_id"]).casefold()
    empty = dict.fromkeys(records.PATIENT_KEYS) | {"external_id": given["external_id"], "sms_opt_in": True}
    record: Json = state.patients.setdefault(folded, empty | {"confirm_address": False})
    writable = records.PATIENT_KEYS - {"external_id", "address_status", "address_verified_by"}
    record.update({name: given[name] for name in writable if name in given})
    if all(record.get(name) for name in ADDRESS):
        sure = record["confirm_address"] or _looks_real(record["address"], record["zip_code"])
        record["address_status"] = "Verified" if sure else "Invalid"
        record["address_verified_by"] = "internal"
    return record


def _looks_real(street: str, zip_code: str) -> bool:
    return re.fullmatch(r"[0-9]{5}(-[0-9]{4})?", zip_code) is not None and "nowhere" not in street.casefold()


def _record(
    state: State, kind: Json, given: Json, hardware: str | None, order: Json | None, patient: Json | None
) -> Json:
    record: Json = {
        "id": str(uuid.uuid4()),
        "status": _first_status(hardware, order),
        "device": {
            "id": str(uuid.uuid4()),
            "created": _now(),
            "name": kind["name"],
            "hardware_uuid": hardware,
            "sensor_code": kind["sensor_code"],
            "shared_hardware_uuid": False,
            "meta_data": None,
            "fulfillment_request": _fulfillment(order, state, patient) if order else None,
            "sensor_id": given.get("sensor_id"),
            "device_type": kind["id"],
            "model_number": None,
        },
        "connected_on": None,
        "unlinked_on": None,
        "last_measurement": None,
    }
    _attach(record, patient)
    return record


def _attach(record: Json, patient: Json | None) -> None:
    record["patient"] = {key: patient[key] for key in records.PATIENT_KEYS_IN_DEVICE} if patient else None
    record["patient_id"] = patient["external_id"] if patient else ""
    record["patient_phone_number"] = patient["phone_number"] if patient else ""


def _first_status(hardware: str | None, order: Json | None) -> str:
    if order:
        return "Pending Shipment" if order.get("client_will_fulfill") else "Dropship Requested"
    known = GATEWAY_ID.fullmatch(hardware or "") or IMEI.fullmatch(hardware or "")
    return "Delivered" if known else "Unknown Gateway ID"


def _fulfillment(order: Json, state: State, patient: Json | None) -> Json:
    sure = bool(patient and patient.get("confirm_address"))
    real = sure or _looks_real(str(order["shipping_address"]), str(order["shipping_zip_code"]))
    return {
        **{name: order[name] for name in SHIPPING},
        "client_will_fulfill": bool(order.get("client_will_fulfill")),
        "ship_gateway_only": bool(order.get("ship_gateway_only")),
        "require_signature": bool(order.get("require_signature")),
        "notify_emails": order.get("notify_emails") or "",
        "client_notes": order.get("client_notes"),
        "shipped_on_behalf_of": order.get("shipped_on_behalf_of"),
        "flagged_by_client": bool(order.get("flagged_by_client")),
        "created": _now(),
        "shipping_status": "RQ",
        "shipping_tracking_link": None,
        "shipped_on": None,
        "delivered_on": None,
        "requested_by": "api",
        "fulfilled": False,
        "invalid_address": "" if real else "Address could not be verified.",
        "duplicate_device_at_address": False,
    }


def _taken(state: State, hardware: str, sensor_code: str) -> bool:
    return any(
        record["device"]["hardware_uuid"] == hardware and record["device"]["sensor_code"] == sensor_code
        for record in state.device_records()
    )


def _now() -> str:
    return wire_time(datetime.now(UTC))
