"""Read what the elements of every webhook have in common: device, patient and time, strictly.

An element that cannot be trusted raises `Untrusted`; it then waits in quarantine with that reason.
"""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from tenovi.registry import ElementResult
from tenovi.strict_json import JsonObject, has_repeated_member, storable_text

TIMESTAMP = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:?\d{2})?", re.ASCII
)
UUID_TEXT = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
LONGEST_PATIENT_ID = 200
EARLIEST = datetime.datetime(2015, 1, 1, tzinfo=datetime.UTC)
FURTHEST_AHEAD = datetime.timedelta(hours=48)

A = TypeVar("A")
B = TypeVar("B")


class Untrusted(ValueError):
    """An element whose identity or meaning cannot be trusted. `reason` is a quarantine code."""

    def __init__(self, reason: str, hwi_device_id: uuid.UUID | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hwi_device_id = hwi_device_id


def sort_out(
    elements: Iterable[tuple[int, A]], read: Callable[[A], B]
) -> tuple[dict[int, B], dict[int, ElementResult]]:
    """Read each element, given with its index in the delivery. Returns what was read, and the results of
    those for which `read` raised `Untrusted`."""
    trusted: dict[int, B] = {}
    quarantined: dict[int, ElementResult] = {}
    for index, element in elements:
        try:
            trusted[index] = read(element)
        except Untrusted as problem:
            quarantined[index] = ElementResult("quarantined", problem.reason, problem.hwi_device_id)
    return trusted, quarantined


def in_order(results: Mapping[int, ElementResult]) -> list[ElementResult]:
    return [results[index] for index in sorted(results)]


def members_of(element: Any) -> JsonObject:
    """Return the element as an object whose members are unambiguous. Raises `Untrusted`."""
    if not isinstance(element, JsonObject):
        raise Untrusted("not_an_object")
    if not element:
        raise Untrusted("empty_object")
    if has_repeated_member(element):
        raise Untrusted("repeated_member")
    return element


def device_id_of(value: Any) -> uuid.UUID:
    """Raises `Untrusted` for anything but a UUID as text."""
    # The pattern first: uuid.UUID also takes underscores, signs and digits of other scripts.
    if isinstance(value, str) and UUID_TEXT.fullmatch(text := value.strip()):
        return uuid.UUID(text)
    raise Untrusted("device_id_unusable")


def patient_id_of(value: Any) -> str:
    """Return the patient's external id, "" when the payload names none. Raises `Untrusted`."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Untrusted("patient_id_unusable")
    text = str(value).strip()
    if len(text) > LONGEST_PATIENT_ID:  # cut, it could be another patient's
        raise Untrusted("patient_id_unusable")
    return storable_text(text, LONGEST_PATIENT_ID)


def moment_of(value: Any) -> datetime.datetime | None:
    """Read an ISO 8601 date with a time of day. Returns UTC, which the vendor writes and means without a zone;
    None for anything else."""
    if not isinstance(value, str) or not TIMESTAMP.fullmatch(text := value.strip()):
        return None
    try:
        moment = datetime.datetime.fromisoformat(text.upper())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        return moment.astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        return None


def plausible_moment_of(value: Any, received_at: datetime.datetime) -> datetime.datetime | None:
    """Read a moment within the span that payloads may have: others cannot be compared or shown in every zone.
    Returns None for those."""
    moment = moment_of(value)
    return moment if moment and EARLIEST <= moment <= received_at + FURTHEST_AHEAD else None
