"""The page of the record: what was done and looked at in a clinic, by whom, with filter and export."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_safe

from clinics import audit
from clinics.access import ClinicAccess, Permission, clinic_page
from clinics.models import AuditEvent, Clinic, Membership
from common.csv_cells import csv_lines
from common.forms import StyledForm
from common.iso_dates import DayField
from common.pages import page_of

ROWS = 100
COLUMNS = ("at", "person", "action", "target_kind", "target_id", "address", "detail")


class RecordFilter(StyledForm):
    """What to look for; everything may be left open."""

    action = forms.CharField(label="What", max_length=60, required=False)
    person = forms.CharField(label="Who", max_length=254, required=False)
    first = DayField(label="From", required=False)
    last = DayField(label="To", required=False)

    def clean(self) -> dict[str, Any]:
        first, last = self.cleaned_data.get("first"), self.cleaned_data.get("last")
        if first and last and last < first:
            self.add_error("last", "This is before the first day.")
        return self.cleaned_data


@clinic_page(Permission.MANAGE_CLINIC)
@require_safe
def record(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    form = RecordFilter(request.GET)
    events = found(access.clinic, form) if form.is_valid() else AuditEvent.objects.none()
    page = page_of(
        events, request.GET.get("page", "1"), ROWS, lambda rows: [_row(one, access) for one in rows]
    )
    detail = {"query": request.GET.urlencode()[:200]} if request.GET else {}
    audit.record_view("record_viewed", by=access.user, clinic=access.clinic, detail=detail)
    context = {"form": form, "page": page, "zone": access.clinic.zone, "query": request.GET.urlencode()}
    return render(request, "clinics/record.html", context)


@clinic_page(Permission.MANAGE_CLINIC)
@require_safe
def export(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    """The same lines as CSV, all of them. Taking them is itself a line."""
    form = RecordFilter(request.GET)
    if not form.is_valid():
        return HttpResponse("The filter makes no sense.", status=400, content_type="text/plain")
    events = found(access.clinic, form)
    audit.record("record_exported", by=access.user, clinic=access.clinic, detail={"rows": events.count()})
    lines = csv_lines(_cells(events))
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    name = f"record-{access.clinic.slug}-{access.clinic.today()}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response  # type: ignore[return-value]


def found(clinic: Clinic, form: RecordFilter) -> QuerySet[AuditEvent]:
    """What happened in this clinic, and the sign-ins of its people; the newest first."""
    people = Membership.objects.filter(clinic=clinic).values_list("user_id", flat=True)
    names = [str(person) for person in people]
    elsewhere = Q(clinic_id__isnull=True) & (
        Q(actor_id__in=people) | Q(target_kind="user", target_id__in=names)
    )
    events = AuditEvent.objects.filter(Q(clinic_id=clinic.id) | elsewhere).order_by("-id")
    asked = form.cleaned_data
    if asked["action"]:
        events = events.filter(action__icontains=asked["action"].strip().replace(" ", "_"))
    if asked["person"]:
        events = events.filter(actor_label__icontains=asked["person"].strip())
    if asked["first"]:
        events = events.filter(at__gte=_start(asked["first"], clinic))
    if asked["last"]:
        events = events.filter(at__lt=_start(asked["last"] + datetime.timedelta(days=1), clinic))
    return events


def _start(day: datetime.date, clinic: Clinic) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(), clinic.zone)


def _row(event: AuditEvent, access: ClinicAccess) -> dict[str, Any]:
    return {
        "at": event.at,
        "person": event.actor_label,
        "action": event.action.replace("_", " ").capitalize(),
        "target": f"{event.target_kind} {event.target_id}".strip(),
        "page": _page_of(event, access),
        "address": event.address or "",
        "detail": [(name.replace("_", " "), _told(value)) for name, value in event.detail.items()],
    }


def _page_of(event: AuditEvent, access: ClinicAccess) -> str:
    """Where to see what it is about, "" for nowhere: pages of single things are named like them."""
    if not access.may(Permission.VIEW_PATIENTS):  # an operator
        return ""
    try:
        return reverse(event.target_kind, args=[access.clinic.slug, event.target_id])
    except NoReverseMatch:
        return ""


def _told(value: Any) -> str:
    """`before → after` for a change, else the value as it is."""
    if isinstance(value, list) and len(value) == 2:
        return f"{_word(value[0])} → {_word(value[1])}"
    return _word(value)


def _word(value: Any) -> str:
    return "nothing" if value is None else value if isinstance(value, str) else json.dumps(value)


def _cells(events: QuerySet[AuditEvent]) -> Iterator[tuple[object, ...]]:
    yield COLUMNS
    for event in events.iterator(chunk_size=2000):
        yield (
            event.at.astimezone(datetime.UTC).isoformat(),
            event.actor_label,
            event.action,
            event.target_kind,
            event.target_id,
            event.address or "",
            json.dumps(event.detail, sort_keys=True),
        )
