"""Spans of local dates that a count is made over."""

from __future__ import annotations

import calendar
import datetime
import re
from dataclasses import dataclass
from typing import Self

from clinics.models import Clinic


@dataclass(frozen=True)
class Window:
    """Local dates from `first` to `last`, both included."""

    first: datetime.date
    last: datetime.date

    @classmethod
    def of_month(cls, month: str) -> Self:
        """The calendar month written `YYYY-MM`. Raises ValueError for anything else."""
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}", month):
            raise ValueError(f"“{month}” is not a month: write it as YYYY-MM, for example 2026-10.")
        year, number = int(month[:4]), int(month[5:])
        if not (1 <= number <= 12 and 2015 <= year <= 2999):
            raise ValueError(f"“{month}” is not a month between 2015-01 and 2999-12.")
        return cls(
            datetime.date(year, number, 1), datetime.date(year, number, calendar.monthrange(year, number)[1])
        )

    @classmethod
    def current_month(cls, clinic: Clinic, now: datetime.datetime) -> Self:
        return cls.of_month(f"{clinic.today(now):%Y-%m}")

    @property
    def month(self) -> str:
        return f"{self.first:%Y-%m}"

    @property
    def title(self) -> str:
        return f"{self.first:%B %Y}"

    @property
    def dates(self) -> list[datetime.date]:
        return [self.first + datetime.timedelta(n) for n in range((self.last - self.first).days + 1)]

    def previous_month(self) -> Window:
        return Window.of_month(f"{self.first - datetime.timedelta(1):%Y-%m}")

    def next_month(self) -> Window:
        return Window.of_month(f"{self.last + datetime.timedelta(1):%Y-%m}")

    def moments(self, clinic: Clinic) -> tuple[datetime.datetime, datetime.datetime]:
        """The window as half-open span of moments, cut at midnight of the clinic's zone."""
        midnight = datetime.time(tzinfo=clinic.zone)
        return (
            datetime.datetime.combine(self.first, midnight),
            datetime.datetime.combine(self.last + datetime.timedelta(1), midnight),
        )
