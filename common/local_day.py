"""Turn a moment into the date that it has in a zone.

Nothing else in the house does so (a test holds it): two pages that cut one day at different midnights
would show two numbers for one count.
"""

from __future__ import annotations

import datetime
import zoneinfo

from django.utils import timezone


def date_in(zone: zoneinfo.ZoneInfo, moment: datetime.datetime) -> datetime.date:
    """Return the date of a moment in a zone."""
    return moment.astimezone(zone).date()


def today_in(zone: zoneinfo.ZoneInfo, now: datetime.datetime | None = None) -> datetime.date:
    """Return the date it is in a zone, at this moment or at `now`."""
    return date_in(zone, now or timezone.now())
