"""Reading what the vendor sends: strict JSON, with everything that could mislead made visible."""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

MAX_DEPTH = 64
MAX_ELEMENTS = 10_000
"""More than ever came: an element that can be stored takes over 105 bytes, and a body has 1 MiB."""
MAX_OBJECTS = 5 * MAX_ELEMENTS
"""In them, and so the most that a body can make us build: 1 MiB of `{}` would be 350,000."""
_BLANKS = re.compile(r"[ \t\n\r]*")
_SPANS = json.JSONDecoder(parse_float=str, parse_int=str)
"""Finds where a value ends; what it is does not matter."""
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL refuses NUL and lone surrogates


class Unreadable(ValueError):
    """A body that cannot be taken apart into elements. `reason` is a code of `tenovi.inbound.reasons`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class JsonObject(dict[str, Any]):
    """A JSON object. Blanks around names are dropped (the vendor's own sample prints `"status "`);
    `repeated` tells that a name came twice, so that no value of it can be trusted."""

    repeated: bool

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__((name.strip(), value) for name, value in pairs)
        self.repeated = len(self) != len(pairs)


def elements_of(body: bytes) -> list[Any]:
    """The elements of a webhook body: a single object, or the members of a list.

    Raises `Unreadable` when nothing in the body could be an element.
    """
    value = value_of(body, most_objects=MAX_OBJECTS)
    elements = value if isinstance(value, list) else [value]
    if not any(isinstance(element, JsonObject) and element for element in elements):
        raise Unreadable("no_object")
    if len(elements) > MAX_ELEMENTS:
        raise Unreadable("too_many_elements")
    return elements


def value_of(body: bytes, *, most_objects: int = sys.maxsize) -> Any:
    """The JSON value in these bytes: numbers as int or Decimal, objects as `JsonObject`.

    Raises `Unreadable` for anything but JSON (RFC 8259), for depths and numbers too long to be data, and
    for more objects than this.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("not_json") from None
    try:
        value = json.loads(
            text,
            object_pairs_hook=_counted(most_objects),
            parse_float=_fraction,
            parse_int=_whole,
            parse_constant=_refuse,
        )
    except RecursionError:
        raise Unreadable("too_deep") from None
    except Unreadable:
        raise
    except ValueError:
        raise Unreadable("not_json") from None
    _check_depth(value)
    return value


def pieces_of(body: bytes, *, member: str = "") -> list[bytes]:
    """Cut a body that `value_of` has read into the bytes of its elements, each exactly as it was sent: those
    of the list it is, or of the list under `member` in the object it is; else it is one element.
    """
    text = body.decode("utf-8-sig")
    start = _after_blanks(text, 0)
    if member and text[start] == "{":
        for name, at in _members_at(text, start):
            if name.strip() == member and text[at] == "[":
                start = at  # the last of that name, as in the value
    if text[start] != "[":
        return [text[start : _SPANS.raw_decode(text, start)[1]].encode()]
    return [text[at:end].encode() for at, end in _elements_at(text, start)]


def _elements_at(text: str, start: int) -> Iterator[tuple[int, int]]:
    at = _after_blanks(text, start + 1)
    while text[at] != "]":
        end = _SPANS.raw_decode(text, at)[1]
        yield at, end
        at = _after_blanks(text, end)
        at = _after_blanks(text, at + 1) if text[at] == "," else at


def _members_at(text: str, start: int) -> Iterator[tuple[str, int]]:
    """Each name of an object, and where its value begins."""
    at = _after_blanks(text, start + 1)
    while text[at] != "}":
        name, end = _SPANS.raw_decode(text, at)
        value = _after_blanks(text, _after_blanks(text, end) + 1)  # behind the colon
        yield name, value
        at = _after_blanks(text, _SPANS.raw_decode(text, value)[1])
        at = _after_blanks(text, at + 1) if text[at] == "," else at


def _after_blanks(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    return match.end() if match else at


def has_repeated_member(value: Any) -> bool:
    """Whether any object inside `value` names a member twice."""
    if isinstance(value, JsonObject):
        return value.repeated or any(has_repeated_member(member) for member in value.values())
    return isinstance(value, list) and any(has_repeated_member(member) for member in value)


def storable_text(value: Any, limit: int) -> str:
    """`value` as text that PostgreSQL accepts, cut at `limit`; "" for anything but text and numbers."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return ""
    return _UNSTORABLE.sub("\ufffd", str(value)).strip()[:limit]


def storable_json(value: Any) -> Any:
    """`value` with text that jsonb accepts and numbers that `json` writes; structure kept."""
    if isinstance(value, dict):
        return {_UNSTORABLE.sub("\ufffd", name): storable_json(member) for name, member in value.items()}
    if isinstance(value, list):
        return [storable_json(member) for member in value]
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, Decimal):
        return float(value) if value.is_finite() and abs(value.adjusted()) < 300 else str(value)
    return value


def _counted(most: int) -> Callable[[list[tuple[str, Any]]], JsonObject]:
    count = itertools.count(1)

    def members(pairs: list[tuple[str, Any]]) -> JsonObject:
        if next(count) > most:
            raise Unreadable("too_many_elements")
        return JsonObject(pairs)

    return members


def _whole(digits: str) -> int:
    if len(digits) > 1000:
        raise Unreadable("number_too_long")
    return int(digits)


def _fraction(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation:  # an exponent beyond any number: its element is judged alone
        return Decimal("Infinity")


def _refuse(token: str) -> NoReturn:
    raise Unreadable("not_json")  # NaN and Infinity are not JSON (RFC 8259)


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            member
            for holder in level
            if isinstance(holder, dict | list)
            for member in (holder.values() if isinstance(holder, dict) else holder)
        ]
        if not level:
            return
    if any(isinstance(holder, dict | list) for holder in level):
        raise Unreadable("too_deep")
