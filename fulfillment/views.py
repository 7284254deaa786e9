"""Where is my parcel? Devices under way and in use, and special orders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from clinics import audit
from clinics.access import ClinicAccess, Permission, clinic_page
from common.csv_cells import csv_lines
from common.pages import page_of
from common.wording import Choice
from fulfillment.access import shipments_for
from fulfillment.board import columns
from fulfillment.shipments.rows import shipment_rows
from fulfillment.tabs import address, search_of, tabs
from fulfillment.vendor_statuses import Stage, status_named

PAGE_SIZE = 50


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def shipments(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    """Devices by what happened to them last, to be narrowed by stage and by words."""
    text = search_of(request)
    stage = request.GET.get("stage", "")
    found = shipments_for(access, text)
    per_stage: Counter[str] = Counter()
    for status, count in found.order_by().values_list("status").annotate(count=Count("id")):
        per_stage[status_named(status).stage] += count
    silent = found.delivered_but_silent().count()
    per_stage[Stage.DELIVERED] -= silent
    per_stage[Stage.NEEDS_YOU] += silent
    shown = found.in_stage(Stage(stage)) if stage in Stage.values else found
    newest = shown.select_related("device").order_by("-since", "-id")
    is_board = request.GET.get("view") == "board"
    context = {
        "tabs": tabs(access, "shipments"),
        "views": [
            Choice("Table", address(stage=stage, search=text), not is_board),
            Choice("Board", address(view="board", search=text), is_board),
        ],
        "export": reverse("shipments-export", args=[access.clinic.slug]) + address(stage=stage, search=text),
        "columns": columns(access, found, per_stage, text) if is_board else [],
        "filters": _stages(stage, per_stage, text),
        "text": text,
        "chosen": stage,
        "waiting": per_stage[Stage.NEEDS_YOU],
        "page": page_of(
            newest, request.GET.get("page"), PAGE_SIZE, lambda rows: shipment_rows(access.clinic, rows)
        ),
        "zone": access.clinic.zone,
    }
    return render(request, "fulfillment/shipments.html", context)


def _stages(chosen: str, per_stage: Mapping[str, int], text: str) -> list[Choice]:
    choices = [Choice("All", address(search=text), not chosen, sum(per_stage.values()))]
    for stage in Stage:
        count = per_stage.get(stage, 0)
        if stage != Stage.OTHER or count or chosen == stage:
            url = address(stage=stage.value, search=text)
            choices.append(Choice(str(stage.label), url, chosen == stage, count))
    return choices


EXPORTED = 1000  # rows at a time


COLUMNS = (
    *("external_id", "patient_name", "device", "hardware_id", "stage", "status", "since", "next_step"),
    *("carrier", "tracking"),
)


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def export(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    """The parcels that the list shows, as CSV. Names patients, so it is written down."""
    asked = request.GET.get("stage", "")
    stage = asked if asked in Stage.values else ""
    found = shipments_for(access, search_of(request))
    shown = found.in_stage(Stage(stage)) if stage else found
    audit.record(
        "parcels_exported",
        by=access.user,
        clinic=access.clinic,
        detail={"rows": shown.count(), "stage": stage},
    )
    answer = StreamingHttpResponse(csv_lines(_lines(access, shown)), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="parcels-{access.clinic.slug}.csv"'
    return answer  # type: ignore[return-value]  # Django's stubs part the two


def _lines(access: ClinicAccess, shown: Any) -> Iterator[tuple[object, ...]]:
    yield COLUMNS
    ordered = list(shown.select_related("device").order_by("-since", "-id"))
    for start in range(0, len(ordered), EXPORTED):
        for row in shipment_rows(access.clinic, ordered[start : start + EXPORTED]):
            person = row.person
            yield (
                person.external_id if person else "",
                person.name if person else "",
                row.device,
                row.hardware_uuid,
                row.stage.label,
                row.status.name,
                row.since.astimezone(access.clinic.zone).isoformat(timespec="minutes"),
                row.next_step,
                row.tracking.carrier,
                row.tracking.url or row.tracking.text,
            )
