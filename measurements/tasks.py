"""Background work of the readings room. PostgreSQL is the queue; these only look at it."""

from __future__ import annotations

from measurements import reclassify, reconcile_schedule, rezone
from tenovi.periodic import periodic_task


@periodic_task("measurements.claim_readings")
def claim_readings() -> None:
    """Attach readings to the patients of assignments that were made after they arrived."""
    reclassify.claim_readings()


@periodic_task("measurements.follow_time_zones")
def follow_time_zones() -> None:
    """Work out all dates of clinics whose time zone was changed."""
    rezone.follow_time_zones()


@periodic_task("measurements.compare_with_vendor")
def compare_with_vendor() -> None:
    """Start the comparisons with the vendor that are due."""
    reconcile_schedule.look()
