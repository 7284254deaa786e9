"""Show and change from which date a patient's 30-day periods are counted."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from billing.actions import NoSuchDate, set_anchor
from billing.anchors import questions, write_due_anchors
from billing.cells import day_cell
from billing.forms import ANCHOR_REASONS, AnchorForm
from billing.report import expected_programs
from billing.windows import Window
from clinics import audit
from clinics.access import ClinicAccess, Permission, clinic_page
from common.formats import full_date
from measurements.shown.day_evidence import DateEvidence, evidence
from patients.access import patient_for
from patients.models import Enrollment, Patient, PeriodAnchor
from patients.periods import LENGTH, Span, periods_ending_in
from patients.presentation import dates_of

PERIODS_SHOWN = 13


@clinic_page(Permission.VIEW_VITAL_DAYS)
@require_safe
def periods(request: HttpRequest, access: ClinicAccess, patient_id: uuid.UUID) -> HttpResponse:
    """Show each program with its anchors, its latest periods with their dates, and open questions."""
    return _page(request, access, patient_for(access, patient_id))


@clinic_page(Permission.CLOSE_PERIODS)
@require_POST
def set_periods(request: HttpRequest, access: ClinicAccess, patient_id: uuid.UUID) -> HttpResponse:
    """Count the periods of a program from another date."""
    patient = patient_for(access, patient_id)
    form = AnchorForm(request.POST)
    if form.is_valid():
        fields = form.cleaned_data
        try:
            anchor = set_anchor(
                patient=patient,
                program=fields["program"],
                by=access.user,
                anchor_on=fields["anchor_on"],
                reason=fields["reason"],
                anchor_id=fields["anchor"],
            )
        except NoSuchDate as wrong:
            form.add_error("anchor_on", str(wrong))
        else:
            messages.success(
                request, f"{anchor.program}: periods are counted from {full_date(anchor.anchor_on)}."
            )
            return redirect("billing-periods", access.clinic.slug, patient.id)
    return _page(request, access, patient, form)


def _page(
    request: HttpRequest, access: ClinicAccess, patient: Patient, wrong: AnchorForm | None = None
) -> HttpResponse:
    now = timezone.now()
    written = write_due_anchors(access.clinic, now, patient)
    detail = {"anchors_written": written} if written else {}
    audit.record("periods_viewed", by=access.user, clinic=access.clinic, target=patient, detail=detail)
    today = patient.today(now)
    anchors = PeriodAnchor.objects.for_clinic(access.clinic).filter(patient=patient)
    stored = list(anchors.select_related("enrollment", "set_by").order_by("program", "anchor_on"))
    running = Window(today - datetime.timedelta(LENGTH - 1), today)
    expected = expected_programs(access.clinic, running, patient)[patient.id]
    enrolled = Enrollment.objects.for_clinic(access.clinic).filter(patient=patient)
    programs = (
        {anchor.program for anchor in stored} | expected | set(enrolled.values_list("program", flat=True))
    )
    opened = questions(access.clinic, patient)
    context = {
        "patient": patient,
        "programs": [
            {
                "name": program,
                "question": opened.get((patient.id, program)),
                "anchors": [_anchor(anchor, access, wrong) for anchor in stored if anchor.program == program],
                "first_form": _form(access, program, None, wrong),
                "periods": _periods(
                    access,
                    patient,
                    program,
                    [row.anchor_on for row in stored if row.program == program],
                    today,
                ),
            }
            for program in sorted(programs or {"RPM"})
        ],
        "reasons": ANCHOR_REASONS,
        "zone": patient.zone,
    }
    return render(request, "billing/periods.html", context)


def _anchor(anchor: PeriodAnchor, access: ClinicAccess, wrong: AnchorForm | None) -> dict[str, Any]:
    return {
        "on": anchor.anchor_on,
        "source": anchor.get_source_display(),
        "by": anchor.set_by.email if anchor.set_by else "",
        "at": anchor.set_at,
        "reason": anchor.reason,
        "enrollment": dates_of(anchor.enrollment) if anchor.enrollment else "",
        "left_out": anchor.days_before,
        "form": _form(access, anchor.program, anchor, wrong),
    }


def _form(
    access: ClinicAccess, program: str, anchor: PeriodAnchor | None, wrong: AnchorForm | None
) -> dict[str, Any] | None:
    """Return the form that changes an anchor, as it was filled in where it had a mistake."""
    if not access.may_export:
        return None
    anchor_id = str(anchor.id if anchor else "")
    is_wrong = wrong is not None and (wrong["program"].value(), wrong["anchor"].value() or "") == (
        program,
        anchor_id,
    )
    fields = wrong if is_wrong else AnchorForm(None, program=program, anchor=anchor)
    return {"fields": fields, "is_open": is_wrong}


def _periods(
    access: ClinicAccess, patient: Patient, program: str, anchors: list[datetime.date], today: datetime.date
) -> list[dict[str, Any]]:
    """Return the latest periods that have begun, the newest first, each with its dates."""
    if not anchors or min(anchors) > today:
        return []
    reach = Span(min(anchors), today + datetime.timedelta(LENGTH - 1))
    begun = [period for period in periods_ending_in(reach, anchors) if period.first <= today]
    shown = begun[-PERIODS_SHOWN:]
    days = {
        day.date: day
        for day in evidence(patient, shown[0].first, shown[-1].last)
        if day.program == program and day.date <= today
    }
    return [_period(access, patient, period, days, today) for period in reversed(shown)]


def _period(
    access: ClinicAccess,
    patient: Patient,
    period: Span,
    days: dict[datetime.date, DateEvidence],
    today: datetime.date,
) -> dict[str, Any]:
    dates = Window(*period).dates
    return {
        "first": period.first,
        "last": period.last,
        "days": sum(bool(date in days and days[date].counted) for date in dates),
        "is_over": period.last < today,
        "is_short": len(dates) < LENGTH,
        "length": len(dates),
        "cells": [day_cell(access, patient, date, days.get(date), today) for date in dates],
    }
