"""Write dates, moments, spans, ages and numbers as text, in the order and words of the active locale.

Nothing else in the house does so for people (a test holds it): two pages that each wrote dates in their
own way could not follow a clinic's locale. Each locale is a folder here that Django reads
(`FORMAT_MODULE_PATH`). Dates for machines are in `common.iso_dates`.

Moments are aware datetimes. The zone is always an argument, because a reading is read in its patient's
zone and a delivery in the clinic's.
"""

from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

from django.utils import dateformat, formats
from django.utils.dates import WEEKDAYS

MINUTE, HOUR, DAY = 60, 3600, 86_400


def _written(value: datetime.date | datetime.datetime, name: str) -> str:
    return dateformat.format(value, formats.get_format(name))


def day_month(day: datetime.date) -> str:
    """Return `Nov 3`."""
    return _written(day, "DAY_MONTH")


def day_full_month(day: datetime.date) -> str:
    """Return `November 3`."""
    return _written(day, "DAY_FULL_MONTH")


def short_date(day: datetime.date) -> str:
    """Return `Nov 3, 2026`."""
    return _written(day, "SHORT_DATE")


def full_date(day: datetime.date) -> str:
    """Return `November 3, 2026`."""
    return _written(day, "FULL_DATE")


def long_date(day: datetime.date) -> str:
    """Return `Tuesday, November 3, 2026`."""
    return _written(day, "LONG_DATE")


def month_name(day: datetime.date) -> str:
    """Return `November`."""
    return dateformat.format(day, "F")


def month_year(day: datetime.date) -> str:
    """Return `November 2026`."""
    return dateformat.format(day, "F Y")


def short_month_year(day: datetime.date) -> str:
    """Return `Nov 2026`."""
    return dateformat.format(day, "M Y")


def weekdays() -> list[str]:
    """Return `Sunday`, `Monday` and so on, in the order of a calendar's columns."""
    return [str(WEEKDAYS[(first_weekday() + day) % 7]) for day in range(7)]


def first_weekday() -> int:
    """Return the first day of a week as `calendar` counts: 0 is Monday, 6 Sunday."""
    return (int(formats.get_format("FIRST_DAY_OF_WEEK")) - 1) % 7


def day_span(first: datetime.date, last: datetime.date) -> str:
    """Return `Nov 3–9` for two dates of one month, `Nov 3` when they are the same."""
    if first == last:
        return day_month(first)
    pattern = formats.get_format("DAY_SPAN")
    return str(pattern).format(first=first.day, last=last.day, month=dateformat.format(first, "M"))


def near_date(moment: datetime.datetime, zone: datetime.tzinfo, now: datetime.datetime) -> str:
    """Return `Nov 3`, or `Nov 3, 2025` for another year than this one."""
    local = moment.astimezone(zone)
    return day_month(local) if local.year == now.astimezone(zone).year else short_date(local)


def clock_time(moment: datetime.datetime, zone: datetime.tzinfo) -> str:
    """Return `7:42 AM EST`."""
    return f"{_written(moment.astimezone(zone), 'CLOCK')} {zone_word(moment, zone)}"


def exact(moment: datetime.datetime, zone: datetime.tzinfo, now: datetime.datetime) -> str:
    """Return `Tue, Nov 3, 7:42 AM EST`, with the year once it is not this one."""
    local = moment.astimezone(zone)
    name = "MOMENT_THIS_YEAR" if local.year == now.astimezone(zone).year else "MOMENT"
    return f"{_written(local, name)} {zone_word(moment, zone)}"


def ago(moment: datetime.datetime, now: datetime.datetime) -> str:
    """Return the distance to `now` in the coarsest unit that still informs: `5 min ago`, `in 2 h`."""
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
    """Return `EST`, or `UTC+05:45` for a zone that has no letters of its own."""
    name = moment.astimezone(zone).tzname() or ""
    if name.isalpha() or name.startswith("UTC"):
        return name
    digits = name.lstrip("+-").replace(":", "").ljust(4, "0")
    return f"UTC{name[0]}{digits[:2]}:{digits[2:4]}"


def zone_words(start: datetime.datetime, end: datetime.datetime, zone: datetime.tzinfo) -> dict[str, str]:
    """Return the words of a zone from `start` to `end`, by offset: `{"GMT-05:00": "EST"}`."""
    words = {}
    for day in range((end - start).days + 1):
        local = (start + datetime.timedelta(day)).astimezone(zone)
        offset = f"{local:%z}"
        words[f"GMT{offset[:3]}:{offset[3:5]}"] = zone_word(local, zone)
    return words


def in_zone(zone: ZoneInfo | str) -> ZoneInfo:
    return ZoneInfo(zone) if isinstance(zone, str) else zone


def number(count: int) -> str:
    """Return `12,400`."""
    return formats.number_format(count, force_grouping=True)
