"""Run the background work that reads across rooms. PostgreSQL is the queue; tasks only look at it."""

from __future__ import annotations

from django.utils import timezone

from clinics.models import Clinic
from dashboard.devices.gateway_alerts import watch_gateways
from tenovi.periodic import periodic_task


@periodic_task("dashboard.watch_gateways")
def watch_every_gateway() -> None:
    """Raise and resolve alerts about gateways, in every clinic."""
    for clinic in Clinic.objects.all():
        watch_gateways(clinic, timezone.now())
