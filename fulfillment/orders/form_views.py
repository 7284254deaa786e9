"""Ordering devices: for whom, and then the order form."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from clinics.access import ClinicAccess, Permission, clinic_page
from common.pages import page_of
from fulfillment.addresses import destination
from fulfillment.models import Order
from fulfillment.orders.actions import AlreadyOpen, KeyUsed, place_orders
from fulfillment.orders.forms import DETAILS, DEVICES, REVIEW, OrderForm, charges
from fulfillment.orders.rows import order_row
from fulfillment.orders.validation import CannotOrder, Line, checked, warnings
from fulfillment.tabs import search_of
from patients.access import patient_for
from patients.models import Patient

PAGE_SIZE = 20
GATEWAYS = (
    "Tenovi is asked for {} devices with a new gateway, and decides how to pack them. To be sure of one "
    "gateway, order the others once the first has shipped, with its Gateway ID."
)


@clinic_page(Permission.MANAGE_DEVICES)
@require_safe
def choose_patient(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    """For whom? The first step of an order that does not start on a patient's page."""
    text = search_of(request)
    patients = Patient.objects.for_clinic(access.clinic).present().order_by("name", "external_id")
    found = patients.matching(text) if text else patients
    context = {
        "text": text,
        "page": page_of(found, request.GET.get("page"), PAGE_SIZE, lambda rows: rows),
        "clinic": access.clinic,
    }
    return render(request, "fulfillment/order_for.html", context)


@clinic_page(Permission.MANAGE_DEVICES)
@require_http_methods(["GET", "HEAD", "POST"])
def order_new(request: HttpRequest, access: ClinicAccess, patient_id: uuid.UUID) -> HttpResponse:
    """Show the order form for a patient."""
    return _order_form(request, access, patient_for(access, patient_id))


@clinic_page(Permission.MANAGE_DEVICES)
@require_http_methods(["GET", "HEAD", "POST"])
def order_into_stock(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    """Show the order form for devices that are here, and that no patient gets yet."""
    return _order_form(request, access, None)


def _order_form(request: HttpRequest, access: ClinicAccess, patient: Patient | None) -> HttpResponse:
    """Show a step of the form. Each posts all of it, and `go` names the one that is asked for."""
    form = OrderForm(access.clinic, patient, request.POST if request.method == "POST" else None)
    step, existing = DEVICES, None
    lines: list[Line] = []
    if request.method == "POST":
        go = request.POST.get("go", DETAILS)
        if go == "place" and not (form.errors_in(DEVICES) or form.errors_in(DETAILS)):
            # Before anything is judged anew: a second click has to find what the first one placed.
            placed, existing = _place(request, access, patient, form)
            if placed:
                return redirect("order", access.clinic.slug, placed.id)
        step, lines = _step(access, patient, form, go)
    return render(
        request, "fulfillment/order_new.html", _form_context(access, patient, form, step, lines, existing)
    )


def _step(access: ClinicAccess, patient: Patient | None, form: OrderForm, go: str) -> tuple[str, list[Line]]:
    """The step to show, and for the last one what would be ordered. One with something wrong comes first."""
    if go == DEVICES or form.errors_in(DEVICES):
        return DEVICES, []
    if go == DETAILS:
        return DETAILS, []
    if form.errors_in(DETAILS):
        return DETAILS, []
    try:
        return REVIEW, checked(access.clinic, patient, form.wanted())
    except CannotOrder as error:
        form.tell(error)
        return (DEVICES if form.errors_in(DEVICES) else DETAILS), []


def _place(
    request: HttpRequest, access: ClinicAccess, patient: Patient | None, form: OrderForm
) -> tuple[Order | None, Order | None]:
    """The first of the orders placed, or else the one that is in the way."""
    given = form.cleaned_data
    try:
        placed = place_orders(
            clinic=access.clinic,
            patient=patient,
            by=access.user,
            wanted=form.wanted(),
            idempotency_key=f"form:{given.get('token') or uuid.uuid4().hex}",
            again=given["again"],
        )
    except AlreadyOpen as error:
        return None, error.order
    except KeyUsed as error:
        messages.warning(
            request, "This form was sent before, with something else in it. Nothing was ordered twice."
        )
        return error.order, None
    except CannotOrder as error:
        form.tell(error)
        return None, None
    many = len(placed.orders)
    if placed.is_new:
        words = "Ordered" if many == 1 else f"{many} devices are ordered"
        messages.success(request, f"{words}. It goes to Tenovi within seconds; this page follows it.")
    return placed.orders[0], None


def _form_context(
    access: ClinicAccess,
    patient: Patient | None,
    form: OrderForm,
    step: str,
    lines: list[Line],
    existing: Order | None,
) -> dict[str, Any]:
    shown = form.step_fields(step)
    warned = warnings(access.clinic, patient, lines)
    joining = [line for line in lines if line.wanted.new_gateway]
    if len(joining) > 1:
        warned.append(GATEWAYS.format(len(joining)))
    return {
        "clinic": access.clinic,
        "patient": patient,
        "form": form,
        "step": step,
        "fields": [form[name] for name in shown],
        "kept": [form[name] for name in form.fields if name not in shown],
        "types": charges(list(form.types.values()) if step == DEVICES else form.chosen),
        "lines": [_line(line) for line in lines],
        "warnings": warned,
        "existing": order_row(access.clinic, existing) if existing else None,
        "destination": destination(patient) if patient and form.ships else None,
    }


def _line(line: Line) -> dict[str, Any]:
    return {"wanted": line.wanted, "type": line.type, "kind": line.type.catalogue_kind}
