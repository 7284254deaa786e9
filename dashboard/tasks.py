"""Background work that reads across rooms. PostgreSQL is the queue; these only look at it."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from clinics.models import Clinic
from dashboard.gateway_trouble import watch_gateways


@shared_task(name="dashboard.watch_gateways")
def watch_every_gateway() -> None:
    """Raise and resolve alerts about gateways, in every clinic."""
    for clinic in Clinic.objects.all():
        watch_gateways(clinic, timezone.now())
