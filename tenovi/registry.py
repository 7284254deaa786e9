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
    from tenovi.models import Delivery, Request

VerdictState = Literal["stored", "updated", "duplicate", "quarantined", "pending"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one element. `reason` is from the closed list in `docs/reasons.md`."""

    state: VerdictState
    reason: str = ""
    hwi_device_id: uuid.UUID | None = None


DeliveryHandler = Callable[["Delivery", Sequence[Any]], list[Verdict]]
"""Given a delivery and its elements (parsed JSON values), returns one verdict per element."""

AnswerHandler = Callable[["Request", Any], int]
"""Given a request row and the client's typed answer (a list: one page of it), writes what it means
for this room. Returns how many elements of it could not be used."""

_delivery_handlers: dict[str, DeliveryHandler] = {}
_answer_handlers: dict[str, AnswerHandler] = {}


def on_delivery(kind: str, handler: DeliveryHandler) -> None:
    _register(_delivery_handlers, kind, handler)


def on_answer(kind: str, handler: AnswerHandler) -> None:
    _register(_answer_handlers, kind, handler)


def delivery_handler(kind: str) -> DeliveryHandler:
    return _delivery_handlers[kind]


def answer_handler(kind: str) -> AnswerHandler:
    return _answer_handlers[kind]


def _register(handlers: dict[str, Any], kind: str, handler: Any) -> None:
    if handlers.setdefault(kind, handler) is not handler:
        raise RuntimeError(f"Two handlers for {kind}: {handlers[kind]} and {handler}.")
