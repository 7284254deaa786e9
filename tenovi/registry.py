"""Hand deliveries and answers up to rooms that the vendor's room must not import.

Each room has a table in its `handlers.py` and adds it in `AppConfig.ready()`. A handler gets
everything at once and runs inside the caller's transaction.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from tenovi.models import Delivery, Request, RequestKind
from tenovi.models.ledger import DeliveryKind

if TYPE_CHECKING:
    from tenovi.client.errors import VendorError

ElementState = Literal["stored", "updated", "duplicate", "quarantined", "pending"]


@dataclass(frozen=True, slots=True)
class ElementResult:
    """What became of one element. `reason` is from the closed list in `docs/reasons.md`.

    `content` is equal for elements that state the same, by webhook or fetch; None where nothing compares them.
    """

    state: ElementState
    reason: str = ""
    hwi_device_id: uuid.UUID | None = None
    content: uuid.UUID | None = None


STORED = ElementResult("stored")


class NothingToSend(Exception):
    """The reason for a write is gone: the request is dropped."""


class NoLongerMeant(Exception):
    """Sent now, a write would do what was not asked for: it is parked, with this text as the reason."""


DeliveryHandler = Callable[[Delivery, Sequence[Any]], list[ElementResult]]
"""Store the elements (parsed JSON values) of a delivery. Returns one result per element."""

AnswerHandler = Callable[[Request, Any], int]
"""Store the client's typed answer to a request (of a list: one page). Returns how many elements of it could
not be used."""

PayloadBuilder = Callable[[Request], dict[str, Any]]
"""Build the body of a write from our rows as they are now. Raises `NothingToSend`."""

SendCheck = Callable[[Request], None]
"""Check a write just before it is sent. Raises `NoLongerMeant`."""

FailureHandler = Callable[[Request, "VendorError | None"], None]
"""React to a request without an answer. `request.state` is parked or unknown; of a kind that creates
something also waiting, because nothing was done. The error is None when the sending process died."""


def no_body(request: Request) -> dict[str, Any]:
    return {}


def always_meant(request: Request) -> None:
    """Let every write pass."""


def only_shown(request: Request, error: VendorError | None) -> None:
    """Do nothing: the operations page lists a parked request anyway."""


@dataclass(frozen=True, slots=True)
class Handler:
    """What a room does about one kind of request."""

    answer: AnswerHandler
    payload: PayloadBuilder = no_body
    check: SendCheck = always_meant
    failed: FailureHandler = only_shown


H = TypeVar("H")
REQUESTS: dict[str, Handler] = {}
DELIVERIES: dict[str, DeliveryHandler] = {}


def add_requests(table: Mapping[RequestKind, Handler]) -> None:
    """Register a room's table of requests. Raises when a kind does not exist or is registered already."""
    for kind, handler in table.items():
        _register(REQUESTS, RequestKind(kind), handler)


def add_deliveries(table: Mapping[DeliveryKind, DeliveryHandler]) -> None:
    """Register a room's table of deliveries. Raises when a kind does not exist or is registered already."""
    for kind, handler in table.items():
        _register(DELIVERIES, DeliveryKind(kind), handler)


def _register(handlers: dict[str, H], kind: str, handler: H) -> None:
    if kind in handlers:
        raise RuntimeError(f"Two handlers for {kind}: {handlers[kind]} and {handler}.")
    handlers[kind] = handler
