"""The page of one order, and what a person decides there."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from clinics.access import ClinicAccess, Permission, clinic_page
from common.forms import StyledForm
from common.pages import page_of
from common.wording import Choice
from fulfillment.access import events_of, order_for, orders_for
from fulfillment.models import Order
from fulfillment.order_states import OrderState
from fulfillment.orders import history as shown
from fulfillment.orders.actions import (
    CannotShip,
    TooLate,
    adopt_match,
    cancel_order,
    note_told,
    record_shipped,
    send_again,
)
from fulfillment.orders.clinic_shipping import to_ship
from fulfillment.orders.rows import order_row, order_rows, parts_of_order
from fulfillment.querysets import OrderQuerySet
from fulfillment.shipments.remedies import order_anew, work_of
from fulfillment.tabs import address, search_of, tabs


class ReasonForm(StyledForm):
    """Why a person decides so; it stays in the order's history."""

    reason = forms.CharField(label="Reason", max_length=500, widget=forms.Textarea({"rows": 2}))


class ToldForm(StyledForm):
    """What somebody asked or told the vendor, and what it said."""

    said = forms.CharField(
        label="What you asked or told, and what Tenovi said",
        max_length=500,
        widget=forms.Textarea({"rows": 2}),
        error_messages={"required": "Say what was said, for whoever looks next."},
    )


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def order(request: HttpRequest, access: ClinicAccess, order_id: uuid.UUID) -> HttpResponse:
    return _page(request, access, order_for(access, order_id))


@clinic_page(Permission.MANAGE_DEVICES)
@require_POST
def decide_order(request: HttpRequest, access: ClinicAccess, order_id: uuid.UUID) -> HttpResponse:
    """Cancel, choose the device it became, send again or give up."""
    found = order_for(access, order_id)
    wanted = request.POST.get("do", "")
    reason = ReasonForm(request.POST, prefix=wanted, auto_id=f"id_{wanted}_%s")
    try:
        if wanted in ("again", "give-up") and not reason.is_valid():
            return _page(request, access, found, status=400, **{wanted.replace("-", "_"): reason})
        said = _decide(access, found, wanted, reason, request.POST.get("device", ""))
    except (TooLate, ValueError) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, said) if said else messages.error(request, "Choose one of the buttons.")
    return redirect("order", access.clinic.slug, order_id)


@clinic_page(Permission.MANAGE_DEVICES)
@require_POST
def order_told(request: HttpRequest, access: ClinicAccess, order_id: uuid.UUID) -> HttpResponse:
    """Somebody has asked or told Tenovi about the order by other means."""
    found = order_for(access, order_id)
    form = ToldForm(request.POST)
    if not form.is_valid():
        return _page(request, access, found, status=400, told=form)
    note_told(order=found, by=access.user, said=form.cleaned_data["said"])
    messages.success(request, "Written down in the order’s history.")
    return redirect("order", access.clinic.slug, order_id)


def _decide(access: ClinicAccess, order: Order, wanted: str, form: ReasonForm, device_id: str) -> str:
    """What was done, in a sentence; "" for nothing. Raises `TooLate`."""
    by = access.user
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


def _page(
    request: HttpRequest, access: ClinicAccess, order: Order, status: int = 200, **forms: Any
) -> HttpResponse:
    decides = access.may(Permission.MANAGE_DEVICES)
    now = timezone.now()
    events = events_of([order]).get(order.device_id, []) if order.device_id else []
    basket = orders_for(access).filter(basket=order.basket).exclude(id=order.id).order_by("line")
    unfilled: dict[str, Any] = {"told": ToldForm()} | {
        name.replace("-", "_"): ReasonForm(prefix=name, auto_id=f"id_{name}_%s")
        for name in ("again", "give-up")
    }
    context = {
        "order": order,
        "sentence": shown.sentence_of(order),
        "under_way": order.state in (OrderState.QUEUED, OrderState.SENDING, OrderState.UNCONFIRMED),
        "stage": shown.stage_of(order),
        "facts": shown.facts_of(order),
        "history": shown.history_of(order, events),
        "work": work_of(order, now),
        "anew": order_anew(order),
        "parts": parts_of_order(order, events, now),
        "others": order_rows(access.clinic, list(basket)),
        "may_order": decides,
        "decides": decides and order.state == OrderState.NEEDS_PERSON,
        "choices": shown.choices_of(order) if decides else [],
        "may_cancel": decides and order.state == OrderState.QUEUED,
        "forms": unfilled | forms,
        "zone": access.clinic.zone,
    }
    return render(request, "fulfillment/order.html", context, status=status)


PAGE_SIZE = 50


SHOWS: dict[str, tuple[str, tuple[str, ...]]] = {
    "needs-you": ("Needs you", (OrderState.NEEDS_PERSON, OrderState.REFUSED)),
    "sending": ("On its way to Tenovi", (OrderState.QUEUED, OrderState.SENDING, OrderState.UNCONFIRMED)),
    "confirmed": ("Confirmed", (OrderState.CONFIRMED,)),
    "ended": ("Cancelled", (OrderState.CANCELLED,)),
}


class ShippedForm(StyledForm):
    hardware_uuid = forms.CharField(
        label="Gateway ID or IMEI",
        max_length=40,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Enter what is printed on the gateway or the device that you packed."},
    )
    tracking = forms.CharField(
        label="Tracking link or number, if there is one",
        required=False,
        max_length=300,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def orders(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    text, chosen = search_of(request), request.GET.get("show", "")
    found = orders_for(access, text)
    per_state = dict(found.order_by().values_list("state").annotate(count=Count("id")))
    shown = found.filter(state__in=SHOWS[chosen][1]) if chosen in SHOWS else found
    filters = [Choice("All", address(search=text), chosen not in SHOWS, sum(per_state.values()))]
    for key, (label, states) in SHOWS.items():
        count = sum(per_state.get(state, 0) for state in states)
        filters.append(Choice(label, address(show=key, search=text), chosen == key, count))
    newest: OrderQuerySet = shown.newest_first()
    context = {
        "tabs": tabs(access, "orders"),
        "filters": filters,
        "text": text,
        "chosen": chosen,
        "page": page_of(
            newest, request.GET.get("page"), PAGE_SIZE, lambda rows: order_rows(access.clinic, rows)
        ),
        "zone": access.clinic.zone,
    }
    return render(request, "fulfillment/orders.html", context)


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def shipping_list(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    """What our own staff has to pack, the oldest first."""
    return render(request, "fulfillment/to_ship.html", _to_ship(access))


@clinic_page(Permission.MANAGE_DEVICES)
@require_POST
def order_shipped(request: HttpRequest, access: ClinicAccess, order_id: uuid.UUID) -> HttpResponse:
    """Our own staff has packed it, with this gateway or device."""
    order = order_for(access, order_id)
    form = ShippedForm(request.POST, auto_id=f"id_{order.id}_%s")
    if form.is_valid():
        try:
            record_shipped(order=order, by=access.user, **form.cleaned_data)
        except CannotShip as error:
            form.add_error("hardware_uuid", str(error))
        else:
            messages.success(request, "Recorded, and Tenovi is told.")
            return redirect("to-ship", access.clinic.slug)
    return render(request, "fulfillment/to_ship.html", _to_ship(access, {order.id: form}), status=200)


def _to_ship(access: ClinicAccess, forms_of: dict[uuid.UUID, ShippedForm] | None = None) -> dict[str, Any]:
    rows = []
    for order in to_ship(access.clinic):
        known = order.device.hardware_uuid if order.device else ""
        fresh = ShippedForm(initial={"hardware_uuid": known}, auto_id=f"id_{order.id}_%s")
        town = f"{order.shipping_city}, {order.shipping_state} {order.shipping_zip_code}"
        rows.append(
            {
                "order": order_row(access.clinic, order),
                "address": [order.shipping_name, order.shipping_address, town],
                "notes": order.shipping_notes,
                "form": (forms_of or {}).get(order.id, fresh),
                "act": reverse("order-shipped", args=[access.clinic.slug, order.id]),
            }
        )
    return {
        "tabs": tabs(access, "to-ship"),
        "rows": rows,
        "clinic": access.clinic,
        "zone": access.clinic.zone,
    }
