"""Route requests to the endpoints: functions of the state and a request.

Paths are relative to `/clients/<domain>`. Filters and paging follow the vendor's API overview and its page
about pagination. An undocumented filter is ignored, as Django REST Framework does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from tenovi.sandbox import device_endpoints, order_endpoints
from tenovi.sandbox import records as sandbox_records
from tenovi.sandbox.records import Json
from tenovi.sandbox.responses import Answer, Request, listed, not_found, paged, refuse
from tenovi.sandbox.simulation import wire_time
from tenovi.sandbox.state import State

Endpoint = Callable[..., Answer]


def answer(state: State, request: Request) -> Answer:
    """Answer a request whose key and rate were accepted."""
    allowed = False
    for pattern, methods in ROUTES:
        match = pattern.fullmatch(request.path)
        if match and request.method in methods:
            with state.lock:
                return methods[request.method](state, request, **match.groupdict())
        allowed = allowed or match is not None
    if allowed:
        return refuse(HTTPStatus.METHOD_NOT_ALLOWED, f'Method "{request.method}" not allowed.')
    return not_found()


def knows(path: str) -> bool:
    return any(pattern.fullmatch(path) for pattern, _ in ROUTES)


def list_devices(state: State, request: Request) -> Answer:
    query = request.query
    records = list(state.device_records())
    if "patient__external_id" in query:
        records = [r for r in records if r["patient_id"] == query["patient__external_id"]]
    if "device__hardware_uuid" in query:
        hardware = query["device__hardware_uuid"]
        records = [r for r in records if state.spell(r["device"]["hardware_uuid"] or "") == hardware]
    if "device__hardware_uuid__iexact" in query:
        hardware = query["device__hardware_uuid__iexact"].upper()
        records = [r for r in records if r["device"]["hardware_uuid"] == hardware]
    if "properties__key" in query:
        records = [r for r in records if query["properties__key"] in state.properties.get(r["id"], {})]
    if "search" in query:
        records = [r for r in records if query["search"].casefold() in _searched(r)]
    return listed(state, request, records)


def read_device(state: State, request: Request, device_id: str) -> Answer:
    record = state.record_of(device_id)
    return Answer(HTTPStatus.OK, record) if record else not_found()


def list_device_types(state: State, request: Request) -> Answer:
    return Answer(HTTPStatus.OK, sandbox_records.device_types())


def list_device_measurements(state: State, request: Request, device_id: str) -> Answer:
    if state.record_of(device_id) is None:
        return not_found()
    return _measurements(state, request, state.rows_of(device_id.lower()))


def list_patient_measurements(state: State, request: Request, external_id: str) -> Answer:
    folded = external_id.casefold()
    rows = (row for record in state.device_records() for row in state.rows_of(record["id"]))
    return _measurements(state, request, [row for row in rows if row["patient_id"].casefold() == folded])


def list_patients(state: State, request: Request) -> Answer:
    return paged(request, list(state.patients.values()))


def read_patient(state: State, request: Request, external_id: str) -> Answer:
    record = state.patients.get(external_id.casefold())
    return Answer(HTTPStatus.OK, record) if record else not_found()


def read_gateway(state: State, request: Request, gateway_uuid: str) -> Answer:
    for info in state.gateways():
        given = gateway_uuid if state.settings.minds_case else state.spell(gateway_uuid.upper())
        if state.spell(info["gateway_uuid"]) == given:
            return Answer(HTTPStatus.OK, info)
    return not_found()


def list_gateways(state: State, request: Request) -> Answer:
    rows = [
        sandbox_records.gateway_row(i, state.last_measurement_through(i["gateway_uuid"]))
        for i in state.gateways()
    ]
    for name in ("last_measurement", "shipped_on"):
        is_null = request.query.get(f"{name}__isnull")
        if is_null is not None:
            rows = [row for row in rows if (row[name] is None) == (is_null.lower() in ("true", "1"))]
    ordering = request.query.get("ordering", "")
    if ordering.lstrip("-") in ("assigned_on", "shipped_on", "last_measurement"):
        rows.sort(key=lambda row: row[ordering.lstrip("-")] or "", reverse=ordering.startswith("-"))
    return paged(request, rows)


def _searched(record: Json) -> str:
    device, patient = record["device"], record["patient"]
    texts = (record["id"], device["name"], device["hardware_uuid"], record["patient_id"])
    name = patient["name"] if patient else ""
    return " ".join(text or "" for text in (*texts, name)).casefold()


def _measurements(state: State, request: Request, rows: list[Json]) -> Answer:
    query = request.query
    bounds: list[tuple[str, bool, str]] = []
    for name in ("created", "timestamp"):
        for suffix, keeps_later in (("gte", True), ("lt", False)):
            if f"{name}__{suffix}" in query:
                moment = _moment(query[f"{name}__{suffix}"])
                if moment is None:
                    return Answer(HTTPStatus.BAD_REQUEST, {f"{name}__{suffix}": ["Enter a valid date/time."]})
                bounds.append((name, keeps_later, moment))
    if "page" not in query:
        oldest = datetime.now(UTC) - timedelta(days=state.settings.bare_days)
        bounds.append(("created", True, wire_time(oldest)))
    if "metric__name" in query:
        rows = [row for row in rows if row["metric"] == query["metric__name"]]
    # Times in the vendor's fixed-width form sort as text.
    rows = [row for row in rows if all((row[name] >= moment) == later for name, later, moment in bounds)]
    rows.sort(key=lambda row: row["created"], reverse=state.settings.newest_first)
    return listed(state, request, rows)


def _moment(text: str) -> str | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return wire_time(moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC))


def _route(path: str, **methods: Endpoint) -> tuple[re.Pattern[str], dict[str, Endpoint]]:
    return re.compile(path.replace("<", "(?P<").replace(">", ">[^/]+)")), methods


ROUTES = (
    _route("/hwi/hwi-devices/", GET=list_devices, POST=device_endpoints.create_device),
    _route(
        "/hwi/hwi-devices/<device_id>/",
        GET=read_device,
        PUT=device_endpoints.put_device,
        PATCH=device_endpoints.patch_device,
        DELETE=device_endpoints.delete_device,
    ),
    _route("/hwi/unlink-gateway/<device_id>/", GET=device_endpoints.unlink_gateway),
    _route("/hwi/hwi-devices/<device_id>/measurements/", GET=list_device_measurements),
    _route(
        "/hwi/hwi-devices/<device_id>/properties/",
        GET=device_endpoints.list_properties,
        POST=device_endpoints.put_property,
    ),
    _route("/hwi/patients/<external_id>/measurements/", GET=list_patient_measurements),
    _route("/hwi/hwi-device-types/", GET=list_device_types),
    _route("/hwi/hwi-patients/", GET=list_patients, POST=device_endpoints.create_patient),
    _route(
        "/hwi/hwi-patients/<external_id>/",
        GET=read_patient,
        PUT=device_endpoints.update_patient,
        PATCH=device_endpoints.update_patient,
        DELETE=device_endpoints.delete_patient,
    ),
    _route("/hwi/gateway-info/<gateway_uuid>/", GET=read_gateway),
    _route("/hwi/hwi-gateways/", GET=list_gateways),
    _route("/hwi/hardware-uuid-logs/", GET=order_endpoints.list_hardware_log),
    _route("/hwi/hwi-hardware-uuid-logs/", GET=order_endpoints.list_hardware_log),
    _route(
        "/hwi/hwi-replacements/",
        GET=order_endpoints.list_replacements,
        POST=order_endpoints.create_replacement,
    ),
    _route(
        "/hwi/hwi-replacements/<number>/",
        GET=order_endpoints.read_replacement,
        DELETE=order_endpoints.delete_replacement,
    ),
    _route("/hwi/hwi-bulk-orders/", GET=order_endpoints.list_bulk_orders),
    _route("/hwi/webhooks/", GET=order_endpoints.list_webhooks, POST=order_endpoints.create_webhook),
    _route(
        "/hwi/webhooks/<number>/", GET=order_endpoints.read_webhook, DELETE=order_endpoints.delete_webhook
    ),
    _route("/asr/supply-types/", GET=order_endpoints.list_supply_types),
    _route(
        "/asr/supply-requests/",
        GET=order_endpoints.list_supply_requests,
        POST=order_endpoints.create_supply_request,
    ),
    _route("/asr/supply-requests/<number>/", DELETE=order_endpoints.delete_supply_request),
    _route(
        "/devices/supply-requests/",
        GET=order_endpoints.list_supply_requests,
        POST=order_endpoints.create_supply_request,
    ),
    _route("/devices/supply-requests/<number>/", DELETE=order_endpoints.delete_supply_request),
)
