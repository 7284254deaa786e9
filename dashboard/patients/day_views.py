"""Show one date of a patient, and exclude or restore its readings."""

from __future__ import annotations

import datetime
import uuid
from typing import Any, Protocol

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from clinics import audit
from clinics.access import ClinicAccess, Permission, clinic_page
from clinics.models import User
from common.iso_dates import month_key
from measurements.access import reading_for
from measurements.actions import exclusion
from measurements.forms import EXCLUSION_REASONS, RESTORATION_REASONS, ReasonForm
from measurements.models import Measurement
from measurements.shown.day_context import day_context
from measurements.shown.presentation import meaning_of
from measurements.shown.uses import use_of
from patients.access import patient_for
from patients.models import Patient


class Decision(Protocol):
    def __call__(self, *, reading: Measurement, by: User, reason: str) -> None: ...


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def patient_day(
    request: HttpRequest, access: ClinicAccess, patient_id: uuid.UUID, day: datetime.date
) -> HttpResponse:
    patient = patient_for(access, patient_id)
    audit.record(
        "patient_viewed", by=access.user, clinic=access.clinic, target=patient, detail={"date": str(day)}
    )
    return render(request, "dashboard/patient_day.html", _context(access, patient, day))


@clinic_page(Permission.EXCLUDE_READINGS)
@require_POST
def exclude_reading(
    request: HttpRequest, access: ClinicAccess, patient_id: uuid.UUID, day: datetime.date, reading_id: int
) -> HttpResponse:
    patient = patient_for(access, patient_id)
    return _decide(request, access, patient, day, reading_id, exclusion.exclude_reading, "excluded")


@clinic_page(Permission.EXCLUDE_READINGS)
@require_POST
def restore_reading(
    request: HttpRequest, access: ClinicAccess, patient_id: uuid.UUID, day: datetime.date, reading_id: int
) -> HttpResponse:
    patient = patient_for(access, patient_id)
    return _decide(request, access, patient, day, reading_id, exclusion.restore_reading, "restored")


def _decide(
    request: HttpRequest,
    access: ClinicAccess,
    patient: Patient,
    day: datetime.date,
    reading_id: int,
    decide: Decision,
    done: str,
) -> HttpResponse:
    """Exclude or restore, and tell what the date counts now. Asks again where the reason is missing."""
    reading = reading_for(patient, day, reading_id)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        context = _context(access, patient, day) | {"asked_again": {"id": reading.id, "form": form}}
        return render(request, "dashboard/patient_day.html", context)
    readings = [reading]
    if form.cleaned_data["together"]:
        of_date = Measurement.objects.of_patient(patient).filter(local_date=day)
        of_moment = of_date.taken_together_with(reading).select_related("clinic", "device")
        readings = [other for other in use_of(reading, of_moment) if other.excluded == reading.excluded]
    with transaction.atomic():
        for each in readings:
            decide(reading=each, by=access.user, reason=form.cleaned_data["reason"])
    labels = ", ".join(meaning_of(each).label for each in readings)
    verdicts = (
        f"{verdict['program']}: {verdict['sentence']}"
        for verdict in _context(access, patient, day)["day"]["verdicts"]
    )
    messages.success(request, f"{labels} {done}. {' '.join(verdicts)}")
    page = reverse("patient-day", args=[access.clinic.slug, patient.id, day])
    return redirect(f"{page}#reading-{reading.id}")


def _context(access: ClinicAccess, patient: Patient, day: datetime.date) -> dict[str, Any]:
    """Return what `dashboard/patient_day.html` documents."""
    context = day_context(
        patient,
        day,
        url_of=lambda date: reverse("patient-day", args=[access.clinic.slug, patient.id, date]),
        with_values=True,
    )
    page = reverse("patient", args=[access.clinic.slug, patient.id])
    return context | {
        "back_url": f"{page}?month={month_key(day)}#calendar",
        "may_exclude": access.may_exclude_readings,
        "exclusion_reasons": EXCLUSION_REASONS,
        "restoration_reasons": RESTORATION_REASONS,
        "asked_again": None,
    }
