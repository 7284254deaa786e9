"""Where is my parcel? Devices under way and in use, and special orders."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from clinics.access import Permission, Visit, clinic_page
from clinics.paging import page_of
from clinics.presentation import Choice
from fulfillment.access import shipments_for, special_order_for, special_orders_for
from fulfillment.board import columns
from fulfillment.presentation import contents_in_words, order_rows, pieces_in, shipment_rows
from fulfillment.statuses import ORDER_STATUSES, Stage, status_named
from fulfillment.tabs import address, search_of, tabs

PAGE_SIZE = 50
ALL_CONTENTS = 500


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def shipments(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Devices by what happened to them last, to be narrowed by stage and by words."""
    text = search_of(request)
    stage = request.GET.get("stage", "")
    found = shipments_for(visit, text)
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
        "tabs": tabs(visit, "shipments"),
        "views": [
            Choice("Table", address(stage=stage, search=text), not is_board),
            Choice("Board", address(view="board", search=text), is_board),
        ],
        "export": reverse("shipments-export", args=[visit.clinic.slug]) + address(stage=stage, search=text),
        "columns": columns(visit, found, per_stage, text) if is_board else [],
        "filters": _stages(stage, per_stage, text),
        "text": text,
        "chosen": stage,
        "waiting": per_stage[Stage.NEEDS_YOU],
        "page": page_of(
            newest, request.GET.get("page"), PAGE_SIZE, lambda rows: shipment_rows(visit.clinic, rows)
        ),
        "zone": visit.clinic.zone,
    }
    return render(request, "fulfillment/shipments.html", context)


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def special_orders(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Demo, bulk, supply, replacement and return orders, the one heard of last at the top."""
    text = search_of(request)
    status = request.GET.get("status", "").replace("\0", "")
    found = special_orders_for(visit, text)
    per_status = dict(found.order_by().values_list("status").annotate(count=Count("id")))
    shown = found.filter(status=status) if status else found
    newest = shown.order_by("-received_at", "-id")
    context = {
        "tabs": tabs(visit, "special-orders"),
        "filters": _statuses(status, per_status, text),
        "text": text,
        "chosen": status,
        "page": page_of(
            newest, request.GET.get("page"), PAGE_SIZE, lambda rows: order_rows(visit.clinic, rows)
        ),
        "zone": visit.clinic.zone,
    }
    return render(request, "fulfillment/special_orders.html", context)


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def special_order(request: HttpRequest, visit: Visit, special_order_id: uuid.UUID) -> HttpResponse:
    """One special order: what is in it, each piece of hardware, and its steps."""
    order = special_order_for(visit, special_order_id)
    context = {
        "order": order,
        "row": order_rows(visit.clinic, [order])[0],
        "contents": contents_in_words(order.contents, shown=ALL_CONTENTS),
        "pieces": pieces_in(order.manifest),
        "zone": visit.clinic.zone,
    }
    return render(request, "fulfillment/special_order.html", context)


def _stages(chosen: str, per_stage: Mapping[str, int], text: str) -> list[Choice]:
    choices = [Choice("All", address(search=text), not chosen, sum(per_stage.values()))]
    for stage in Stage:
        count = per_stage.get(stage, 0)
        if stage != Stage.OTHER or count or chosen == stage:
            url = address(stage=stage.value, search=text)
            choices.append(Choice(str(stage.label), url, chosen == stage, count))
    return choices


def _statuses(chosen: str, per_status: Mapping[str, int], text: str) -> list[Choice]:
    choices = [Choice("All", address(search=text), not chosen, sum(per_status.values()))]
    known = [status.name for status in ORDER_STATUSES]
    for status in [*known, *sorted(per_status.keys() - set(known))]:
        url = address(status=status, search=text)
        choices.append(Choice(status, url, chosen == status, per_status.get(status, 0)))
    return choices
