"""Words that pages of several rooms share: links of filters, cells of calendars."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from common.formats import day_full_month

FULL_PERIOD = 16  # days with data that earn the full supply code (docs/billing.md)
SHORT_PERIOD = 2  # and the short one, up to 15


@dataclass(frozen=True)
class Choice:
    """One link of a row of filters (`components/filters.html`)."""

    label: str
    url: str
    active: bool
    count: int | None = None


@dataclass(frozen=True)
class DayCell:
    """One date of a calendar or strip: `counted`, `uncounted` (has data), `none` or `future`."""

    number: int
    url: str
    today: bool
    state: str
    words: str

    @classmethod
    def of(cls, date: datetime.date, *, url: str, today: datetime.date, counted: bool, words: str) -> DayCell:
        """`words` say what the date holds, "" when it holds nothing."""
        if date > today:
            return cls(date.day, url, False, "future", f"{day_full_month(date)}: not begun")
        state = "counted" if counted else "uncounted" if words else "none"
        return cls(date.day, url, date == today, state, f"{day_full_month(date)}: {words or 'no data'}")
