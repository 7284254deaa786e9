"""Judge whether 16 days can still be reached this month, in a word and a sentence."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from billing.windows import Window
from common.wording import FULL_PERIOD, SHORT_PERIOD


@dataclass(frozen=True)
class Pace:
    """Days so far in a program. `level` is one of `LEVELS`; `left`: how many dates may still earn a day."""

    program: str
    days: int
    words: str
    level: str
    left: int


LEVELS = ("reached", "on pace", "behind", "out of reach")


def dates_left(window: Window, today: datetime.date, has_today: bool) -> int:
    """Return the dates of the window that may still earn a day; today only while it has none."""
    if today > window.last:
        return 0
    left = (window.last - max(today, window.first)).days + 1
    return left - 1 if has_today and today >= window.first else left


def expected_days(window: Window, today: datetime.date) -> int:
    """Return the days before `today` of a patient on a straight line to 16."""
    passed = min(max((today - window.first).days, 0), len(window.dates))
    return FULL_PERIOD * passed // len(window.dates)


def pace(program: str, days: int, window: Window, today: datetime.date, *, has_today: bool) -> Pace:
    left = dates_left(window, today, has_today)
    if days >= FULL_PERIOD:
        return Pace(program, days, "16 reached", "reached", left)
    need = FULL_PERIOD - days
    if need > left:
        return Pace(program, days, _short_words(days, left), "out of reach", left)
    level = "on pace" if days >= expected_days(window, today) else "behind"
    return Pace(program, days, f"needs {need} of {left} left", level, left)


def _short_words(days: int, left: int) -> str:
    if days >= SHORT_PERIOD:
        return "2–15 days"
    if days + left >= SHORT_PERIOD:
        return f"needs {SHORT_PERIOD - days} for 2–15"
    return "under 2 days"
