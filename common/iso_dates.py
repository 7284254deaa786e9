"""Read and write dates and months for machines: in paths, in queries, in forms.

One range holds everywhere. Nothing is measured before it (see `tenovi.inbound.element.EARLIEST`), and a date
beyond it has no day before or after that Python or PostgreSQL could name.
"""

from __future__ import annotations

import calendar
import datetime
import re
from typing import Any

from django import forms

from common.formats import full_date

FIRST = datetime.date(2015, 1, 1)
LAST = datetime.date(2999, 12, 31)
RANGE_WORDS = f"between {FIRST:%Y-%m} and {LAST:%Y-%m}"


def month_key(day: datetime.date) -> str:
    """Write the month of a date as paths and queries do: `YYYY-MM`."""
    return f"{day:%Y-%m}"


def read_date(text: str) -> datetime.date:
    """Read `YYYY-MM-DD`. Raises ValueError for anything else, and for dates out of range."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(f"“{text}” is not a date: write it as YYYY-MM-DD, for example 2026-10-31.")
    return in_range(datetime.date.fromisoformat(text))


def read_month(text: str) -> tuple[datetime.date, datetime.date]:
    """Read `YYYY-MM`; its first and last date. Raises ValueError for anything else, and out of range."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}", text):
        raise ValueError(f"“{text}” is not a month: write it as YYYY-MM, for example 2026-10.")
    year, month = int(text[:4]), int(text[5:])
    if not (1 <= month <= 12 and FIRST.year <= year <= LAST.year):
        raise ValueError(f"“{text}” is not a month {RANGE_WORDS}.")
    return datetime.date(year, month, 1), datetime.date(year, month, calendar.monthrange(year, month)[1])


def in_range(date: datetime.date) -> datetime.date:
    """Return the date. Raises ValueError when it is out of range."""
    if not FIRST <= date <= LAST:
        raise ValueError(f"{date} is not {RANGE_WORDS}.")
    return date


class DayField(forms.DateField):
    """A date of a form, in range."""

    def __init__(self, *, earliest: datetime.date = FIRST, **options: Any) -> None:
        options.setdefault("widget", forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
        super().__init__(input_formats=["%Y-%m-%d"], **options)
        self.earliest = earliest

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value and not self.earliest <= value <= LAST:
            raise forms.ValidationError(
                f"Say a day between {full_date(self.earliest)} and {full_date(LAST)}.", code="out_of_range"
            )
