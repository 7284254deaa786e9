"""In every test: whatever somebody changes through a page or the API leaves a line in the record."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from psycopg.types.json import Jsonb

from clinics.models import User

WRITES = re.compile(r'(INSERT INTO|UPDATE|DELETE FROM) "?(\w+)"?')
RECORD = "clinics_auditevent"
BOOKKEEPING = {"clinics_session", "clinics_user", "axes_accessattempt", "clinics_apitoken"}
"""What a request may write about itself: when somebody was last here, what they tried."""
DRAFTS = {("GET", "account/second-factor/")}
"""A secret is made for an app to scan; it counts for nothing until a code proves that one did."""
WORDLESS = {"clinics_secondfactor"}
"""Holds a secret and no word about anybody."""

unrecorded: list[str] = []


class Writes:
    """What the statements of one request changed, table by table, and what it put on the record."""

    def __init__(self) -> None:
        self.changed: set[str] = set()
        self.updated: set[str] = set()
        self.details: list[dict[str, Any]] = []

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        found = WRITES.match(str(sql))
        if found and context["cursor"].rowcount:
            if found[2] == RECORD:
                details = [param.obj for param in params if isinstance(param, Jsonb)]
                self.details += [detail for detail in details if "page" not in detail]  # a mere look
            elif found[2] not in BOOKKEEPING:
                self.changed.add(found[2])
                self.updated |= {found[2]} if found[1] == "UPDATE" else set()
        return result


class WatchedRequests:
    """Innermost middleware: sees what a view writes for somebody who is signed in, or for a script.

    A line for what was added or taken away, and what it was before and after where something was
    changed. Each call of a script is a line by itself, which comes first and does not count here.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        writes = Writes()
        with connection.execute_wrapper(writes):
            response = self.get_response(request)
        route = request.resolver_match.route if request.resolver_match else ""
        somebody = isinstance(request.user, User) or hasattr(request, "actor_id")
        lines = writes.details[1:] if route.startswith("api/") else writes.details
        if somebody and (request.method, route) not in DRAFTS:
            if writes.changed and not lines:
                unrecorded.append(f"{request.method} {route} changed {sorted(writes.changed)}")
            if writes.updated - WORDLESS and not any(lines):
                unrecorded.append(f"{request.method} {route} does not say what it changed")
        return response


@pytest.fixture(autouse=True, scope="session")
def watched_requests() -> Iterator[None]:
    settings.MIDDLEWARE.append(f"{__name__}.{WatchedRequests.__name__}")
    yield
    settings.MIDDLEWARE.remove(f"{__name__}.{WatchedRequests.__name__}")


@pytest.fixture(autouse=True)
def every_write_is_recorded(watched_requests: None) -> Iterator[None]:
    yield
    found = unrecorded[:]
    unrecorded.clear()
    assert not found, f"Nobody could tell later who did this: {found}"
