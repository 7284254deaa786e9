"""The completeness page: is everything the vendor holds here?"""

from __future__ import annotations

import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from clinics.access import Permission, Visit, clinic_page
from measurements.completeness import devices_of, recent_runs
from measurements.reconcile import start
from measurements.verified import Cause

SPANS = {"3": "the last 3 days", "35": "the last 35 days", "365": "the last year"}


@clinic_page(Permission.VIEW_DELIVERIES)
@require_safe
def completeness(request: HttpRequest, visit: Visit) -> HttpResponse:
    rows = devices_of(visit.clinic)
    context = {
        "rows": rows,
        "verified": sum(row.verification is not None and not row.problem for row in rows),
        "runs": recent_runs(visit.clinic),
        "spans": SPANS.items(),
        "zone": visit.clinic.zone,
    }
    return render(request, "measurements/completeness.html", context)


@require_POST
@clinic_page(Permission.VIEW_DELIVERIES)
def compare(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Start a comparison now; the page shows its progress, and leaving it does not stop it."""
    days = request.POST.get("days", "3")
    if days not in SPANS:
        days = "3"
    since = timezone.now() - datetime.timedelta(days=int(days))
    start(clinic=visit.clinic, cause=Cause.PERSON, since=since, by=visit.user)
    messages.success(request, f"Comparing every device with Tenovi for {SPANS[days]}.")
    return redirect("completeness", visit.clinic.slug)
