"""How moments, ages and counts read on every page: one wording for all rooms.

Pure functions of their arguments. Moments are aware datetimes; a zone is always the caller's
choice, because a reading is read in its patient's zone and a delivery in the clinic's.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from zoneinfo import ZoneInfo

MINUTE, HOUR, DAY = 60, 3600, 86_400
FULL_PERIOD = 16  # days with data that earn the full supply code (docs/billing.md)
SHORT_PERIOD = 2  # and the short one, up to 15


@dataclass(frozen=True)
class Mark:
    """What makes a reading differ from a normal one: a word and a shape, never colour alone."""

    word: str
    explanation: str


MARKS = {
    "estimated": Mark("time estimated", "The device had lost its clock; the vendor estimated the time."),
    "late": Mark("arrived late", "Tenovi received it more than 24 hours after it was taken."),
    "delayed": Mark(
        "reached us late", "Tenovi had it more than 24 hours before it was here: the webhook was missed."
    ),
    "excluded": Mark("excluded", "A person excluded this reading; it counts for nothing."),
    "conflict": Mark("conflict", "The device sent another value for the same reading; both are kept."),
    "above_range": Mark("above meter range", "The meter reported a value above what it can measure."),
}


def ago(moment: datetime.datetime, now: datetime.datetime) -> str:
    """The distance to `now` in the coarsest unit that still says something: `5 min ago`, `in 2 h`."""
    seconds = (now - moment).total_seconds()
    size = abs(seconds)
    if size < MINUTE:
        return "just now"
    if size < HOUR:
        words = f"{int(size // MINUTE)} min"
    elif size < 2 * DAY:
        words = f"{int(size // HOUR)} h"
    elif size < 60 * DAY:
        words = f"{int(size // DAY)} days"
    elif size < 730 * DAY:
        words = f"{int(size // (30.44 * DAY))} months"
    else:
        words = f"{int(size // (365.25 * DAY))} years"
    return f"{words} ago" if seconds > 0 else f"in {words}"


def zone_word(moment: datetime.datetime, zone: datetime.tzinfo) -> str:
    """`EST`, or `UTC+05:45` for a zone that has no letters of its own."""
    name = moment.astimezone(zone).strftime("%Z")
    if name.isalpha() or name.startswith("UTC"):
        return name
    digits = name.lstrip("+-").replace(":", "").ljust(4, "0")
    return f"UTC{name[0]}{digits[:2]}:{digits[2:4]}"


def zone_words(start: datetime.datetime, end: datetime.datetime, zone: datetime.tzinfo) -> dict[str, str]:
    """The words of a zone from `start` to `end`, by offset: `{"GMT-05:00": "EST"}`."""
    found = {}
    for day in range((end - start).days + 1):
        local = (start + datetime.timedelta(day)).astimezone(zone)
        offset = f"{local:%z}"
        found[f"GMT{offset[:3]}:{offset[3:5]}"] = zone_word(local, zone)
    return found


def exact(moment: datetime.datetime, zone: datetime.tzinfo, now: datetime.datetime) -> str:
    """`Tue 3 Nov, 07:42 EST`; the year is named once it is not this one."""
    local = moment.astimezone(zone)
    year = "" if local.year == now.astimezone(zone).year else f" {local.year}"
    return f"{local:%a} {local.day} {local:%b}{year}, {local:%H:%M} {zone_word(moment, zone)}"


def long_date(day: datetime.date) -> str:
    return f"{day:%A} {day.day} {day:%B} {day.year}"


def in_zone(zone: ZoneInfo | str) -> ZoneInfo:
    return ZoneInfo(zone) if isinstance(zone, str) else zone


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
            return cls(date.day, url, False, "future", f"{date.day} {date:%B}: not begun")
        state = "counted" if counted else "uncounted" if words else "none"
        return cls(date.day, url, date == today, state, f"{date.day} {date:%B}: {words or 'no data'}")
