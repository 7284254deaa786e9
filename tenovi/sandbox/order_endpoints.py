"""Answer calls about the hardware log, replacements, bulk orders, supplies and registered webhooks.

Records follow the vendor's pages where they print them, else public type declarations.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus

from tenovi.sandbox.device_endpoints import SHIPPING
from tenovi.sandbox.records import Json
from tenovi.sandbox.responses import Answer, Request, invalid, listed, not_found, paged, refuse
from tenovi.sandbox.simulation import NAMESPACE, wire_time
from tenovi.sandbox.state import State
from tenovi.sandbox.webhooks import PATH_PARTS, new_webhook

SUPPLIES = ("Glucose test strips (50)", "Lancets (100)", "Control solution", "Batteries AA (4)")


def list_hardware_log(state: State, request: Request) -> Answer:
    """List the newest first, filtered by `object_id` (the HWI device) or `search` (a whole hardware id).

    The vendor's page ("Viewing Hardware UUID Logs") promises no more. So a part of an id finds nothing, nor
    does another spelling while the vendor minds the case.
    """
    rows = list(reversed(state.hardware_log))
    if "object_id" in request.query:
        rows = [row for row in rows if row["object_id"] == request.query["object_id"].lower()]
    if "search" in request.query:
        hardware = request.query["search"]
        rows = [row for row in rows if _names(state, row, hardware)]
    return listed(state, request, rows)


def _names(state: State, row: Json, hardware: str) -> bool:
    spelled = [state.spell(row[name]) for name in ("old_hardware_uuid", "new_hardware_uuid") if row[name]]
    if state.settings.minds_case:
        return hardware in spelled
    return hardware.casefold() in [logged.casefold() for logged in spelled]


def list_replacements(state: State, request: Request) -> Answer:
    return listed(state, request, list(state.replacements.values()))


def create_replacement(state: State, request: Request) -> Answer:
    """Replace a device, its gateway, or both. Shipping members come only where something is shipped."""
    body: Json = request.body if isinstance(request.body, dict) else {}
    if state.record_of(str(body.get("hwi_device_id", ""))) is None:
        return invalid(hwi_device_id=["HWI Device not found."])
    names = [item.get("name") for item in body.get("device_types") or [] if isinstance(item, dict)]
    if not names or None in names:
        return invalid(device_types=["This list may not be empty."])
    given = {name: body.get(name) or "" for name in (*SHIPPING, "notify_emails")}
    record = {**_new(), "hwi_device_id": body["hwi_device_id"], **given, "fulfilled": False}
    record["device_types"] = [{"name": name} for name in names]
    state.replacements[record["id"]] = record
    return Answer(HTTPStatus.CREATED, record)


def read_replacement(state: State, request: Request, number: str) -> Answer:
    return _one(state.replacements, number, lambda record: Answer(HTTPStatus.OK, record))


def delete_replacement(state: State, request: Request, number: str) -> Answer:
    """Delete a replacement, only while it is pending."""
    return _one(state.replacements, number, lambda record: _withdrawn(state.replacements, record))


def list_bulk_orders(state: State, request: Request) -> Answer:
    orders = list(state.bulk_orders)
    if "fulfilled" in request.query:
        orders = [order for order in orders if order["fulfilled"] == (request.query["fulfilled"] == "true")]
    return paged(request, orders)


def list_supply_types(state: State, request: Request) -> Answer:
    if not state.settings.supplies:
        return refuse(HTTPStatus.FORBIDDEN, "This module is not enabled for your account.")
    return Answer(
        HTTPStatus.OK,
        [
            {
                "id": str(uuid.uuid5(NAMESPACE, f"supply {name}")),
                "name": name,
                "description": "",
                "image": None,
                "up_front_cost": "12.00",
                "shipping_cost": "6.00",
                "hardware_uuid_required": "strips" in name,
                "deprecated": False,
            }
            for name in SUPPLIES
        ],
    )


def list_supply_requests(state: State, request: Request) -> Answer:
    if not state.settings.supplies:
        return refuse(HTTPStatus.FORBIDDEN, "This module is not enabled for your account.")
    return listed(state, request, list(state.supply_requests.values()))


def create_supply_request(state: State, request: Request) -> Answer:
    if not state.settings.supplies:
        return refuse(HTTPStatus.FORBIDDEN, "This module is not enabled for your account.")
    body: Json = request.body if isinstance(request.body, dict) else {}
    if body.get("supply_name") not in SUPPLIES:
        return invalid(supply_name=["Supply type not found."])
    if missing := [name for name in SHIPPING if not body.get(name)]:
        return invalid(**{name: ["This field is required."] for name in missing})
    keys = ("supply_name", *SHIPPING, "gateway_id", "imei", "related_client_device_id")
    record = {**_new(), **{key: body.get(key) for key in keys}, "fulfilled": False}
    state.supply_requests[record["id"]] = record
    return Answer(HTTPStatus.CREATED, record)


def delete_supply_request(state: State, request: Request, number: str) -> Answer:
    return _one(state.supply_requests, number, lambda record: _withdrawn(state.supply_requests, record))


def list_webhooks(state: State, request: Request) -> Answer:
    return Answer(HTTPStatus.OK, list(state.webhooks.by_id.values()))


def create_webhook(state: State, request: Request) -> Answer:
    body: Json = request.body if isinstance(request.body, dict) else {}
    if not str(body.get("endpoint", "")).startswith(("http://", "https://")):
        return invalid(endpoint=["Enter a valid URL."])
    if body.get("event") not in PATH_PARTS:
        return invalid(event=[f'"{body.get("event")}" is not a valid choice.'])
    record = new_webhook(body)
    state.webhooks.put(record)
    return Answer(HTTPStatus.CREATED, record)


def read_webhook(state: State, request: Request, number: str) -> Answer:
    return _one(state.webhooks.by_id, number, lambda record: Answer(HTTPStatus.OK, record))


def delete_webhook(state: State, request: Request, number: str) -> Answer:
    def gone(record: Json) -> Answer:
        state.webhooks.remove(record)
        return Answer(HTTPStatus.NO_CONTENT, None)

    return _one(state.webhooks.by_id, number, gone)


def _one(records: dict[str, Json], number: str, then: Callable[[Json], Answer]) -> Answer:
    record = records.get(number.lower())
    return then(record) if record else not_found()


def _withdrawn(records: dict[str, Json], record: Json) -> Answer:
    if record["fulfilled"]:
        return refuse(HTTPStatus.BAD_REQUEST, "A fulfilled request cannot be deleted.")
    del records[record["id"]]
    return Answer(HTTPStatus.NO_CONTENT, None)


def _new() -> Json:
    now = wire_time(datetime.now(UTC))
    return {"id": str(uuid.uuid4()), "created": now, "modified": now}
