"""Orders as a list, what our own staff has to ship, and the parcels as a file."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from clinics import audit
from clinics.access import Permission, Visit, clinic_page
from clinics.forms import Labelled
from clinics.paging import page_of
from clinics.presentation import Choice
from clinics.spreadsheet import csv_lines
from fulfillment.access import order_for, orders_for, shipments_for
from fulfillment.order_pages import order_row, order_rows
from fulfillment.own_shipping import CannotShip, record_shipped, to_ship
from fulfillment.presentation import shipment_rows
from fulfillment.queries import OrderQuerySet
from fulfillment.states import OrderState
from fulfillment.statuses import Stage
from fulfillment.tabs import address, search_of, tabs

PAGE_SIZE = 50
EXPORTED = 1000  # rows at a time
COLUMNS = (
    *("external_id", "patient_name", "device", "hardware_id", "stage", "status", "since", "next_step"),
    *("carrier", "tracking"),
)
SHOWS: dict[str, tuple[str, tuple[str, ...]]] = {
    "needs-you": ("Needs you", (OrderState.NEEDS_PERSON, OrderState.REFUSED)),
    "sending": ("On its way to Tenovi", (OrderState.QUEUED, OrderState.SENDING, OrderState.UNKNOWN)),
    "confirmed": ("Confirmed", (OrderState.CONFIRMED,)),
    "ended": ("Cancelled", (OrderState.CANCELLED,)),
}


class ShippedForm(Labelled):
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
def orders(request: HttpRequest, visit: Visit) -> HttpResponse:
    text, chosen = search_of(request), request.GET.get("show", "")
    found = orders_for(visit, text)
    per_state = dict(found.order_by().values_list("state").annotate(count=Count("id")))
    shown = found.filter(state__in=SHOWS[chosen][1]) if chosen in SHOWS else found
    filters = [Choice("All", address(search=text), chosen not in SHOWS, sum(per_state.values()))]
    for key, (label, states) in SHOWS.items():
        count = sum(per_state.get(state, 0) for state in states)
        filters.append(Choice(label, address(show=key, search=text), chosen == key, count))
    newest: OrderQuerySet = shown.newest_first()
    context = {
        "tabs": tabs(visit, "orders"),
        "filters": filters,
        "text": text,
        "chosen": chosen,
        "page": page_of(
            newest, request.GET.get("page"), PAGE_SIZE, lambda rows: order_rows(visit.clinic, rows)
        ),
        "zone": visit.clinic.zone,
    }
    return render(request, "fulfillment/orders.html", context)


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def shipping_list(request: HttpRequest, visit: Visit) -> HttpResponse:
    """What our own staff has to pack, the oldest first."""
    return render(request, "fulfillment/to_ship.html", _to_ship(visit))


@clinic_page(Permission.MANAGE_DEVICES)
@require_POST
def order_shipped(request: HttpRequest, visit: Visit, order_id: uuid.UUID) -> HttpResponse:
    """Our own staff has packed it, with this gateway or device."""
    order = order_for(visit, order_id)
    form = ShippedForm(request.POST, auto_id=f"id_{order.id}_%s")
    if form.is_valid():
        try:
            record_shipped(order=order, by=visit.user, **form.cleaned_data)
        except CannotShip as error:
            form.add_error("hardware_uuid", str(error))
        else:
            messages.success(request, "Recorded, and Tenovi is told.")
            return redirect("to-ship", visit.clinic.slug)
    return render(request, "fulfillment/to_ship.html", _to_ship(visit, {order.id: form}), status=200)


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def export(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The parcels that the list shows, as CSV. Names patients, so it is written down."""
    asked = request.GET.get("stage", "")
    stage = asked if asked in Stage.values else ""
    found = shipments_for(visit, search_of(request))
    shown = found.in_stage(Stage(stage)) if stage else found
    audit.record(
        "parcels_exported", by=visit.user, clinic=visit.clinic, detail={"rows": shown.count(), "stage": stage}
    )
    answer = StreamingHttpResponse(csv_lines(_lines(visit, shown)), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="parcels-{visit.clinic.slug}.csv"'
    return answer  # type: ignore[return-value]  # Django's stubs part the two


def _lines(visit: Visit, shown: Any) -> Iterator[tuple[object, ...]]:
    yield COLUMNS
    ordered = list(shown.select_related("device").order_by("-since", "-id"))
    for start in range(0, len(ordered), EXPORTED):
        for row in shipment_rows(visit.clinic, ordered[start : start + EXPORTED]):
            person = row.person
            yield (
                person.external_id if person else "",
                person.name if person else "",
                row.device,
                row.hardware_uuid,
                row.stage.label,
                row.status.name,
                row.since.astimezone(visit.clinic.zone).isoformat(timespec="minutes"),
                row.next_step,
                row.tracking.carrier,
                row.tracking.url or row.tracking.text,
            )


def _to_ship(visit: Visit, forms_of: dict[uuid.UUID, ShippedForm] | None = None) -> dict[str, Any]:
    rows = []
    for order in to_ship(visit.clinic):
        known = order.device.hardware_uuid if order.device else ""
        fresh = ShippedForm(initial={"hardware_uuid": known}, auto_id=f"id_{order.id}_%s")
        town = f"{order.shipping_city}, {order.shipping_state} {order.shipping_zip_code}"
        rows.append(
            {
                "order": order_row(visit.clinic, order),
                "address": [order.shipping_name, order.shipping_address, town],
                "notes": order.shipping_notes,
                "form": (forms_of or {}).get(order.id, fresh),
                "act": reverse("order-shipped", args=[visit.clinic.slug, order.id]),
            }
        )
    return {
        "tabs": tabs(visit, "to-ship"),
        "rows": rows,
        "clinic": visit.clinic,
        "zone": visit.clinic.zone,
    }
