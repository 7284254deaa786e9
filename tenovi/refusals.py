"""Times in which the doors turned readings away, so that they are fetched from the vendor afterwards.

While the database is away nothing can be written, so the web process remembers the hour and writes
it down with the next delivery it keeps. (A process that ends in between leaves a gap in the
scheduler's heartbeat, which is found as well.)
"""

from __future__ import annotations

import datetime
import threading

from django.db import connection
from django.utils import timezone

from clinics.models import Clinic
from tenovi.models import DoorCount

COUNT = f"""
INSERT INTO {DoorCount._meta.db_table} (clinic_id, hour, cause, count) VALUES (%s, %s, %s, 1)
ON CONFLICT (clinic_id, hour, cause) DO UPDATE SET count = {DoorCount._meta.db_table}.count + 1
"""

_remembered: set[datetime.datetime] = set()
_lock = threading.Lock()


def count(clinic: Clinic | None, cause: str, hour: datetime.datetime | None = None) -> None:
    """One more call refused for this cause in this hour: all that is kept of it."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [clinic.id if clinic else None, hour or this_hour(), cause])


def remember_outage() -> None:
    with _lock:
        _remembered.add(this_hour())


def write_down_outages() -> None:
    """Cheap when there is nothing to write, which is nearly always."""
    while _remembered:
        with _lock:
            hour = _remembered.pop() if _remembered else None
        if hour is not None:
            count(None, "unavailable", hour)


def this_hour() -> datetime.datetime:
    return timezone.now().replace(minute=0, second=0, microsecond=0)
