"""Run background work of this room. PostgreSQL is the queue; tasks only read it."""

from __future__ import annotations

import datetime
import logging

from celery import shared_task
from django.db.models.functions import Now, Trunc

from tenovi import disk
from tenovi.clock import seconds_from_now
from tenovi.inbound import deliveries
from tenovi.models import Call, Heartbeat, RefusalCount
from tenovi.outbound.enqueue import DRAIN
from tenovi.outbound.sender import drain, keys_with_work
from tenovi.outbound.wakeup import wake_worker
from tenovi.periodic import periodic_task

log = logging.getLogger(__name__)

KEEP_CALLS = datetime.timedelta(days=14)
KEEP_HEARTBEATS = datetime.timedelta(days=90)


@shared_task(name=DRAIN)
def drain_queue() -> None:
    """Send what is due. Woken after every request, and every few seconds by the scheduler."""
    done = drain()
    if done.sent and keys_with_work():
        wake_worker(DRAIN)


@periodic_task("tenovi.settle_pending", is_short=True)
def settle_pending() -> None:
    """Settle deliveries that were stored but could not be settled at once."""
    deliveries.settle_pending()


@periodic_task("tenovi.heartbeat", is_short=True)
def heartbeat() -> None:
    """Record that scheduler and worker are alive in this minute. A second scheduler adds no row."""
    percent = disk.percent_full()
    if percent is not None and percent >= disk.WARNING_AT:
        log.log(
            logging.ERROR if percent >= disk.ALARM_AT else logging.WARNING,
            "the disk of the database is %d %% full; once it is full, readings are turned away",
            percent,
        )
    beat = Heartbeat(minute=Trunc(Now(), "minute"), disk_percent=percent)
    Heartbeat.objects.bulk_create([beat], ignore_conflicts=True)


@periodic_task("tenovi.forget")
def forget() -> None:
    """Delete old log lines, counts of refused calls and heartbeats.

    The last heartbeat before those that are kept stays: without it, a gap that ends there would go unseen.
    """
    Call.objects.across_clinics().filter(at__lt=seconds_from_now(-KEEP_CALLS.total_seconds())).delete()
    RefusalCount.objects.filter(last_at__lt=seconds_from_now(-KEEP_HEARTBEATS.total_seconds())).delete()
    old = Heartbeat.objects.filter(minute__lt=seconds_from_now(-KEEP_HEARTBEATS.total_seconds()))
    if newest := old.order_by("-minute").first():
        old.filter(minute__lt=newest.minute).delete()
