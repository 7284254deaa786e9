"""The list of orders, the page of one, and what a person decides there."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from clinics.access import Permission, Visit, clinic_page
from clinics.forms import Labelled
from clinics.paging import page_of
from clinics.presentation import Choice
from devices.errands import errands_of
from fulfillment import order_presentation as shown
from fulfillment.access import events_of, order_for, orders_for
from fulfillment.models import Order, ShipBy
from fulfillment.orders import PENDING, TooLate, adopt_match, cancel_order, send_again, ship_order
from fulfillment.queries import ORDER_PARTS
from fulfillment.states import OrderState
from fulfillment.tabs import address, search_of, tabs

PAGE_SIZE = 50


class ReasonForm(Labelled):
    """Why a person decides so; it stays in the order's history."""

    reason = forms.CharField(label="Reason", max_length=500, widget=forms.Textarea({"rows": 2}))


class ShippedForm(Labelled):
    """What the clinic's own staff have sent off."""

    hardware_uuid = forms.CharField(
        label="Gateway ID or IMEI",
        max_length=64,
        help_text="12 characters printed on the gateway, or 15 digits on a cellular device.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def orders(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Orders of devices, the newest at the top, to be narrowed by what is to be done and by words."""
    text, show = search_of(request), request.GET.get("show", "")
    found = orders_for(visit, text)
    counts = found.order_by().aggregate(
        **{part.replace("-", "_"): Count("id", filter=wanted) for part, (_, wanted) in ORDER_PARTS.items()}
    )
    filters = [Choice("All", address(search=text), show not in ORDER_PARTS)]
    for part, (label, _) in ORDER_PARTS.items():
        count = counts[part.replace("-", "_")]
        filters.append(Choice(label, address(show=part, search=text), show == part, count))
    newest = found.shown_as(show).newest_first()
    context = {
        "tabs": tabs(visit, "orders"),
        "filters": filters,
        "text": text,
        "chosen": show if show in ORDER_PARTS else "",
        "waiting": counts["needs_you"],
        "page": page_of(
            newest, request.GET.get("page"), PAGE_SIZE, lambda rows: shown.rows_of(visit.clinic, rows)
        ),
        "zone": visit.clinic.zone,
    }
    return render(request, "fulfillment/orders.html", context)


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def order(request: HttpRequest, visit: Visit, order_id: uuid.UUID) -> HttpResponse:
    return _page(request, visit, order_for(visit, order_id))


@clinic_page(Permission.MANAGE_DEVICES)
@require_POST
def decide_order(request: HttpRequest, visit: Visit, order_id: uuid.UUID) -> HttpResponse:
    """Cancel, choose the device it became, send again, give up, or say that it was shipped."""
    found = order_for(visit, order_id)
    wanted = request.POST.get("do", "")
    if wanted == "shipped":
        return _ship(request, visit, found)
    reason = ReasonForm(request.POST, prefix=wanted, auto_id=f"id_{wanted}_%s")
    try:
        if wanted in ("again", "give-up") and not reason.is_valid():
            return _page(request, visit, found, status=400, **{wanted.replace("-", "_"): reason})
        said = _decide(visit, found, wanted, reason, request.POST.get("device", ""))
    except (TooLate, ValueError) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, said) if said else messages.error(request, "Choose one of the buttons.")
    return redirect("order", visit.clinic.slug, order_id)


def _ship(request: HttpRequest, visit: Visit, order: Order) -> HttpResponse:
    form = ShippedForm(request.POST, prefix="shipped")
    try:
        if form.is_valid():
            ship_order(order=order, by=visit.user, hardware_uuid=form.cleaned_data["hardware_uuid"])
            messages.success(request, "Tenovi is told that it was shipped.")
            return redirect("order", visit.clinic.slug, order.id)
    except TooLate as error:
        messages.error(request, str(error))
        return redirect("order", visit.clinic.slug, order.id)
    except ValueError as error:
        form.add_error("hardware_uuid", str(error))
    return _page(request, visit, order, status=400, shipped=form)


def _decide(visit: Visit, order: Order, wanted: str, form: ReasonForm, device_id: str) -> str:
    """What was done, in a sentence; "" for nothing. Raises `TooLate`."""
    by = visit.user
    if wanted == "cancel":
        cancel_order(order=order, by=by)
        return "The order is cancelled. Nothing was sent to Tenovi."
    if wanted == "choose":
        known = {str(device.id): device for device in shown.choices_of(order)}
        if device_id not in known:
            raise TooLate("This device can no longer be chosen.")
        adopt_match(order=order, device=known[device_id], by=by)
        return "The order is settled with this device."
    if wanted == "again":
        send_again(order=order, by=by, reason=form.cleaned_data["reason"])
        return "The order is sent again."
    if wanted == "give-up":
        cancel_order(order=order, by=by, reason=form.cleaned_data["reason"])
        return "The order is given up."
    return ""


def _page(request: HttpRequest, visit: Visit, order: Order, status: int = 200, **forms: Any) -> HttpResponse:
    decides = visit.may(Permission.MANAGE_DEVICES)
    unfilled = {
        name.replace("-", "_"): ReasonForm(prefix=name, auto_id=f"id_{name}_%s")
        for name in ("again", "give-up")
    }
    hwi_id = order.device.hwi_device_id if order.device else None
    context = {
        "order": order,
        "sentence": shown.sentence_of(order),
        "stage": shown.stage_of(order),
        "facts": shown.facts_of(order),
        "history": shown.history_of(
            order, events_of([order]).get(order.device_id, []) if order.device_id else []
        ),
        "decides": decides and order.state == OrderState.NEEDS_PERSON,
        "choices": shown.choices_of(order) if decides else [],
        "may_cancel": decides and order.state == OrderState.QUEUED,
        "may_ship": decides and order.ship_by == ShipBy.CLINIC and order.vendor_status == PENDING,
        "errands": errands_of(visit.clinic, [hwi_id])[hwi_id] if hwi_id else [],
        "forms": unfilled | {"shipped": ShippedForm(prefix="shipped")} | forms,
        "zone": visit.clinic.zone,
    }
    return render(request, "fulfillment/order.html", context, status=status)
