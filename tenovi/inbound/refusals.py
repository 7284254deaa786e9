"""Count the calls that the webhook endpoints refused, to show them and to fetch afterwards what they carried.

While the database is away nothing can be written, so the web process remembers when and writes it
down with the next delivery it keeps. (A process that ends in between leaves a gap in the
scheduler's heartbeat, which is found as well.)
"""

from __future__ import annotations

import datetime
import threading
from dataclasses import dataclass

from django.db import connection
from django.db.models import Max, Min, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from clinics.models import Clinic
from tenovi.clock import database_now
from tenovi.models import Delivery, RefusalCount
from tenovi.models.ledger import DeliveryKind, RefusalCause

COUNT = f"""
INSERT INTO {RefusalCount._meta.db_table} AS known (clinic_id, start, cause, kind, count, last_at)
VALUES (%s, %s, %s, %s, 1, %s)
ON CONFLICT (clinic_id, start, cause, kind) DO UPDATE
SET count = known.count + 1, last_at = greatest(known.last_at, excluded.last_at)
"""
WITHOUT_SECRET = (RefusalCause.SECRET, RefusalCause.RETIRED)
KEPT_OUT = (RefusalCause.UNAVAILABLE, RefusalCause.TOO_LARGE)
"""Calls of the vendor for certain; the others may be a stranger's."""
HOUR = datetime.timedelta(hours=1)
QUIET = datetime.timedelta(minutes=10)
"""Without a call for so long, those without a valid secret have come to an end."""

_remembered: dict[datetime.datetime, datetime.datetime] = {}
"""By hour, the last moment of it in which a delivery could not be kept."""
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Refused:
    """Calls of one kind of webhook without a valid secret, from `first_at` (to the minute) until `last_at`.

    `retired`: how many of them showed a secret that was retired. `is_over`: a call was let in since.
    """

    kind: str
    count: int
    retired: int
    first_at: datetime.datetime
    last_at: datetime.datetime
    is_over: bool

    @property
    def endpoint(self) -> str:
        return DeliveryKind(self.kind).label if self.kind else "any door"


def count(clinic: Clinic | None, cause: str, kind: str = "", at: datetime.datetime | None = None) -> None:
    """Count one more refused call: all that is kept of it.

    The moment is the database's, as the end of a comparison is: by a clock that is behind, it would lie
    before that end.
    """
    at = at or database_now()
    start = hour_of(at) if cause == RefusalCause.UNAVAILABLE else at.replace(second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [clinic.id if clinic else None, start, cause, kind, at])


def without_secret(clinic: Clinic, *, since: datetime.datetime) -> list[Refused]:
    """Group the calls without a valid secret after that moment by kind of webhook, the busiest first."""
    counts = RefusalCount.objects.filter(clinic_id=clinic.id, cause__in=WITHOUT_SECRET, last_at__gt=since)
    kinds = counts.values("kind").annotate(
        calls=Sum("count"),
        retired=Coalesce(Sum("count", filter=Q(cause=RefusalCause.RETIRED)), 0),
        first_at=Min("start"),
        newest=Max("last_at"),
    )
    return [
        Refused(
            row["kind"],
            row["calls"],
            row["retired"],
            row["first_at"],
            row["newest"],
            _was_let_in(clinic, row["kind"], row["newest"]),
        )
        for row in kinds.order_by("-calls", "kind")
    ]


def of_last_hour(clinic: Clinic) -> list[Refused]:
    return without_secret(clinic, since=database_now() - HOUR)


def ended(clinic: Clinic, *, since: datetime.datetime) -> list[Refused]:
    """Find the kinds of webhook whose calls without a valid secret have ended: one was accepted after them,
    or none has come for ten minutes."""
    now = database_now()
    refused = without_secret(clinic, since=since)
    return [calls for calls in refused if calls.is_over or now - calls.last_at >= QUIET]


def calls_of_last_hour() -> int:
    """Count the calls of the last hour without a valid secret, of all clinics."""
    known = RefusalCount.objects.filter(clinic_id__in=Clinic.objects.values("id"), cause__in=WITHOUT_SECRET)
    total: int | None = known.filter(last_at__gt=database_now() - HOUR).aggregate(all=Sum("count"))["all"]
    return total or 0


def remember_outage() -> None:
    now = timezone.now()
    with _lock:
        _remembered[hour_of(now)] = now


def write_down_outages() -> None:
    """Count the outages that were remembered. Cheap when there are none, which is nearly always."""
    while _remembered:
        with _lock:
            at = _remembered.popitem()[1] if _remembered else None
        if at is not None:
            count(None, RefusalCause.UNAVAILABLE, at=at)


def hour_of(moment: datetime.datetime) -> datetime.datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _was_let_in(clinic: Clinic, kind: str, after: datetime.datetime) -> bool:
    """Tell whether a call was accepted since. One that was rejected for its content showed a valid secret."""
    return Delivery.objects.for_clinic(clinic).by_webhook().filter(kind=kind, received_at__gt=after).exists()
