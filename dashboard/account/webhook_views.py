"""Show the webhooks at the vendor: whether ours is there, whether it works, and which devices use another."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from clinics.access import ClinicAccess, Permission, clinic_page
from clinics.models import Clinic
from clinics.webhook_secrets import TwoAreValid, idle_of_two
from devices.models import DeviceProperty
from devices.properties import WEBHOOK
from tenovi.inbound import refusals
from tenovi.models import Call, Delivery, RequestKind, VendorWebhook
from tenovi.models.ledger import DeliveryState
from tenovi.registered_webhooks import actions as registered_webhooks
from tenovi.registered_webhooks.actions import PATH_PARTS, endpoint_of
from tenovi.registered_webhooks.reachability import is_public, why_unreachable

FRESH = datetime.timedelta(minutes=15)
"""How old the vendor's list may be for something to be registered by it."""
NAMES = {"MEASUREMENT": "Readings", "FULFILLMENT": "Shipping", "SPECIAL_ORDER": "Special orders"}
MOST_PINNED = 50


@dataclass(frozen=True)
class Door:
    """One of our webhook endpoints, and the vendor's entry for it. `problems` are sentences, none when all
    is well."""

    name: str
    endpoint: str
    problems: tuple[str, ...]
    last_came_at: datetime.datetime | None


@clinic_page(Permission.MANAGE_CLINIC, shows_patients=False)
@require_http_methods(["GET", "HEAD", "POST"])
def vendor_webhooks(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    if request.method == "POST":
        _do(request, access)
        return redirect("vendor-webhooks", access.clinic.slug)
    return render(request, "dashboard/vendor_webhooks.html", context(access))


def context(access: ClinicAccess) -> dict[str, Any]:
    """Return the context that `dashboard/vendor_webhooks.html` documents."""
    clinic, read_at = access.clinic, _read_at(access.clinic)
    telling = registered_webhooks.requests_under_way(clinic)
    registered = VendorWebhook.objects.for_clinic(clinic).order_by("event", "endpoint", "vendor_id")
    our_ids = {webhook.id for webhooks in registered_webhooks.ours(clinic).values() for webhook in webhooks}
    return {
        "clinic": clinic,
        "read_at": read_at,
        "is_fresh": read_at is not None and timezone.now() - read_at < FRESH,
        "doors": _doors(clinic) if read_at else [],
        "registered": [
            {"webhook": row, "name": NAMES.get(row.event, row.event), "is_ours": row.id in our_ids}
            for row in registered
        ],
        "makes_room": idle_of_two(clinic),
        "telling": telling,
        "under_way": any(not row.refused for row in telling),
        "pinned": _pinned(access),
        "is_public": is_public(endpoint_of(clinic, "MEASUREMENT")),
        "zone": clinic.zone,
    }


def _do(request: HttpRequest, access: ClinicAccess) -> None:
    clinic, action = access.clinic, request.POST.get("do")
    if action == "read":
        registered_webhooks.enqueue_reads(clinic)
        messages.success(request, "Tenovi is asked. What it says appears here by itself.")
    elif action == "try":
        _try(request, clinic)
    elif action == "register":
        _register(request, access)
    elif action == "remove":
        number = request.POST.get("webhook", "")
        webhooks = VendorWebhook.objects.for_clinic(clinic).select_related("clinic")
        number = number if number.isascii() and number.isdecimal() and len(number) < 18 else "0"
        registered_webhooks.remove(webhook=get_object_or_404(webhooks, id=number), by=access.user)
        messages.success(request, "Tenovi is asked to remove it.")


def _register(request: HttpRequest, access: ClinicAccess) -> None:
    read_at = _read_at(access.clinic)
    if read_at is None or timezone.now() - read_at >= FRESH:
        messages.error(request, "First ask Tenovi what is there: otherwise something might be there twice.")
        return
    try:
        retired = registered_webhooks.register(clinic=access.clinic, by=access.user)
    except registered_webhooks.RegistrationUnderWay:
        messages.error(request, "Tenovi is being told already. Wait until that is done.")
    except TwoAreValid:
        message = "Two secrets are valid, and both were used in the last day. Retire one below Secrets first."
        messages.error(request, message)
    else:
        gone = f" {retired} was not in use and is retired." if retired else ""
        messages.success(request, f"Tenovi is told: a new secret, arrays, and all devices by default.{gone}")


def _try(request: HttpRequest, clinic: Clinic) -> None:
    for event, name in NAMES.items():
        if problem := why_unreachable(endpoint_of(clinic, event)):
            messages.error(request, f"{name}: {problem}")
            return
    messages.success(request, "All three doors answer, and let nobody in without the secret.")


def _read_at(clinic: Clinic) -> datetime.datetime | None:
    read = Call.objects.for_clinic(clinic).filter(kind=RequestKind.WEBHOOKS, outcome=Call.Outcome.ANSWERED)
    return read.newest_first().values_list("at", flat=True).first()


def _doors(clinic: Clinic) -> list[Door]:
    came = Delivery.objects.for_clinic(clinic).by_webhook().exclude(state=DeliveryState.REJECTED).order_by()
    last = dict(came.values_list("kind").annotate(last=Max("received_at")))
    refused = {} if registered_webhooks.are_changing(clinic) else _still_refused(clinic)
    return [
        Door(
            NAMES[event],
            endpoint_of(clinic, event),
            tuple(_problems(there) + _refusals(refused.get(PATH_PARTS[event]))),
            last.get(PATH_PARTS[event]),
        )
        for event, there in registered_webhooks.ours(clinic).items()
    ]


def _still_refused(clinic: Clinic) -> dict[str, refusals.Refused]:
    """Return the refused calls, by endpoint, about which nothing was done since."""
    return {
        call.kind: call
        for call in refusals.of_last_hour(clinic)
        if not call.is_over and not registered_webhooks.changed_since(clinic, call.last_at)
    }


def _refusals(refused: refusals.Refused | None) -> list[str]:
    if refused is None:
        return []
    shown = "a secret that was retired" if refused.retired else "no valid secret"
    calls = "A call was" if refused.count == 1 else f"{refused.count:,} calls were"
    return [f"{calls} refused in the last hour: {shown} was shown. Register again to give it a new one."]


def _problems(webhooks: list[VendorWebhook]) -> list[str]:
    if not webhooks:
        return ["Not registered: Tenovi sends nothing here."]
    problems = []
    if len(webhooks) > 1:
        problems.append(
            f"Registered {len(webhooks)} times: each delivery comes as often. Remove all but one."
        )
    if any(webhook.opens is False for webhook in webhooks):
        problems.append("It shows a secret that does not open this door.")
    if all(webhook.opens is None for webhook in webhooks):
        problems.append("Tenovi does not say which secret it shows; whether something comes tells.")
    if any(webhook.post_as_array is False for webhook in webhooks):
        problems.append("Values measured together come one by one. As an array they come together.")
    if any(webhook.enabled_by_default is False for webhook in webhooks):
        problems.append("It is off by default: only devices pinned to it send here.")
    return problems


def _pinned(access: ClinicAccess) -> list[dict[str, Any]]:
    """List the devices that send to another webhook than ours, with addresses for those who may open them."""
    clinic = access.clinic
    our_ids = {str(webhook.vendor_id) for webhook in registered_webhooks.ours(clinic)["MEASUREMENT"]}
    rows = DeviceProperty.objects.for_clinic(clinic).filter(key=WEBHOOK).select_related("device")
    elsewhere = [
        row for row in rows.order_by("device__name", "id") if row.value and row.value.lower() not in our_ids
    ]
    return [
        {
            "device": row.device,
            "webhook": row.value,
            "url": reverse("device-properties", args=[clinic.slug, row.device_id])
            if access.may_manage_devices
            else "",
        }
        for row in elsewhere[:MOST_PINNED]
    ]
