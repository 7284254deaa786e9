"""Convert between a local date's clock time and UTC, daylight saving time included."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

HOUR = 3600


class LocalDay:
    """One date in one time zone, with the change to and from daylight saving time."""

    def __init__(self, zone: ZoneInfo, ordinal: int) -> None:
        self.zone = zone
        self.start = datetime.combine(date.fromordinal(ordinal), datetime.min.time())
        self.midnight = self.start.replace(tzinfo=zone).astimezone(UTC)
        following = (self.start + timedelta(days=1)).replace(tzinfo=zone).astimezone(UTC)
        self.even = following - self.midnight == timedelta(days=1)
        self.hours = (self.start - self.midnight.replace(tzinfo=None)) // timedelta(hours=1)

    def at(self, second: float) -> datetime | None:
        """Return the UTC time at which clocks show `second` after midnight, None when clocks skip it."""
        if self.even and second < 24 * HOUR:
            return self.midnight + timedelta(seconds=int(second))
        shown = self.start + timedelta(seconds=int(second))
        moment = shown.replace(tzinfo=self.zone).astimezone(UTC)
        return moment if moment.astimezone(self.zone).replace(tzinfo=None) == shown else None

    def offset(self, moment: datetime) -> int:
        """Return whole hours from UTC, as the vendor reports them: a part hour is cut off."""
        if self.even:
            return self.hours
        return (moment.astimezone(self.zone).utcoffset() or timedelta()) // timedelta(hours=1)


@lru_cache(maxsize=4096)
def local_day(timezone: str, ordinal: int) -> LocalDay:
    """`ordinal` counts days as `date.toordinal` does."""
    return LocalDay(ZoneInfo(timezone), ordinal)
