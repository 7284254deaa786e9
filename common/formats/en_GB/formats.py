"""British dates and 24-hour times, in the letters of Django's `date` filter. The names are those of `common.formats`."""

from __future__ import annotations

DAY_MONTH = "j M"
DAY_FULL_MONTH = "j F"
SHORT_DATE = "j M Y"
FULL_DATE = "j F Y"
LONG_DATE = "l j F Y"
DAY_SPAN = "{first}–{last} {month}"
CLOCK = "H:i"
MOMENT_THIS_YEAR = "D j M, H:i"
MOMENT = "D j M Y, H:i"
FIRST_DAY_OF_WEEK = 1  # Monday
