"""Creating something at the vendor at most once while the worker is killed at one point and the vendor answers badly, over real HTTP.

The worker is a process of its own (a fork, so that dozens of cells take seconds), and is killed with
SIGKILL from within. Whoever comes after it has only what the database and the vendor hold.
"""

from __future__ import annotations

import functools
import http.client
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django import Settings

from clinics.models import Clinic
from devices.models import Device
from fulfillment.at_most_once.policy import Policy
from fulfillment.at_most_once.search import follow
from fulfillment.models import AtMostOnce, Replacement, SupplyRequest
from fulfillment.orders.policy import ORDERS
from fulfillment.special_orders.actions import place_request
from fulfillment.special_orders.policy import REPLACEMENTS, SHIPPING, SUPPLIES
from tenovi import registry
from tenovi.client import transport
from tenovi.client.endpoints import TenoviClient
from tenovi.models import ParkedKey, Request, RequestKind
from tenovi.outbound import limiter, results, sender
from tests.fulfillment.ordering import SCALE, admin_of, handed_over, offer, place_one, somebody
from tests.sandbox_server import Sandbox
from tests.vendor import vendor_clinic

DEADLINE = 2.0  # seconds for an answer, instead of 30
PATIENCE = 60.0  # seconds until an order must be settled; it takes less than one
FINAL = {"confirmed", "refused", "needs_person"}
CREATES = (RequestKind.DEVICE_CREATE, RequestKind.REPLACEMENT_CREATE, RequestKind.SUPPLY_CREATE)
SEARCHES = (
    *(RequestKind.DEVICES_OF_PATIENT, RequestKind.DEVICES_ON_HARDWARE),
    *(RequestKind.REPLACEMENTS, RequestKind.SUPPLY_REQUESTS),
)

REPLIES: dict[str, dict[str, Any]] = {
    "ok": {},
    "closed before reading": {"kind": "drop", "before": True},
    "created, then closed": {"kind": "drop"},
    "created, then 500": {"kind": "status", "status": 500},
    "created, then nothing": {"kind": "slow", "pause": 5.0},
    "created, then a web page": {"kind": "html"},
    "301": {"kind": "redirect", "status": 301, "to": "http://127.0.0.1:9/x/", "before": True},
    "307": {"kind": "redirect", "status": 307, "to": "http://127.0.0.1:9/x/", "before": True},
    "429": {"kind": "status", "status": 429, "retry_after": 1, "before": True},
    "slow drip": {"kind": "slow", "pause": 0.01},
    "created, then 429": {"kind": "status", "status": 429, "retry_after": 1},
    "refused": {"kind": "status", "status": 400, "detail": "No.", "before": True},
}
"""How the played vendor answers the first create; see `tenovi/sandbox/faults.py`."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What came of one row: entries at the vendor that are it, POSTs sent, our state."""

    killed: bool
    created: int
    posted: int
    state: str

    @property
    def is_right(self) -> bool:
        """At most one entry, and what was created is found; nothing is confirmed that is not there."""
        if self.created:
            return self.created == 1 and self.state == "confirmed"
        return self.state in ("needs_person", "refused")

    @property
    def as_text(self) -> str:
        return f"{self.created} {self.state}"


def clinic_at_its_vendor(sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Clinic:
    """A clinic at the played vendor, with a second that is shorter, and shorter still for who died in it."""
    settings.TENOVI_SPACING_SECONDS = 0.02
    settings.TENOVI_BASE_URL = sandbox.url
    monkeypatch.setattr(limiter, "HOLD", 0.1)
    sandbox.control("settings", {"rate_seconds": 0.0})
    clinic = vendor_clinic()
    clinic.tenovi_domain = sandbox.domain
    clinic.tenovi_api_key = sandbox.api_key
    clinic.save()
    offer(clinic)
    return clinic


def die(*args: Any, **kwargs: Any) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def _before_it_is_marked() -> None:
    for kind in CREATES:
        _build_with(kind, die)


def _before_sending() -> None:
    """The order says `sending`; no byte has left."""

    def then_die(build: Callable[[Request], dict[str, Any]]) -> Callable[[Request], dict[str, Any]]:
        def built(request: Request) -> dict[str, Any]:
            build(request)
            die()

        return built

    for kind in CREATES:
        _build_with(kind, then_die(registry.REQUESTS[kind].payload))


def _build_with(kind: RequestKind, payload: Callable[[Request], dict[str, Any]]) -> None:
    registry.REQUESTS[kind] = replace(registry.REQUESTS[kind], payload=payload)


def _while_sending() -> None:
    """The head has left, the body has not."""
    send = http.client.HTTPConnection.send
    posting: list[bool] = []

    def sent(self: Any, data: Any) -> None:
        if posting:
            die()
        if bytes(data).startswith(b"POST"):
            posting.append(True)
        send(self, data)

    http.client.HTTPConnection.send = sent  # type: ignore[method-assign]


def _after_sending() -> None:
    send, receive = http.client.HTTPConnection.send, transport._Gated.getresponse
    posting: list[bool] = []

    def sent(self: Any, data: Any) -> None:
        if bytes(data).startswith(b"POST"):
            posting.append(True)
        send(self, data)

    def received(self: Any) -> Any:
        return die() if posting else receive(self)

    http.client.HTTPConnection.send = sent  # type: ignore[method-assign]
    transport._Gated.getresponse = received  # type: ignore[method-assign]


def _around(*kinds: str, after: bool) -> None:
    """Before or after what came back for one of these kinds is stored."""

    def killing(store: Callable[..., Any]) -> Callable[..., Any]:
        def stored(key: Any, request: Request, *rest: Any) -> Any:
            if request.kind not in kinds:
                return store(key, request, *rest)
            if after:
                store(key, request, *rest)
            return die()

        return stored

    for name in ("answered", "failed", "slow_down"):
        setattr(results, name, killing(getattr(results, name)))


POINTS: dict[str, Callable[[], None]] = {
    "before it is marked": _before_it_is_marked,
    "before sending": _before_sending,
    "while sending": _while_sending,
    "after sending": _after_sending,
    "reply, not stored": functools.partial(_around, *CREATES, after=False),
    "reply stored": functools.partial(_around, *CREATES, after=True),
    "while looking": functools.partial(_around, *SEARCHES, after=False),
}
"""Where the worker is killed."""
NOTHING_SENT = ("before it is marked", "before sending")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing that is created at most once. `place` puts one of this number in the queue; `entries`
    are those at the vendor that are it."""

    policy: Policy[Any, Any]
    path: str
    place: Callable[[Clinic, Sandbox, int], AtMostOnce]
    entries: Callable[[Sandbox, int], list[Any]]


def _order(clinic: Clinic, sandbox: Sandbox, number: int) -> AtMostOnce:
    return place_one(clinic, somebody(clinic, f"crash-{number}"))


def _stock_order(clinic: Clinic, sandbox: Sandbox, number: int) -> AtMostOnce:
    return place_one(clinic, None, handed_over(hardware_uuid=_gateway(number)))


def _replacement(clinic: Clinic, sandbox: Sandbox, number: int) -> AtMostOnce:
    listed = sandbox.call("/hwi/hwi-devices/", page=1).json()["results"][0]["id"]
    device, _ = Device.objects.for_clinic(clinic).get_or_create(clinic=clinic, hwi_device_id=listed)
    wanted = Replacement(clinic=clinic, device=device, parts=[f"Part {number}"])
    return place_request(order_request=wanted, by=admin_of(clinic))


def _supplies(clinic: Clinic, sandbox: Sandbox, number: int) -> AtMostOnce:
    address = dict.fromkeys(SHIPPING, "somewhere")
    wanted = SupplyRequest(
        clinic=clinic, supply_name="Lancets (100)", hardware_uuid=_gateway(number), **address
    )
    return place_request(order_request=wanted, by=admin_of(clinic))


def _gateway(number: int) -> str:
    return f"{0xABC000000000 + number:012X}"


def _scales(sandbox: Sandbox, **whose: str) -> list[Any]:
    records = sandbox.call("/hwi/hwi-devices/", page=1, **whose).json()["results"]
    return [record for record in records if record["device"]["name"] == SCALE]


def _rows(sandbox: Sandbox, path: str) -> list[Any]:
    answer = sandbox.call(path).json()
    return list(answer["results"] if isinstance(answer, dict) else answer)


KINDS = {
    "for a patient": Kind(
        ORDERS,
        "hwi-devices",
        _order,
        lambda sandbox, number: _scales(sandbox, patient__external_id=f"crash-{number}"),
    ),
    "into stock": Kind(
        ORDERS,
        "hwi-devices",
        _stock_order,
        lambda sandbox, number: _scales(sandbox, device__hardware_uuid__iexact=_gateway(number)),
    ),
    "replacement": Kind(
        REPLACEMENTS,
        "hwi-replacements",
        _replacement,
        lambda sandbox, number: [
            row
            for row in _rows(sandbox, "/hwi/hwi-replacements/")
            if row["device_types"] == [{"name": f"Part {number}"}]
        ],
    ),
    "supplies": Kind(
        SUPPLIES,
        "supply-requests",
        _supplies,
        lambda sandbox, number: [
            row
            for row in _rows(sandbox, "/devices/supply-requests/")
            if str(row["gateway_id"]).upper() == _gateway(number)
        ],
    ),
}


def crash(
    clinic: Clinic,
    sandbox: Sandbox,
    number: int,
    point: str,
    reply: str,
    *,
    kind: Kind,
    deadline: float = DEADLINE,
) -> Cell:
    """Place one of this kind, with this reply to the first create and the worker killed there.

    `deadline` is how many seconds the vendor has for an answer.
    """
    sandbox.control("faults", method="DELETE")
    if REPLIES[reply]:
        sandbox.control("faults", {"path": kind.path, "method": "POST", **REPLIES[reply]})
    row = kind.place(clinic, sandbox, number)
    sandbox.control("requests", method="DELETE")
    killed = _work_and_die(kind, row, POINTS[point], deadline)
    _wait_for_the_vendor(sandbox, posted=point not in NOTHING_SENT)
    _work_until_settled(kind, row)
    posted = sum(request["method"] == "POST" for request in sandbox.requests())
    return Cell(killed, len(kind.entries(sandbox, number)), posted, _state(kind, row))


def _work_and_die(kind: Kind, row: AtMostOnce, arm: Callable[[], None], deadline: float) -> bool:
    """A worker works until it has killed itself, or has settled the row; whether it was killed."""
    connection.close()  # a fork must not share it
    pid = os.fork()
    if pid == 0:
        try:
            arm()
            vars(sender)["TenoviClient"] = functools.partial(TenoviClient, deadline=deadline)
            _work_until_settled(kind, row)
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status)


def _work_until_settled(kind: Kind, row: AtMostOnce) -> None:
    """Worker and scheduler, with all pauses over."""
    deadline = time.monotonic() + PATIENCE
    while _state(kind, row) not in FINAL and time.monotonic() < deadline:
        ParkedKey.objects.all().delete()
        waiting = kind.policy.model.objects.for_clinic(row.clinic).filter(search_due_at__isnull=False)
        waiting.filter(id=row.id).update(search_due_at=timezone.now())
        follow(kind.policy)
        Request.objects.for_clinic(row.clinic).filter(state="waiting").update(not_before=Now())
        sender.drain(seconds=2)


def _state(kind: Kind, row: AtMostOnce) -> str:
    return str(kind.policy.model.objects.for_clinic(row.clinic).get(id=row.id).state)


def _wait_for_the_vendor(sandbox: Sandbox, *, posted: bool) -> None:
    """What reached it happens, dead client or not."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        posts = [request for request in sandbox.requests() if request["method"] == "POST"]
        if all(request["done"] for request in posts) and (posts or not posted):
            return
        time.sleep(0.02)
    raise AssertionError("The played vendor is still at work.")
