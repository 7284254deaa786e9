"""The vendor's endpoints: each a function of the state and a request, found through `ROUTES`.

Paths are relative to `/clients/<domain>`. Filters and paging follow the vendor's API overview and
its page about pagination; a filter nobody documents is ignored, as Django REST Framework does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from tenovi.sandbox import shapes
from tenovi.sandbox.shapes import Json
from tenovi.sandbox.simulation import wire_time
from tenovi.sandbox.state import State

MAX_PAGE_SIZE = 1000
NEXT_HOST = "https://api.tenovi.com"  # what the vendor's sample of `next` names: not the host called


@dataclass(frozen=True, slots=True)
class Request:
    """`path` is relative to the client's part of the API."""

    domain: str
    method: str
    path: str
    query: dict[str, str]
    body: Any = None


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


Endpoint = Callable[..., Answer]


def answer(state: State, request: Request) -> Answer:
    """What the vendor answers to a request that was let in."""
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


def refuse(status: int, detail: str, **headers: str) -> Answer:
    return Answer(
        status, {"detail": detail}, {name.replace("_", "-"): text for name, text in headers.items()}
    )


def not_found() -> Answer:
    return refuse(HTTPStatus.NOT_FOUND, "Not found.")


def list_devices(state: State, request: Request) -> Answer:
    query = request.query
    records = list(state.device_records())
    if "patient__external_id" in query:
        records = [r for r in records if r["patient_id"] == query["patient__external_id"]]
    if "device__hardware_uuid" in query:
        records = [r for r in records if r["device"]["hardware_uuid"] == query["device__hardware_uuid"]]
    if "device__hardware_uuid__iexact" in query:
        wanted = query["device__hardware_uuid__iexact"].upper()
        records = [r for r in records if r["device"]["hardware_uuid"] == wanted]
    if "search" in query:
        records = [r for r in records if query["search"].casefold() in _searched(r)]
    return _listed(state, request, records)


def read_device(state: State, request: Request, device_id: str) -> Answer:
    if device_id.lower() not in state.simulated:
        return not_found()
    return Answer(HTTPStatus.OK, state.device_record(device_id.lower()))


def list_device_types(state: State, request: Request) -> Answer:
    return Answer(HTTPStatus.OK, shapes.device_types())


def list_device_measurements(state: State, request: Request, device_id: str) -> Answer:
    if device_id.lower() not in state.simulated:
        return not_found()
    return _measurements(state, request, state.rows_of(device_id.lower()))


def list_patient_measurements(state: State, request: Request, external_id: str) -> Answer:
    devices = [
        device.id
        for device in state.simulated.values()
        if device.patient.external_id.casefold() == external_id.casefold()
    ]
    return _measurements(state, request, [row for device_id in devices for row in state.rows_of(device_id)])


def list_patients(state: State, request: Request) -> Answer:
    return _page(request, list(state.patients.values()))


def read_patient(state: State, request: Request, external_id: str) -> Answer:
    record = state.patients.get(external_id.casefold())
    return Answer(HTTPStatus.OK, record) if record else not_found()


def read_gateway(state: State, request: Request, gateway_uuid: str) -> Answer:
    for info in state.gateways():
        if info["gateway_uuid"] == gateway_uuid.lower():
            return Answer(HTTPStatus.OK, info)
    return not_found()


def list_gateways(state: State, request: Request) -> Answer:
    rows = [
        shapes.gateway_row(i, state.last_measurement_through(i["gateway_uuid"])) for i in state.gateways()
    ]
    for name in ("last_measurement", "shipped_on"):
        wanted = request.query.get(f"{name}__isnull")
        if wanted is not None:
            rows = [row for row in rows if (row[name] is None) == (wanted.lower() in ("true", "1"))]
    ordering = request.query.get("ordering", "")
    if ordering.lstrip("-") in ("assigned_on", "shipped_on", "last_measurement"):
        rows.sort(key=lambda row: row[ordering.lstrip("-")] or "", reverse=ordering.startswith("-"))
    return _page(request, rows)


def _searched(record: Json) -> str:
    device, patient = record["device"], record["patient"]
    texts = (record["id"], device["name"], device["hardware_uuid"], patient["external_id"], patient["name"])
    return " ".join(texts).casefold()


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
    return _listed(state, request, rows)


def _moment(text: str) -> str | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return wire_time(moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC))


def _listed(state: State, request: Request, records: list[Json]) -> Answer:
    """A bare list, cut at the limit, unless a page is asked for."""
    if "page" in request.query:
        return _page(request, records)
    return Answer(HTTPStatus.OK, records[: state.settings.bare_limit])


def _page(request: Request, records: Iterable[Json]) -> Answer:
    records = list(records)
    size = _number(request.query.get("page_size"), 100)
    size = min(size, MAX_PAGE_SIZE) if size else 100
    number = _number(request.query.get("page"), 1)
    last = max(1, -(-len(records) // size))
    if not 1 <= number <= last:
        return refuse(HTTPStatus.NOT_FOUND, "Invalid page.")

    def link(to: int) -> str:
        return (
            f"{NEXT_HOST}/clients/{request.domain}{request.path}?{urlencode({**request.query, 'page': to})}"
        )

    body = {
        "count": len(records),
        "next": link(number + 1) if number < last else None,
        "previous": link(number - 1) if number > 1 else None,
        "results": records[(number - 1) * size : number * size],
    }
    return Answer(HTTPStatus.OK, body)


def _number(text: str | None, default: int) -> int:
    """0 for what is no positive number."""
    if text is None:
        return default
    return int(text) if text.isascii() and text.isdigit() else 0


def _route(path: str, **methods: Endpoint) -> tuple[re.Pattern[str], dict[str, Endpoint]]:
    return re.compile(path.replace("<", "(?P<").replace(">", ">[^/]+)")), methods


ROUTES = (
    _route("/hwi/hwi-devices/", GET=list_devices),
    _route("/hwi/hwi-devices/<device_id>/", GET=read_device),
    _route("/hwi/hwi-devices/<device_id>/measurements/", GET=list_device_measurements),
    _route("/hwi/patients/<external_id>/measurements/", GET=list_patient_measurements),
    _route("/hwi/hwi-device-types/", GET=list_device_types),
    _route("/hwi/hwi-patients/", GET=list_patients),
    _route("/hwi/hwi-patients/<external_id>/", GET=read_patient),
    _route("/hwi/gateway-info/<gateway_uuid>/", GET=read_gateway),
    _route("/hwi/hwi-gateways/", GET=list_gateways),
)
