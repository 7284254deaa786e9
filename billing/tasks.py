"""Background work of the billing room. PostgreSQL is the queue; these only look at it."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from billing.anchors import write_due_anchors
from clinics.models import Clinic


@shared_task(name="billing.write_anchors")
def write_anchors() -> None:
    """Fix the date from which 30-day periods are counted, within a minute of the first day that counts."""
    for clinic in Clinic.objects.all():
        write_due_anchors(clinic, timezone.now())
