"""Name spans of local dates that a count is made over."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Self

from clinics.models import Clinic
from common.formats import month_year
from common.iso_dates import FIRST, LAST, month_key, read_month


@dataclass(frozen=True)
class Window:
    """Local dates from `first` to `last`, both included."""

    first: datetime.date
    last: datetime.date

    @classmethod
    def of_month(cls, month: str) -> Self:
        """Return the calendar month written `YYYY-MM`. Raises ValueError for anything else."""
        return cls(*read_month(month))

    @classmethod
    def current_month(cls, clinic: Clinic, now: datetime.datetime) -> Self:
        return cls.of_month(month_key(clinic.today(now)))

    @property
    def month(self) -> str:
        return month_key(self.first)

    @property
    def title(self) -> str:
        return month_year(self.first)

    @property
    def dates(self) -> list[datetime.date]:
        return [self.first + datetime.timedelta(n) for n in range((self.last - self.first).days + 1)]

    def previous_month(self) -> Window | None:
        """Return the month before; None where the range of dates begins."""
        if self.first <= FIRST:
            return None
        return Window.of_month(month_key(self.first - datetime.timedelta(1)))

    def next_month(self) -> Window | None:
        """Return the month after; None where the range of dates ends."""
        return None if self.last >= LAST else Window.of_month(month_key(self.last + datetime.timedelta(1)))

    def moments(self, clinic: Clinic) -> tuple[datetime.datetime, datetime.datetime]:
        """Return the window as half-open span of moments, cut at midnight of the clinic's zone."""
        midnight = datetime.time(tzinfo=clinic.zone)
        return (
            datetime.datetime.combine(self.first, midnight),
            datetime.datetime.combine(self.last + datetime.timedelta(1), midnight),
        )
