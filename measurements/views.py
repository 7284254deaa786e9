"""Pages of readings: whether everything is here that the vendor holds, and a patient's limits."""

from __future__ import annotations

import datetime
import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinics.access import ClinicAccess, Permission, clinic_page
from common.pages import page_of
from measurements import limits
from measurements.actions import limits as actions_limits
from measurements.completeness import devices_of, recent_runs
from measurements.forms import LimitsForm
from measurements.models import Cause
from measurements.reconcile import start
from measurements.reconcile_schedule import night_of
from patients.access import patient_for

PAGE_SIZE = 50
SPANS = {"3": "the last 3 days", "35": "the last 35 days", "365": "the last year"}


@clinic_page(Permission.VIEW_DELIVERIES)
@require_safe
def completeness(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    rows = devices_of(access.clinic)
    verified = sum(row.is_verified for row in rows)
    context = {
        "page": page_of(rows, request.GET.get("page"), PAGE_SIZE, list),
        "verified": verified,
        "lack": len(rows) - verified,
        "night": night_of(access.clinic, timezone.now()),
        "runs": recent_runs(access.clinic),
        "spans": SPANS.items(),
        "zone": access.clinic.zone,
    }
    return render(request, "measurements/completeness.html", context)


@require_POST
@clinic_page(Permission.VIEW_DELIVERIES)
def compare(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    """Start a comparison now. The page shows its progress; leaving it does not stop it."""
    days = request.POST.get("days", "3")
    if days not in SPANS:
        days = "3"
    since = timezone.now() - datetime.timedelta(days=int(days))
    start(clinic=access.clinic, cause=Cause.PERSON, since=since, by=access.user)
    messages.success(request, f"Comparing every device with Tenovi for {SPANS[days]}.")
    return redirect("completeness", access.clinic.slug)


@clinic_page(Permission.EXCLUDE_READINGS)
@require_http_methods(["GET", "HEAD", "POST"])
def patient_limits(request: HttpRequest, access: ClinicAccess, patient_id: uuid.UUID) -> HttpResponse:
    patient = patient_for(access, patient_id)
    thresholds = limits.thresholds_of(patient)
    version = limits.version_of(thresholds)
    sent = request.POST if request.method == "POST" else None
    form = LimitsForm(sent, limits=limits.limits_of(thresholds), version=version)
    stale = False
    if sent is not None and form.is_valid():
        seen = form.cleaned_data["version"]
        try:
            changed = actions_limits.set_limits(
                patient=patient, by=access.user, version=seen, wanted=form.limits()
            )
        except actions_limits.ChangedMeanwhile:
            again = sent.copy()
            again["version"] = version
            form, stale = LimitsForm(again, limits=limits.limits_of(thresholds), version=version), True
        else:
            messages.success(request, "The limits are kept." if changed else "Nothing was changed.")
            return redirect("patient", access.clinic.slug, patient.id)
    context = {
        "patient": patient,
        "form": form,
        "stale": stale,
        "set": sorted(thresholds.values(), key=lambda threshold: threshold.set_at, reverse=True)[:1],
        "zone": patient.zone,
    }
    return render(request, "measurements/limits.html", context)
