"""Try elements one by one after all together failed, and find out whether an element is at fault."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, InterfaceError, transaction

from tenovi.inbound.element import Untrusted, device_id_of
from tenovi.registry import ElementResult
from tenovi.strict_json import JsonObject

log = logging.getLogger(__name__)

CANCELLED = "57014"
OUR_STATE_IS_LOST = ("08", "25", "53", "57", "58", "XX")
"""SQLSTATE classes after which nothing can be committed: connection, read-only, resources,
shutdown, system. (A cancelled statement is the exception: the next one may do.)"""
NOBODYS_FAULT = ("40", "55", "57")
"""Classes that say nothing about what was stored: two in each other's way, a lock, a cancelled statement."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The result of one try of an element. `is_its_fault`: the element made it fail, not the database."""

    result: ElementResult
    is_its_fault: bool = False


def one_by_one(
    handle: Callable[[list[Any]], list[ElementResult]], elements: Sequence[Any], error: Exception
) -> list[Ending]:
    """Handle each element in a savepoint of its own: one bad element never costs its siblings.

    `error` is what all together failed with. Raises it, or that of a single element, when the database is away.
    """
    reraise_if_database_is_away(error)
    if _sqlstate(error) == CANCELLED:  # each of them alone may take as long
        return [_not_settled(element, error) for element in elements]
    return [_ending_of(handle, element) for element in elements]


def _ending_of(handle: Callable[[list[Any]], list[ElementResult]], element: Any) -> Ending:
    try:
        with transaction.atomic():
            return Ending(handle([element])[0])
    except Exception as error:
        reraise_if_database_is_away(error)
        # No exception text: it may quote the payload.
        log.error("an element stays pending: %s", type(error).__name__)
        return _not_settled(element, error)


def _not_settled(element: Any, error: Exception) -> Ending:
    try:
        named = device_id_of(element.get("hwi_device_id")) if isinstance(element, JsonObject) else None
    except Untrusted:
        named = None
    is_its_fault = (_sqlstate(error) or "")[:2] not in NOBODYS_FAULT
    return Ending(ElementResult("pending", "not_settled", named), is_its_fault)


def reraise_if_database_is_away(error: Exception) -> None:
    if isinstance(error, DatabaseError | InterfaceError):
        state = _sqlstate(error) or "08000"
        if state[:2] in OUR_STATE_IS_LOST and state != CANCELLED:
            raise error


def _sqlstate(error: Exception) -> str | None:
    return getattr(error.__cause__, "sqlstate", None)
