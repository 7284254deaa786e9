"""Deciding by itself when to compare with the vendor: every night, every week, after an outage of
ours or calls without a valid secret, and when a clinic's webhook falls silent."""

from __future__ import annotations

import datetime
import itertools

from django.db import connection
from django.db.models import Max, Q
from django.utils import timezone

from clinics.models import Clinic
from common.formats import clock_time
from measurements.models import Cause, Reconciliation
from measurements.reconcile import BACK, OVERLAP, finish_runs, is_busy, plan_what_can_be, start
from tenovi.inbound import refusals
from tenovi.models import Delivery, Heartbeat, RefusalCount, RequestKind
from tenovi.models.ledger import DeliveryKind
from tenovi.outbound.api_keys import why_nothing_is_sent
from tenovi.outbound.enqueue import enqueue

NIGHT = 2  # o'clock in the clinic's zone
WEEKDAY = 6  # Sunday: the weekly run takes the place of that night's
GAP = datetime.timedelta(minutes=2, seconds=30)  # between heartbeats, which come every minute
LOOK_BACK = datetime.timedelta(days=7)
BETWEEN_OUTAGES = datetime.timedelta(minutes=2)  # however often a sender knocks in vain
BETWEEN_REFUSED = datetime.timedelta(minutes=30)
SHORTEST_SILENCE = datetime.timedelta(hours=2)
Gap = tuple[datetime.datetime, datetime.datetime]
_GAPS = f"""
SELECT before, minute FROM (
    SELECT minute, lag(minute) OVER (ORDER BY minute) AS before FROM {Heartbeat._meta.db_table}
) AS beats WHERE minute - before > make_interval(secs => %s) ORDER BY minute
"""
RHYTHM = 20  # deliveries within a week, below which silence says nothing


def night_of(clinic: Clinic, now: datetime.datetime) -> str:
    """When the nightly comparison begins, as a time of the clinic: `02:00 EST`."""
    local = now.astimezone(clinic.zone).replace(hour=NIGHT, minute=0)
    return clock_time(local, clinic.zone)


def look() -> int:
    """Start every run that is due, plan and finish those under way; how many were started."""
    gaps = _gaps()
    started = sum(_start_what_is_due(clinic, gaps) for clinic in Clinic.objects.all())
    plan_what_can_be()
    for clinic_id in Reconciliation.objects.across_clinics().under_way().values_list("clinic", flat=True):
        finish_runs(Clinic.objects.get(id=clinic_id))
    return started


def _start_what_is_due(clinic: Clinic, gaps: list[Gap]) -> int:
    if not clinic.tenovi_domain or why_nothing_is_sent(clinic):
        return 0
    now = timezone.now()
    runs = [
        _scheduled(clinic, now),
        _after_outage(clinic, now, gaps),
        _after_refused_calls(clinic, now),
        _after_silence(clinic, now),
    ]
    return sum(run is not None for run in runs)


def _scheduled(clinic: Clinic, now: datetime.datetime) -> Reconciliation | None:
    local = now.astimezone(clinic.zone)
    if local.hour < NIGHT:
        return None
    cause = Cause.WEEKLY if local.weekday() == WEEKDAY else Cause.NIGHTLY
    return start(clinic=clinic, cause=cause, since=now - BACK[cause], by=None, slot=str(clinic.today(now)))


def _after_outage(clinic: Clinic, now: datetime.datetime, gaps: list[Gap]) -> Reconciliation | None:
    """One run for all times, since the last such run began, in which a webhook may have knocked in vain:
    minutes without a heartbeat, answers of 503, bodies that were too large to keep. The next one waits
    until all devices of the last have been asked about, not until the vendor has an answer for each."""
    last = Reconciliation.objects.for_clinic(clinic).filter(cause=Cause.OUTAGE).order_by("until").last()
    if last and (is_busy(last) or now - last.until < BETWEEN_OUTAGES):
        return None
    seen = last.until if last else min(clinic.created_at, now - LOOK_BACK)
    begun = [before for before, after in gaps if after > seen]
    refused = RefusalCount.objects.filter(cause__in=refusals.KEPT_OUT, last_at__gt=seen)
    begun += refused.filter(Q(clinic_id=clinic.id) | Q(clinic_id=None)).values_list("start", flat=True)
    if not begun:
        return None
    slot = f"{last.until:%Y%m%dT%H%M%S}" if last else "first"
    return start(clinic=clinic, cause=Cause.OUTAGE, since=min(begun) - OVERLAP, by=None, slot=slot)


def _after_refused_calls(clinic: Clinic, now: datetime.datetime) -> Reconciliation | None:
    """One run for the calls without a valid secret that have come to an end since the last such run began.

    A stranger may have made them, so that however often one knocks, the vendor is not asked all the time.
    What was refused of shipping is in the list of devices.
    """
    last = Reconciliation.objects.for_clinic(clinic).filter(cause=Cause.REFUSED).order_by("until").last()
    if last and (is_busy(last) or now - last.until < BETWEEN_REFUSED):
        return None
    seen = last.until if last else min(clinic.created_at, now - LOOK_BACK)
    ended = refusals.ended(clinic, since=seen)
    if not ended:
        return None
    slot = f"{last.until:%Y%m%dT%H%M%S}" if last else "first"
    since = min(one.first_at for one in ended) - OVERLAP
    run = start(clinic=clinic, cause=Cause.REFUSED, since=since, by=None, slot=slot)
    if run and any(one.kind != DeliveryKind.MEASUREMENTS for one in ended):
        enqueue(clinic, RequestKind.DEVICES)
    return run


def _gaps() -> list[Gap]:
    """Spans without a heartbeat that are over, of any length, as far back as heartbeats are kept."""
    with connection.cursor() as cursor:
        cursor.execute(_GAPS, [GAP.total_seconds()])
        return list(cursor.fetchall())


def _after_silence(clinic: Clinic, now: datetime.datetime) -> Reconciliation | None:
    """A webhook that is silent for three times its longest pause of the week before."""
    deliveries = Delivery.objects.for_clinic(clinic).by_webhook()
    last = deliveries.aggregate(at=Max("received_at"))["at"]
    if last is None:
        return None
    times = list(
        deliveries.filter(received_at__gte=last - LOOK_BACK)
        .order_by("received_at")
        .values_list("received_at", flat=True)
    )
    if len(times) < RHYTHM:
        return None
    longest = max(other - one for one, other in itertools.pairwise(times))
    if now - last <= max(3 * longest, SHORTEST_SILENCE):
        return None
    return start(
        clinic=clinic, cause=Cause.SILENCE, since=last - OVERLAP, by=None, slot=f"{last:%Y%m%dT%H%M%S}"
    )
