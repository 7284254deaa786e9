"""Whatever an address says, no page and no answer fails: 200 with the nearest that makes sense, or 4xx.

Which parameters a page reads is found by looking while it is asked; that none is missed is held by
reading the code.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.test import Client

from tests.test_architecture import MODULES, named, tree
from tests.test_rights import DAY, QUERIES, RIGHTS, ROLES, Right, World, gateway_in, make_world

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(600)]

DATES = (
    *("0001-01-01", "0000-00-00", "2014-12-31", "2015-01-01", "2999-12-31", "9999-12-31"),
    *("2026-02-30", "20260301", "２０２６-03-01"),
)
MONTHS = ("0001-01", "2015-01", "2999-12", "9999-12", "99999-99", "2026-00")
MOMENTS = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-03-01T00:00:00+99:00")
NUMBERS = ("0", "-1", "9" * 400, "NaN", "9223372036854775808")
TEXTS = ("", "a\0b", "ﷺ" * 300, "%", "'\"--")
VALUES = (*DATES, *MONTHS, *MOMENTS, *NUMBERS, *TEXTS)
ALONE = ("0001-01-01", "9999-12-31", "2015-01", "2999-12", "0001-01-01T00:00:00+14:00", "9" * 400, "a\0b")
"""Of each parameter by itself; what is wrong with one may hide the others."""
SHARES = 8
"""The routes are dealt out to so many tests, each in a clinic of its own."""

read: defaultdict[str, set[str]] = defaultdict(set)
"""By route, the parameters that were read while it was asked."""


class WatchedQuery(QueryDict):
    """Notes which names somebody asks for."""

    route = ""

    def get(self, key: str, *args: Any) -> Any:
        read[self.route].add(key)
        return super().get(key, *args)

    def getlist(self, key: str, *args: Any) -> Any:
        read[self.route].add(key)
        return super().getlist(key, *args)

    def __contains__(self, key: object) -> bool:
        read[self.route].add(str(key))
        return super().__contains__(key)


class WatchedQueries:
    """Middleware: gives each view a query that notes what is read of it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: object) -> None:
        watched: Any = WatchedQuery(request.META.get("QUERY_STRING", ""))
        watched.route = request.resolver_match.route if request.resolver_match else ""
        request.GET = watched


@pytest.fixture(autouse=True)
def watched_queries() -> Iterator[None]:
    settings.MIDDLEWARE.append(f"{__name__}.{WatchedQueries.__name__}")
    yield
    settings.MIDDLEWARE.pop()


@pytest.fixture
def world() -> World:
    world = make_world("alpha", "A1A1A1A1A1A1")
    for client in world.people.values():
        client.raise_request_exception = False
    return world


LOOKS = [right for right in RIGHTS if right.method == "GET"]


def client_of(world: World, right: Right) -> Client:
    return world.people[min(right.roles, key=ROLES.index)]


def address_of(world: World, right: Right, **others: Any) -> str:
    return world.path(right, **gateway_in(right, world) | others).partition("?")[0]


def failed(client: Client, address: str) -> list[str]:
    answer = client.get(address)
    return [f"{answer.status_code}: {address[:200]}"] if answer.status_code >= 500 else []


def queries(right: Right, names: set[str]) -> Iterator[str]:
    """Each parameter by itself, and all of them at once, said twice with each value."""
    usual = next((query for end, query in QUERIES.items() if right.route.endswith(end)), "?")[1:]
    for value in ALONE:
        for name in sorted(names):
            yield f"{usual}&{name}={quote(value, safe='')}"
    for value in VALUES:
        said = quote(value, safe="")
        yield "&".join(f"{name}=x&{name}={said}" for name in sorted(names))


@pytest.mark.parametrize("share", range(SHARES))
def test_no_parameter_makes_a_page_or_an_answer_fail(world: World, share: int) -> None:
    wrong = []
    for right in LOOKS[share::SHARES]:
        client, address = client_of(world, right), address_of(world, right)
        client.get(world.path(right, **gateway_in(right, world)))
        for query in queries(right, read[right.route] | {"page"}):
            wrong += failed(client, f"{address}?{query}")
    assert wrong == []


def test_no_part_of_an_address_makes_a_page_fail(world: World) -> None:
    wrong = []
    for right in LOOKS:
        for converter, name in re.findall(r"<(\w+):(\w+)>", right.route):
            if converter not in ("uuid", "slug"):
                filled = address_of(world, right, **{name: "PLACE"})
                for value in (*DATES, *NUMBERS, *TEXTS[1:]):
                    place = quote(value, safe="")
                    wrong += failed(client_of(world, right), filled.replace("PLACE", place))
    assert wrong == []


@pytest.mark.parametrize("day", ["0001-01-01", "2014-12-31", "3000-01-01", "9999-12-31", "2026-02-30"])
def test_a_day_that_nobody_measures_on_is_no_page(world: World, day: str) -> None:
    for right in (right for right in LOOKS if "day" in right.parameters):
        assert client_of(world, right).get(address_of(world, right, day=day)).status_code == 404, right


@pytest.mark.parametrize(
    ("month", "title"),
    [("2015-01", "January 2015"), ("2999-12", "December 2999"), ("2014-12", None), ("9999-12", None)],
)
def test_a_month_at_the_edge_is_shown_and_one_beyond_it_is_the_present_one(
    world: World, month: str, title: str | None
) -> None:
    patient = world.values["patient_id"]
    client = world.people["clinic_admin"]
    for address, part in ("/c/alpha/billing/", "month"), (f"/c/alpha/patients/{patient}/", "calendar"):
        now = client.get(address).context[part]["title"]
        assert client.get(address, {"month": month}).context[part]["title"] == (title or now)


def names_in_code() -> set[str]:
    """Names of parameters as the code reads them: `request.GET.get("name")`, `query.get("name")`."""
    found = set()
    for path in MODULES:
        if "sandbox" in path.parts:
            continue
        for node in ast.walk(tree(path)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("get", "getlist")
                and re.search(r"(\.GET|\bquery)$", ast.unparse(node.func.value))
                and node.args
                and isinstance(node.args[0], ast.Constant)
                and "api" not in named(path)
            ):
                found.add(str(node.args[0].value))
    return found


ELSEWHERE = {"next"}
"""Where to go after signing in, which has tests of its own (tests/clinics/test_sign_in.py)."""


def test_every_parameter_that_the_code_reads_is_tried(world: World) -> None:
    for right in LOOKS:
        client_of(world, right).get(world.path(right, **gateway_in(right, world)))
    tried = set().union(*(read[right.route] for right in LOOKS))
    assert names_in_code() - tried - ELSEWHERE == set()
    assert {"taken_after", "cursor", "page_size", "first", "last", "month"} <= tried
    assert DAY.year > 2015


READ_DATES = {"common/iso_dates.py", "common/api_fields.py", "clinics/commands.py"}
"""The one range of dates, for paths, queries and forms; the moments of the API, and of commands."""
OF_THE_VENDOR = {"tenovi/inbound/element.py", "tenovi/client/members.py", "dashboard/demo.py"}
"""What the vendor or the sandbox writes, which has its own range."""


def test_dates_that_people_write_are_read_in_one_place() -> None:
    readers = {
        named(path)
        for path in MODULES
        if not {"sandbox", "commands", "launcher"} & set(path.parts)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and re.search(r"fromisoformat$|strptime$|^forms\.DateField$", ast.unparse(node.func))
    }
    assert readers - READ_DATES - OF_THE_VENDOR == set()
