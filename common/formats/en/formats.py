"""American dates and times, in the letters of Django's `date` filter. The names are those of `common.formats`."""

from __future__ import annotations

DAY_MONTH = "M j"
DAY_FULL_MONTH = "F j"
SHORT_DATE = "M j, Y"
FULL_DATE = "F j, Y"
LONG_DATE = "l, F j, Y"
DAY_SPAN = "{month} {first}–{last}"
CLOCK = "g:i A"
MOMENT_THIS_YEAR = "D, M j, g:i A"
MOMENT = "D, M j, Y, g:i A"
FIRST_DAY_OF_WEEK = 0  # Sunday
