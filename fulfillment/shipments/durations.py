"""How long each part of a device's way takes, and how long it usually takes at this clinic."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from clinics.models import Clinic
from fulfillment.models import FulfillmentEvent, Order
from fulfillment.vendor_statuses import status_named

USUAL_OF = datetime.timedelta(days=365)
FEWEST = 3  # journeys, before anything is called usual
SLOW = 2.0  # times the usual, and a day more
SHIPPED, DELIVERED, CONNECTED = (status_named(name).rank for name in ("Shipped", "Delivered", "Connected"))
PARTS = (
    ("preparing", "Ordered to shipped"),
    ("travelling", "Shipped to delivered"),
    ("waiting", "Delivered to first reading"),
)

# What was activated into stock waits there for its patient: that is no part of a way.
USUAL = f"""
WITH journeys AS (
    SELECT min(received_at) AS begun,
        min(received_at) FILTER (WHERE status IN ('Shipped', 'Dropshipped')) AS shipped,
        min(received_at) FILTER (WHERE status = 'Delivered') AS delivered,
        min(received_at) FILTER (WHERE status = 'Connected') AS connected
    FROM {FulfillmentEvent._meta.db_table} e
    WHERE clinic_id = %s AND received_at > %s AND NOT EXISTS (
        SELECT 1 FROM {Order._meta.db_table} o WHERE o.device_id = e.device_id AND o.patient_id IS NULL)
    GROUP BY device_id
), parts AS (
    SELECT CASE WHEN shipped > begun THEN shipped - begun END AS preparing,
        CASE WHEN delivered > shipped THEN delivered - shipped END AS travelling,
        CASE WHEN connected > delivered THEN connected - delivered END AS waiting
    FROM journeys
)
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY preparing), count(preparing),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY travelling), count(travelling),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY waiting), count(waiting)
FROM parts
"""


@dataclass(frozen=True, slots=True)
class Leg:
    """One part of the way: how many days it took, or takes so far. `usual` is None where too few devices
    have gone this way."""

    label: str
    days: float | None
    usual: float | None
    is_over: bool

    @property
    def is_slow(self) -> bool:
        return self.days is not None and self.usual is not None and self.days > SLOW * self.usual + 1


def usual_days(clinic: Clinic) -> dict[str, float]:
    """The median days of each part over the last year, where enough devices tell."""
    with connection.cursor() as cursor:
        cursor.execute(USUAL, [clinic.id, timezone.now() - USUAL_OF])
        row = cursor.fetchone()
    found = {}
    for place, (name, _) in enumerate(PARTS):
        middle, count = row[2 * place], row[2 * place + 1]
        if count >= FEWEST:
            found[name] = middle.total_seconds() / 86_400
    return found


def parts_of(
    begun: datetime.datetime,
    events: Iterable[FulfillmentEvent],
    usual: Mapping[str, float],
    now: datetime.datetime,
) -> list[Leg]:
    """The parts of one order's way, up to the one it is in; each ends where the next begins. The vendor
    says Connected at the first reading."""
    reached: dict[int, datetime.datetime] = {}
    for event in events:
        rank = status_named(event.status).rank
        for mark in (SHIPPED, DELIVERED, CONNECTED):
            if mark <= rank <= CONNECTED:
                reached[mark] = min(event.received_at, reached.get(mark, event.received_at))
    parts, since = [], begun
    for (name, label), mark in zip(PARTS, (SHIPPED, DELIVERED, CONNECTED), strict=True):
        until = reached.get(mark)
        days = max(0.0, ((until or now) - since).total_seconds() / 86_400)
        parts.append(Leg(label, days, usual.get(name), until is not None))
        if until is None:
            break
        since = max(until, since)
    return parts
