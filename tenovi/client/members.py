"""Read single members of the vendor's answers: text fit for PostgreSQL, aware times in UTC.

A missing member reads as None or "".
"""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Any

from tenovi.strict_json import storable_text


class WrongShape(ValueError):
    """An answer lacks what identifies it. The text names the member, never its value."""


def member(value: Any, name: str) -> Any:
    if not isinstance(value, dict) or name not in value:
        raise WrongShape(name)
    return value[name]


def text_or_none(value: Any, limit: int) -> str | None:
    return None if value is None else storable_text(value, limit)


def flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def decimal_of(value: Any) -> Decimal | None:
    text = storable_text(value, 30)
    return Decimal(text) if text.replace(".", "", 1).isdecimal() and text.isascii() else None


def time_of(value: Any) -> datetime.datetime | None:
    """Read a time as UTC, also one without zone. None for anything that is no plausible time."""
    try:
        moment = datetime.datetime.fromisoformat(storable_text(value, 40))
        moment = moment.replace(tzinfo=moment.tzinfo or datetime.UTC).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        return None
    return moment if 2000 <= moment.year < 2200 else None


def id_of(value: Any) -> uuid.UUID:
    """Read the `id` of a record, which is a UUID."""
    try:
        return uuid.UUID(storable_text(member(value, "id"), 100))
    except ValueError:
        raise WrongShape("id") from None


def rows_of(value: Any) -> list[dict[str, Any]]:
    """Return the objects in a nested list, without anything else in it."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
