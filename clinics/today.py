"""Which date it is. Nothing else in the house asks a clock for a date (a test holds it): two pages
that cut the same day at different midnights would show two numbers for one count."""

from __future__ import annotations

import datetime
import zoneinfo

from django.utils import timezone


def today_in(zone: zoneinfo.ZoneInfo, now: datetime.datetime | None = None) -> datetime.date:
    """Return the date it is in a zone, at this moment or at `now`."""
    return (now or timezone.now()).astimezone(zone).date()
