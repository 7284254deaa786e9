"""Pages of replacements and supplies: what was asked for, asking, and what to do when in doubt."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinics.access import ClinicAccess, Permission, clinic_page
from common.pages import page_of
from common.wording import Choice
from devices.access import device_for
from devices.models import Assignment, Device
from devices.queries import gateways_of
from fulfillment.access import ask_in, asks_for, special_order_for, special_orders_for
from fulfillment.addresses import destination, shipping_of
from fulfillment.models import (
    STILL_OPEN,
    Replacement,
    SpecialOrderRequest,
    SupplyModule,
    SupplyRequest,
    SupplyType,
)
from fulfillment.order_states import OrderState
from fulfillment.request_history import happenings_of
from fulfillment.special_orders import actions
from fulfillment.special_orders.forms import STOCK, ReplacementForm, SupplyForm
from fulfillment.special_orders.policy import candidates_of
from fulfillment.special_orders.request_rows import RequestRow, names_of, request_rows, unconfirmed_of
from fulfillment.special_orders.rows import contents_in_words, pieces_in, special_order_rows
from fulfillment.tabs import address, search_of, tabs
from fulfillment.vendor_statuses import ORDER_STATUSES
from patients.access import patient_for
from patients.models import Patient
from tenovi.outbound.enqueue import why_unanswered

PAGE_SIZE = 50
SHOWS = {
    "open": ("Open", STILL_OPEN),
    "needs-you": ("Needs you", (OrderState.UNCONFIRMED, OrderState.NEEDS_PERSON, OrderState.REFUSED)),
    "sent": ("Sent out", (OrderState.FULFILLED,)),
    "ended": ("Ended", (OrderState.CANCELLED,)),
}
NO_ADDRESS = "The patient’s record lacks: {}. Without that, Tenovi cannot ship."


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def replacements(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    return _list(request, access, Replacement, "fulfillment/replacements.html")


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def supplies(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    return _list(request, access, SupplyRequest, "fulfillment/supplies.html", module=_module(access))


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def replacement(request: HttpRequest, access: ClinicAccess, replacement_id: uuid.UUID) -> HttpResponse:
    return _one(request, access, ask_in(access, Replacement, replacement_id))


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def supply(request: HttpRequest, access: ClinicAccess, supply_id: uuid.UUID) -> HttpResponse:
    return _one(request, access, ask_in(access, SupplyRequest, supply_id))


@clinic_page(Permission.MANAGE_DEVICES)
@require_POST
def replacement_act(request: HttpRequest, access: ClinicAccess, replacement_id: uuid.UUID) -> HttpResponse:
    return _act(request, access, ask_in(access, Replacement, replacement_id))


@clinic_page(Permission.MANAGE_DEVICES)
@require_POST
def supply_act(request: HttpRequest, access: ClinicAccess, supply_id: uuid.UUID) -> HttpResponse:
    return _act(request, access, ask_in(access, SupplyRequest, supply_id))


@clinic_page(Permission.MANAGE_DEVICES)
@require_http_methods(["GET", "HEAD", "POST"])
def replacement_new(request: HttpRequest, access: ClinicAccess, device_id: uuid.UUID) -> HttpResponse:
    device = device_for(access, device_id)
    held = Assignment.objects.for_clinic(access.clinic).filter(device=device, ends_at=None)
    assignment = held.select_related("patient").first()
    patient = assignment.patient if assignment else None
    form = ReplacementForm(device, request.POST if request.method == "POST" else None)
    existing = None
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        ships = given["how"] != STOCK
        if ships and (problem := _cannot_ship(patient)):
            form.add_error("how", problem)
        else:
            wanted = Replacement(
                clinic=access.clinic,
                device=device,
                patient=patient,
                hardware_uuid=device.hardware_uuid,
                parts=given["parts"],
                notify_emails=given["notify_emails"] if ships else "",
                token=given["token"],
                **(shipping_of(patient) if ships and patient else {}),
            )
            asked, existing = _asked(request, access, wanted, given["again"])
            if asked:
                return redirect("replacement", access.clinic.slug, asked.id)
    behind = Device.objects.for_clinic(access.clinic).filter(hardware_uuid=device.hardware_uuid)
    context = {
        "form": form,
        "device": device,
        "patient": patient,
        "destination": destination(patient) if patient else None,
        "behind": behind.exclude(id=device.id).order_by("name") if device.hardware_uuid else [],
        "existing": existing,
        "clinic": access.clinic,
    }
    return render(request, "fulfillment/replacement_new.html", context)


@clinic_page(Permission.MANAGE_DEVICES)
@require_http_methods(["GET", "HEAD", "POST"])
def supply_new(request: HttpRequest, access: ClinicAccess, patient_id: uuid.UUID) -> HttpResponse:
    patient = patient_for(access, patient_id)
    held = Assignment.objects.for_clinic(access.clinic).of_patient(patient).filter(ends_at=None)
    devices = [one.device for one in held.select_related("device").order_by("device__name")]
    offered = SupplyType.objects.for_clinic(access.clinic).filter(is_offered=True).order_by("name")
    gateways = gateways_of(access.clinic, patient)
    form = SupplyForm(offered, devices, gateways, request.POST if request.method == "POST" else None)
    existing = None
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        if problem := _cannot_ship(patient):
            form.add_error("supply" if offered else "name", problem)
        else:
            wanted = SupplyRequest(
                clinic=access.clinic,
                device=given["device"],
                patient=patient,
                hardware_uuid=given["hardware_uuid"],
                supply_name=given["name"],
                notify_emails=given["notify_emails"],
                token=given["token"],
                **shipping_of(patient),
            )
            asked, existing = _asked(request, access, wanted, given["again"])
            if asked:
                return redirect("supply", access.clinic.slug, asked.id)
    context = {
        "form": form,
        "patient": patient,
        "offered": offered,
        "module": _module(access),
        "destination": destination(patient),
        "existing": existing,
        "clinic": access.clinic,
    }
    return render(request, "fulfillment/supply_new.html", context)


def _list(
    request: HttpRequest,
    access: ClinicAccess,
    model: type[SpecialOrderRequest],
    template: str,
    **context: Any,
) -> HttpResponse:
    text = search_of(request)
    chosen = request.GET.get("show", "")
    found = asks_for(access, model, text)
    per_state = dict(found.order_by().values_list("state").annotate(count=Count("id")))
    shown = found.in_states(*SHOWS[chosen][1]) if chosen in SHOWS else found
    filters = [Choice("All", address(search=text), chosen not in SHOWS, sum(per_state.values()))]
    for key, (label, states) in SHOWS.items():
        count = sum(per_state.get(state, 0) for state in states)
        filters.append(Choice(label, address(show=key, search=text), chosen == key, count))
    newest = shown.order_by("-asked_at", "-id")
    context |= {
        "tabs": tabs(access, names_of(model)[0]),
        "filters": filters,
        "text": text,
        "chosen": chosen,
        "page": page_of(
            newest, request.GET.get("page"), PAGE_SIZE, lambda rows: request_rows(access.clinic, rows)
        ),
        "zone": access.clinic.zone,
    }
    return render(request, template, context)


def _one(request: HttpRequest, access: ClinicAccess, order_request: SpecialOrderRequest) -> HttpResponse:
    [row] = request_rows(access.clinic, [order_request])
    listing, _, act = names_of(type(order_request))
    context = {
        "order_request": order_request,
        "row": row,
        "unconfirmed": unconfirmed_of(access, order_request),
        "history": happenings_of(order_request),
        "waits_because": _waits_because(access, order_request),
        "can_withdraw": order_request.state in (OrderState.QUEUED, OrderState.CONFIRMED),
        "again": rows[0] if (rows := _instead(access, order_request)) else None,
        "listing": listing,
        "act": act,
        "clinic": access.clinic,
        "zone": access.clinic.zone,
    }
    return render(request, "fulfillment/order_request.html", context)


def _instead(access: ClinicAccess, order_request: SpecialOrderRequest) -> list[RequestRow]:
    return request_rows(
        access.clinic, list(asks_for(access, type(order_request)).filter(instead_of=order_request.id)[:1])
    )


def _waits_because(access: ClinicAccess, order_request: SpecialOrderRequest) -> str:
    """Why one that is queued has not been sent yet, "" where that is no matter."""
    if order_request.state != OrderState.QUEUED:
        return ""
    return why_unanswered(access.clinic, order_request.CREATE, [str(order_request.id)]).get(
        str(order_request.id), ""
    )


def _act(request: HttpRequest, access: ClinicAccess, order_request: SpecialOrderRequest) -> HttpResponse:
    """What a person does about one: withdraw it, or settle what is in doubt."""
    page = names_of(type(order_request))[1]
    match request.POST.get("do"):
        case "withdraw":
            if actions.withdraw(order_request=order_request, by=access.user):
                messages.success(request, "Taken back, if Tenovi has not sent it yet. This page will say.")
            else:
                messages.warning(request, "It is too late to take it back.")
        case "again":
            reason = request.POST.get("reason", "").replace("\0", "").strip()
            if not reason:
                messages.warning(request, "Write why it is sent again: the record keeps that.")
            elif fresh := actions.send_again(
                order_request=order_request, reason=reason[:400], by=access.user
            ):
                messages.success(request, "Sent again.")
                return redirect(page, access.clinic.slug, fresh.id)
            else:
                messages.warning(request, "There is no cause to send it again now.")
        case "adopt":
            key = request.POST.get("found", "")
            entry = next((entry for entry in candidates_of(order_request) if str(entry.id) == key), None)
            if entry and actions.choose_entry(order_request=order_request, entry=entry, by=access.user):
                messages.success(request, "That is it, then: nothing is sent again.")
        case "give-up":
            if actions.give_up(order_request=order_request, by=access.user):
                messages.success(request, "Given up: nothing more is sent.")
    return redirect(page, access.clinic.slug, order_request.id)


def _asked(
    request: HttpRequest, access: ClinicAccess, wanted: SpecialOrderRequest, again: bool
) -> tuple[SpecialOrderRequest | None, RequestRow | None]:
    """What was asked for, or else what is open already."""
    try:
        asked = actions.place_request(order_request=wanted, by=access.user, again=again)
    except actions.AlreadyRequested as error:
        known = asks_for(access, type(wanted)).filter(id=error.existing.id)
        return None, request_rows(access.clinic, list(known))[0]
    messages.success(request, "Asked for. It goes to Tenovi within seconds.")
    return asked, None


def _cannot_ship(patient: Patient | None) -> str:
    if patient is None:
        return "Nobody has this device, so there is no address to ship to."
    missing = destination(patient).missing
    return NO_ADDRESS.format(", ".join(missing)) if missing else ""


def _module(access: ClinicAccess) -> SupplyModule | None:
    return SupplyModule.objects.for_clinic(access.clinic).first()


ALL_CONTENTS = 500


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def special_orders(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    """Demo, bulk, supply, replacement and return orders, the one heard of last at the top."""
    text = search_of(request)
    status = request.GET.get("status", "").replace("\0", "")
    found = special_orders_for(access, text)
    per_status = dict(found.order_by().values_list("status").annotate(count=Count("id")))
    shown = found.filter(status=status) if status else found
    newest = shown.order_by("-received_at", "-id")
    context = {
        "tabs": tabs(access, "special-orders"),
        "filters": _statuses(status, per_status, text),
        "text": text,
        "chosen": status,
        "page": page_of(
            newest, request.GET.get("page"), PAGE_SIZE, lambda rows: special_order_rows(access.clinic, rows)
        ),
        "zone": access.clinic.zone,
    }
    return render(request, "fulfillment/special_orders.html", context)


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def special_order(request: HttpRequest, access: ClinicAccess, special_order_id: uuid.UUID) -> HttpResponse:
    """One special order: what is in it, each piece of hardware, and its steps."""
    order = special_order_for(access, special_order_id)
    context = {
        "order": order,
        "row": special_order_rows(access.clinic, [order])[0],
        "contents": contents_in_words(order.contents, shown=ALL_CONTENTS),
        "pieces": pieces_in(order.manifest),
        "zone": access.clinic.zone,
    }
    return render(request, "fulfillment/special_order.html", context)


def _statuses(chosen: str, per_status: Mapping[str, int], text: str) -> list[Choice]:
    choices = [Choice("All", address(search=text), not chosen, sum(per_status.values()))]
    known = [status.name for status in ORDER_STATUSES]
    for status in [*known, *sorted(per_status.keys() - set(known))]:
        url = address(status=status, search=text)
        choices.append(Choice(status, url, chosen == status, per_status.get(status, 0)))
    return choices
