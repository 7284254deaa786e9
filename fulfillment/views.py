"""Where is my parcel? Devices under way and in use, and special orders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from clinics.access import Permission, Visit, clinic_page
from clinics.paging import page_of
from clinics.presentation import Choice
from fulfillment.access import shipments_for, special_orders_for
from fulfillment.presentation import order_rows, shipment_rows
from fulfillment.statuses import ORDER_STATUSES, Stage, status_named

PAGE_SIZE = 50


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def shipments(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Devices by what happened to them last, to be narrowed by stage and by words."""
    text = _search(request)
    stage = request.GET.get("stage", "")
    found = shipments_for(visit, text)
    per_stage: Counter[str] = Counter()
    for status, count in found.order_by().values_list("status").annotate(count=Count("id")):
        per_stage[status_named(status).stage] += count
    shown = found.in_stage(Stage(stage)) if stage in Stage.values else found
    newest = shown.select_related("device").order_by("-since", "-id")
    context = {
        "tabs": _tabs(visit, "shipments"),
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
    text = _search(request)
    status = request.GET.get("status", "").replace("\0", "")
    found = special_orders_for(visit, text)
    per_status = dict(found.order_by().values_list("status").annotate(count=Count("id")))
    shown = found.filter(status=status) if status else found
    newest = shown.order_by("-received_at", "-id")
    context = {
        "tabs": _tabs(visit, "special-orders"),
        "filters": _statuses(status, per_status, text),
        "text": text,
        "chosen": status,
        "page": page_of(
            newest, request.GET.get("page"), PAGE_SIZE, lambda rows: order_rows(visit.clinic, rows)
        ),
        "zone": visit.clinic.zone,
    }
    return render(request, "fulfillment/special_orders.html", context)


def _search(request: HttpRequest) -> str:
    return request.GET.get("search", "").replace("\0", "").strip()


def _tabs(visit: Visit, current: str) -> list[Choice]:
    return [
        Choice(label, reverse(name, args=[visit.clinic.slug]), name == current)
        for name, label in (("shipments", "Shipments"), ("special-orders", "Special orders"))
    ]


def _stages(chosen: str, per_stage: Mapping[str, int], text: str) -> list[Choice]:
    choices = [Choice("All", _address(search=text), not chosen, sum(per_stage.values()))]
    for stage in Stage:
        count = per_stage.get(stage, 0)
        if stage != Stage.OTHER or count or chosen == stage:
            address = _address(stage=stage.value, search=text)
            choices.append(Choice(str(stage.label), address, chosen == stage, count))
    return choices


def _statuses(chosen: str, per_status: Mapping[str, int], text: str) -> list[Choice]:
    choices = [Choice("All", _address(search=text), not chosen, sum(per_status.values()))]
    known = [status.name for status in ORDER_STATUSES]
    for status in [*known, *sorted(per_status.keys() - set(known))]:
        address = _address(status=status, search=text)
        choices.append(Choice(status, address, chosen == status, per_status.get(status, 0)))
    return choices


def _address(**query: Any) -> str:
    return f"?{urlencode({name: value for name, value in query.items() if value})}"
