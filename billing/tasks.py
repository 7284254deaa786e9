"""Run the background work of the billing room. PostgreSQL is the queue; tasks only look at it."""

from __future__ import annotations

from django.utils import timezone

from billing.anchors import write_due_anchors
from clinics.models import Clinic
from tenovi.periodic import periodic_task


@periodic_task("billing.write_anchors")
def write_anchors() -> None:
    """Fix the date from which 30-day periods are counted, within a minute of the first day that counts."""
    for clinic in Clinic.objects.all():
        write_due_anchors(clinic, timezone.now())
