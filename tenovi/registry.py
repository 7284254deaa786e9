"""How the vendor's room hands deliveries and answers up to rooms that it must not import.

Each room registers its handlers in `AppConfig.ready()`. A handler gets everything at once and
runs inside the caller's transaction.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from tenovi.client.errors import VendorError
    from tenovi.models import Delivery, Request

ElementState = Literal["stored", "updated", "duplicate", "quarantined", "pending"]


@dataclass(frozen=True, slots=True)
class ElementResult:
    """What became of one element. `reason` is from the closed list in `docs/reasons.md`.

    `content` is the same for an element that says the same, by webhook or fetch; None where nobody asks.
    """

    state: ElementState
    reason: str = ""
    hwi_device_id: uuid.UUID | None = None
    content: uuid.UUID | None = None


DeliveryHandler = Callable[["Delivery", Sequence[Any]], list[ElementResult]]
"""Given a delivery and its elements (parsed JSON values), returns one verdict per element."""

AnswerHandler = Callable[["Request", Any], int]
"""Given a request row and the client's typed answer (a list: one page of it), writes what it means
for this room. Returns how many elements of it could not be used."""

PayloadBuilder = Callable[["Request"], dict[str, Any]]
"""Given the row of a write, puts together what is sent, out of our own rows as they are now. Raises
`NothingToSend` when there is no longer anything to say."""

SendCheck = Callable[["Request"], None]
"""Given the row of a write that is about to be sent, raises `NoLongerMeant` when it would now do something
else than was asked for."""

FailureHandler = Callable[["Request", "VendorError | None"], None]
"""Told what became of a request that brought no answer (`request.state`): parked, or perhaps done, and
of what creates something also that it waits again because nothing was done. None: its process died."""


class NothingToSend(Exception):
    """What was to be told to the vendor is no longer so: the request is dropped."""


class NoLongerMeant(Exception):
    """Sent now, the request would do what nobody has asked for: it is parked, with this text as the reason."""


_delivery_handlers: dict[str, DeliveryHandler] = {}
_answer_handlers: dict[str, AnswerHandler] = {}
_payload_builders: dict[str, PayloadBuilder] = {}
_send_checks: dict[str, SendCheck] = {}
_failure_handlers: dict[str, FailureHandler] = {}


def on_delivery(kind: str, handler: DeliveryHandler) -> None:
    _register(_delivery_handlers, kind, handler)


def on_answer(kind: str, handler: AnswerHandler) -> None:
    _register(_answer_handlers, kind, handler)


def on_payload(kind: str, builder: PayloadBuilder) -> None:
    _register(_payload_builders, kind, builder)


def before_sending(kind: str, check: SendCheck) -> None:
    _register(_send_checks, kind, check)


def on_failure(kind: str, handler: FailureHandler) -> None:
    _register(_failure_handlers, kind, handler)


def delivery_handler(kind: str) -> DeliveryHandler:
    return _delivery_handlers[kind]


def answer_handler(kind: str) -> AnswerHandler:
    return _answer_handlers[kind]


def payload_builder(kind: str) -> PayloadBuilder:
    return _payload_builders[kind]


def send_check(kind: str) -> SendCheck:
    """That of the room, or one that always passes."""
    return _send_checks.get(kind, lambda request: None)


def failure_handler(kind: str) -> FailureHandler:
    """That of the room, or one that does nothing: a parked request is shown in any case."""
    return _failure_handlers.get(kind, lambda request, error: None)


def _register(handlers: dict[str, Any], kind: str, handler: Any) -> None:
    if handlers.setdefault(kind, handler) is not handler:
        raise RuntimeError(f"Two handlers for {kind}: {handlers[kind]} and {handler}.")
