"""Show a billing month, its dates and the evidence behind a date, and give out the export."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from billing.anchors import questions
from billing.cells import day_cell
from billing.export import clocks, export_rows
from billing.pace import pace
from billing.report import ReportRow, totals, vital_days
from billing.windows import Window
from billing.workbook import CONTENT_TYPES, FORMATS
from clinics import audit
from clinics.access import ClinicAccess, Permission, clinic_page
from clinics.models import BillingWindow
from common.formats import day_month, short_month_year
from common.iso_dates import month_key
from common.pages import page_of
from common.wording import SHORT_PERIOD
from measurements.completeness import of_month
from measurements.reconcile_schedule import night_of
from measurements.shown.day_context import day_context
from measurements.shown.day_evidence import evidence
from patients.access import patient_for
from patients.models import Patient

PAGE_SIZE = 50
MONTHS_SHOWN = 13
QUESTIONS_SHOWN = 10
LONG_AGO = datetime.date(1, 1, 1)

SORTS: dict[str, Callable[[ReportRow], Any]] = {
    "name": lambda row: (row.patient_name or row.external_id).casefold(),
    "program": lambda row: row.program,
    "days": lambda row: row.days,
    "vendor": lambda row: row.vendor_days,
    "last": lambda row: row.dates[-1] if row.dates else LONG_AGO,
}


@clinic_page(Permission.VIEW_VITAL_DAYS)
@require_safe
def month(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    """Show a row for each patient and program; a row opens to its dates."""
    now = timezone.now()
    window = _window(request, access, now)
    rows = vital_days(access.clinic, window, now=now)
    full, short, under = totals(rows)
    sort = request.GET.get("sort", "name")
    key = SORTS.get(sort.lstrip("-"))
    sort, key = (sort, key) if key else ("name", SORTS["name"])
    ordered = sorted(sorted(rows, key=SORTS["name"]), key=key, reverse=sort.startswith("-"))
    opened = request.GET.get("open", "")
    number = request.GET.get("page") or _page_of(opened, ordered)
    page = page_of(
        ordered,
        number,
        PAGE_SIZE,
        lambda listed: [_shown(request, access, row, opened, now) for row in listed],
    )
    context = {
        "month": {
            "title": window.title,
            "status": "Open",
            "is_open": True,
            "bills_otherwise": access.clinic.billing_window != BillingWindow.MONTH,
            "csv_url": _export_url(access, window, "csv"),
            "other_files": _other_files(access, window),
            "day_rule": clocks(access.clinic),
            "generated_at": now,
            "night": night_of(access.clinic, now),
            "completeness": of_month(access.clinic, *window.moments(access.clinic), now=now),
        },
        "months": _months(access, window, now),
        "totals": {"full": full, "short": short, "under": under, "all": len(rows)},
        "sort": sort,
        "page": page,
        "questions": _questions(access),
        "zone": access.clinic.zone,
    }
    return render(request, "billing/month.html", context)


@clinic_page(Permission.VIEW_VITAL_DAYS)
@require_safe
def day(
    request: HttpRequest, access: ClinicAccess, patient_id: uuid.UUID, day: datetime.date
) -> HttpResponse:
    """Show the readings behind one date, without a single value."""
    patient = patient_for(access, patient_id)
    audit.record(
        "vital_day_viewed", by=access.user, clinic=access.clinic, target=patient, detail={"date": str(day)}
    )
    context = day_context(
        patient,
        day,
        url_of=lambda date: reverse("billing-day", args=[access.clinic.slug, patient.id, date]),
        with_values=False,
    )
    program = context["day"]["verdicts"][0]["program"] or "RPM"
    query = urlencode({"month": month_key(day), "open": f"{patient.id}-{program}"})
    back_url = f"{reverse('billing', args=[access.clinic.slug])}?{query}#{patient.id}-{program}"
    return render(request, "billing/day.html", {**context, "back_url": back_url})


@clinic_page(Permission.CLOSE_PERIODS)
@require_safe
def export(request: HttpRequest, access: ClinicAccess, form: str) -> HttpResponse:
    """Send the month's export as a file, and record who took it.

    `?window=month` or `30-day`, else as the clinic bills.
    """
    if form not in FORMATS:
        raise Http404
    now = timezone.now()
    month = _window(request, access, now)
    asked = request.GET.get("window")
    kind = asked if asked in BillingWindow.values else access.clinic.billing_window
    content, rows = FORMATS[form](export_rows(access.clinic, month, kind=kind, now=now))
    audit.record(
        "vital_days_exported",
        by=access.user,
        clinic=access.clinic,
        detail={"month": month.month, "window": kind, "rows": rows, "format": form},
    )
    suffix = "-30-day-windows" if kind == BillingWindow.THIRTY_DAYS else ""
    name = f"vital-days-{access.clinic.slug}-{month.month}{suffix}.{form}"
    return HttpResponse(
        content,
        content_type=CONTENT_TYPES[form],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _window(request: HttpRequest, access: ClinicAccess, now: datetime.datetime) -> Window:
    """Return the requested month; the current one for none or nonsense."""
    try:
        return Window.of_month(request.GET.get("month", ""))
    except ValueError:
        return Window.current_month(access.clinic, now)


def _export_url(access: ClinicAccess, window: Window, form: str, kind: str = "") -> str:
    """Return the address of this month's file, "" for those who may not take it.

    As the clinic bills unless `kind` is given.
    """
    if not access.may_export:
        return ""
    query = {"month": window.month} | ({"window": kind} if kind else {})
    return f"{reverse('billing-export', args=[access.clinic.slug, form])}?{urlencode(query)}"


def _other_files(access: ClinicAccess, window: Window) -> list[dict[str, str]]:
    """Return the workbook of the clinic's own window, and both files of the other one."""
    own, other = access.clinic.billing_window, _other_window(access)
    files = [
        ("XLSX", "xlsx", own),
        (f"{other.label} as CSV", "csv", other),
        (f"{other.label} as XLSX", "xlsx", other),
    ]
    return [
        {"label": label, "url": _export_url(access, window, form, kind)}
        for label, form, kind in files
        if access.may_export
    ]


def _other_window(access: ClinicAccess) -> BillingWindow:
    return next(kind for kind in BillingWindow if kind != access.clinic.billing_window)


def _months(access: ClinicAccess, shown: Window, now: datetime.datetime) -> list[dict[str, Any]]:
    choices = [Window.current_month(access.clinic, now)]
    while len(choices) < MONTHS_SHOWN and (before := choices[-1].previous_month()):
        choices.append(before)
    if shown not in choices:
        choices = sorted([*choices, shown], key=lambda window: window.first, reverse=True)
    return [
        {
            "label": short_month_year(window.first),
            "url": f"?month={window.month}",
            "csv_url": _export_url(access, window, "csv"),
            "active": window == shown,
        }
        for window in choices
    ]


def _shown(
    request: HttpRequest, access: ClinicAccess, row: ReportRow, opened: str, now: datetime.datetime
) -> dict[str, Any]:
    today = row.today
    standing = pace(row.program, row.days, row.window, today, has_today=today in row.dates)
    key = _key(row)
    query = request.GET.copy()
    query["open"] = "" if opened == key else key
    patient_url = (
        reverse("patient", args=[access.clinic.slug, row.patient_id]) if access.may_view_patients else ""
    )
    shown: dict[str, Any] = {
        "key": key,
        "name": row.patient_name or row.external_id,
        "external_id": row.external_id,
        "patient_url": patient_url,
        "program": row.program,
        "days": row.days,
        "vendor_days": row.vendor_days,
        "first_day": row.dates[0] if row.dates else None,
        "last_day": row.dates[-1] if row.dates else None,
        "level": standing.level,
        "words": standing.words,
        "is_open": opened == key,
        "toggle_url": f"?{query.urlencode()}",
        "periods_url": reverse("billing-periods", args=[access.clinic.slug, row.patient_id]),
        "reasons": _reasons(row),
        "cells": [],
    }
    if shown["is_open"]:
        patient = patient_for(access, row.patient_id)
        days = evidence(patient, row.window.first, row.window.last)
        by_date = {day.date: day for day in days if day.program == row.program}
        shown["cells"] = [
            day_cell(access, patient, date, by_date.get(date), today) for date in row.window.dates
        ]
    return shown


def _questions(access: ClinicAccess) -> dict[str, Any]:
    """Return how many questions about anchors are open, and the first patients to look at."""
    opened = questions(access.clinic)
    people = Patient.objects.for_clinic(access.clinic).filter(id__in={who for who, _ in opened})
    return {
        "count": len(opened),
        "patients": [
            {"name": str(patient), "url": reverse("billing-periods", args=[access.clinic.slug, patient.id])}
            for patient in people.order_by("name", "external_id")[:QUESTIONS_SHOWN]
        ],
    }


def _key(row: ReportRow) -> str:
    return f"{row.patient_id}-{row.program}"


def _page_of(opened: str, rows: list[ReportRow]) -> int:
    """Return the page that holds the opened row, so that a link to a row needs no page number."""
    position = next((n for n, row in enumerate(rows) if _key(row) == opened), 0)
    return position // PAGE_SIZE + 1


def _reasons(row: ReportRow) -> list[str]:
    """Return what cannot be billed as it stands, each in one sentence."""
    reasons = []
    if row.days < SHORT_PERIOD:
        reasons.append(f"{row.days} of the {SHORT_PERIOD} days that the short code needs.")
    if row.estimated_only:
        dates = ", ".join(day_month(date) for date in row.estimated_only)
        reasons.append(f"Rests on readings whose time the vendor estimated: {dates}.")
    if more := row.vendor_days - row.days:
        reasons.append(
            f"The vendor counts {more} more: dates with control solution or excluded readings only."
        )
    return reasons
