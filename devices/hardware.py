"""Read Gateway IDs and IMEIs, and judge how well a gateway is heard. Pure functions.

A Gateway ID is 12 hex digits, the IMEI of a cellular device 15 decimal ones. Signal: the vendor calls about
30 excellent and about 10 poor (https://tenovi.com/api-docs/, gateway-info); the steps between are ours.
"""

from __future__ import annotations

import datetime
import enum
import re
from collections.abc import Iterable

GATEWAY_ID = re.compile(r"[0-9A-F]{12}")
IMEI = re.compile(r"[0-9]{15}")
DOTTED = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})*")
WEAK_BELOW = 12
RECOVERED_FROM = 15  # a weak signal that wanders about the limit stays weak
SIGNAL_LEVELS = (("excellent", 25), ("good", 18), ("fair", WEAK_BELOW))
POOR = "poor"
NOT_KNOWN = "not known yet"
SIGNAL_WORDS = (*(level for level, _ in SIGNAL_LEVELS), POOR, NOT_KNOWN)
SILENT_AFTER = datetime.timedelta(hours=24)


class Standing(enum.IntEnum):
    """The state of a gateway, worst first. Without a patient behind it, a gateway is unused."""

    SILENT = 0
    NEVER_HEARD = 1
    WEAK = 2
    HEARD = 3
    UNUSED = 4


def normal_hardware_id(text: str) -> str:
    """Return a Gateway ID or IMEI in one spelling: people group it with hyphens, the vendor's case varies."""
    return "".join(character for character in text if character.isalnum()).upper()


def bare_hardware_id(text: str) -> str:
    """Return a Gateway ID or IMEI in its own case, without hyphens and spaces.

    The vendor's page wants no hyphens (https://tenovi.com/api-docs/, gateway-info).
    """
    return "".join(character for character in text if character.isalnum())


def hardware_id_in(text: str) -> str:
    """Return the Gateway ID or IMEI that a text is, in our spelling, or "".

    The last digit of an IMEI is not checked: a person who looks for one may have mistyped it.
    """
    normal = normal_hardware_id(text) if text.isascii() else ""
    return normal if GATEWAY_ID.fullmatch(normal) or IMEI.fullmatch(normal) else ""


def is_gateway_id(hardware_id: str) -> bool:
    """Whether a normal hardware id names a gateway."""
    return GATEWAY_ID.fullmatch(hardware_id) is not None


def is_imei(hardware_id: str) -> bool:
    """Whether a normal hardware id is an IMEI: 15 digits, the last of which checks the others (Luhn)."""
    if not IMEI.fullmatch(hardware_id):
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(hardware_id)]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


def signal_level(strength: int | None) -> str:
    """Return a signal strength in a word."""
    if strength is None:
        return NOT_KNOWN
    return next((level for level, least in SIGNAL_LEVELS if strength >= least), POOR)


def silent_since(last_seen_at: datetime.datetime | None, now: datetime.datetime) -> datetime.datetime | None:
    """Return the last contact if it is more than a day ago, else None; None too if there never was one."""
    if last_seen_at is None or now - last_seen_at <= SILENT_AFTER:
        return None
    return last_seen_at


def newest_firmware(versions: Iterable[str]) -> str:
    """Return the highest of these dotted numbers, or ""."""
    numbered = {tuple(map(int, text.split("."))): text for text in versions if DOTTED.fullmatch(text)}
    return numbered[max(numbered)] if numbered else ""
