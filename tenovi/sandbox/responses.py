"""Define requests and answers of the endpoints, and build refusals and pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from tenovi.sandbox.records import Json
from tenovi.sandbox.state import State

MAX_PAGE_SIZE = 1000
NEXT_HOST = "https://api.tenovi.com"  # in the vendor's sample of `next`: not the host that was called


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


def refuse(status: int, detail: str, **headers: str) -> Answer:
    return Answer(
        status, {"detail": detail}, {name.replace("_", "-"): text for name, text in headers.items()}
    )


def not_found() -> Answer:
    return refuse(HTTPStatus.NOT_FOUND, "Not found.")


def invalid(**fields: Any) -> Answer:
    """Answer 400 with errors nested like the request, each a list of texts, as Django REST Framework does."""
    return Answer(HTTPStatus.BAD_REQUEST, fields)


def listed(state: State, request: Request, records: list[Json]) -> Answer:
    """Answer with a page if one is requested, else with a bare list that is cut at the limit."""
    if "page" in request.query:
        return paged(request, records)
    return Answer(HTTPStatus.OK, records[: state.settings.bare_limit])


def paged(request: Request, records: Iterable[Json]) -> Answer:
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
    if text is None:
        return default
    return int(text) if text.isascii() and text.isdigit() else 0  # which no page and no size may be
