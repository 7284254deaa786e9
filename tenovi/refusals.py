"""Times in which the doors turned readings away, so that they are fetched from the vendor afterwards.

While the database is away nothing can be written, so the web process remembers when and writes it
down with the next delivery it keeps. (A process that ends in between leaves a gap in the
scheduler's heartbeat, which is found as well.)
"""

from __future__ import annotations

import datetime
import threading

from django.db import connection
from django.utils import timezone

from clinics.models import Clinic
from tenovi.keys import database_now
from tenovi.models import DoorCount

COUNT = f"""
INSERT INTO {DoorCount._meta.db_table} AS known (clinic_id, hour, cause, count, last_at)
VALUES (%s, %s, %s, 1, %s)
ON CONFLICT (clinic_id, hour, cause) DO UPDATE
SET count = known.count + 1, last_at = greatest(known.last_at, excluded.last_at)
"""

_remembered: dict[datetime.datetime, datetime.datetime] = {}
"""By hour, the last moment of it in which a delivery could not be kept."""
_lock = threading.Lock()


def count(clinic: Clinic | None, cause: str, at: datetime.datetime | None = None) -> None:
    """One more call refused for this cause in this hour: all that is kept of it. The moment is the
    database's, as the end of a comparison is: by a clock that is behind, it would lie before it."""
    at = at or database_now()
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [clinic.id if clinic else None, hour_of(at), cause, at])


def remember_outage() -> None:
    now = timezone.now()
    with _lock:
        _remembered[hour_of(now)] = now


def write_down_outages() -> None:
    """Cheap when there is nothing to write, which is nearly always."""
    while _remembered:
        with _lock:
            at = _remembered.popitem()[1] if _remembered else None
        if at is not None:
            count(None, "unavailable", at)


def hour_of(moment: datetime.datetime) -> datetime.datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
