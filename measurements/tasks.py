"""Background work of the readings room. PostgreSQL is the queue; these only look at it."""

from __future__ import annotations

from celery import shared_task

from measurements import actions, rezone, watch


@shared_task(name="measurements.claim_readings")
def claim_readings() -> None:
    """Attach readings to the patients of assignments that were made after they arrived."""
    actions.claim_readings()


@shared_task(name="measurements.follow_time_zones")
def follow_time_zones() -> None:
    """Work out all dates of clinics whose time zone was changed."""
    rezone.follow_time_zones()


@shared_task(name="measurements.compare_with_vendor")
def compare_with_vendor() -> None:
    """Start the comparisons with the vendor that are due."""
    watch.look()
