"""Show what waits in quarantine, and let people decide about all elements of a device at once."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from clinics import audit
from clinics.access import ClinicAccess, Permission, clinic_page
from dashboard.quarantine.rows import discarded_groups, waiting_groups
from tenovi.inbound import deliveries
from tenovi.inbound.remedies import Remedy
from tenovi.models import DeliveryItem
from tenovi.pages import actions
from tenovi.querysets import DeliveryItemQuerySet

LONGEST_NOTE = 500
GONE = "None of that waits any more."


@clinic_page(Permission.VIEW_DELIVERIES)
@require_http_methods(["GET", "HEAD", "POST"])
def waiting(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    if request.method == "POST":
        _do(request, access)
        return redirect("deliveries-waiting", access.clinic.slug)
    groups = waiting_groups(access)
    context = {
        "groups": groups,
        "total": sum(group.count for group in groups),
        "old": sum(group.count for group in groups if group.is_too_old),
        "discarded": discarded_groups(access),
        "zone": access.clinic.zone,
    }
    return render(request, "dashboard/waiting.html", context)


@require_POST
@clinic_page(Permission.MANAGE_DEVICES)
def accept(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    """Accept these readings for the patient who has the device, whomever the vendor names."""
    items, why = _chosen(request, access), _note(request)
    if not why:
        messages.error(request, "Say how you know whose it is.")
    elif accepted := actions.accept_for_holder(clinic=access.clinic, items=items, why=why, by=access.user):
        _settle(items)
        messages.success(request, f"{_elements(accepted)} accepted as the holder’s.")
    else:
        messages.info(request, GONE)
    return redirect("deliveries-waiting", access.clinic.slug)


def _do(request: HttpRequest, access: ClinicAccess) -> None:
    items, why = _chosen(request, access), _note(request)
    match request.POST.get("do"):
        case Remedy.DISCARD if not why:
            messages.error(request, "Say why: whoever looks for it later will want to know.")
        case Remedy.DISCARD:
            gone = actions.discard_elements(clinic=access.clinic, items=items, why=why, by=access.user)
            message = f"{_elements(gone)} discarded. What was sent is kept, and can be taken back below."
            messages.info(request, message if gone else GONE)
        case "take_back":
            back = actions.take_back_elements(clinic=access.clinic, items=items, by=access.user)
            _settle(items)
            messages.info(request, f"{_elements(back)} taken back." if back else GONE)
        case Remedy.SETTLE:
            tried = _settle(items)
            detail = {"tried": tried}
            audit.record("deliveries_settled_again", by=access.user, clinic=access.clinic, detail=detail)
            messages.info(request, f"Tried again; {items.quarantined().count():,} of these still wait.")
        case Remedy.ASK:
            _ask(request, access, items)
        case Remedy.TELL:
            sent = actions.tell_clinic(clinic=access.clinic, items=items, by=access.user)
            letters = f"{sent} letter{'s' * (sent != 1)} sent to the clinic’s admins."
            messages.info(request, letters if sent else "There is no admin to write to.")


def _ask(request: HttpRequest, access: ClinicAccess, items: DeliveryItemQuerySet) -> None:
    device = items.quarantined().exclude(hwi_device_id=None).values_list("hwi_device_id", flat=True).first()
    if device is None:
        messages.info(request, GONE)
        return
    actions.ask_about_device(clinic=access.clinic, hwi_device_id=device, by=access.user)
    messages.success(request, "Tenovi is asked about this device. What it names is stored by itself then.")


def _settle(items: DeliveryItemQuerySet) -> int:
    waiting = items.quarantined().values_list("delivery_id", flat=True)
    return sum(deliveries.settle_again(delivery_id) for delivery_id in set(waiting))


def _chosen(request: HttpRequest, access: ClinicAccess) -> DeliveryItemQuerySet:
    """Return the element of this id, or all of a device and reason; none for what makes no sense."""
    items = DeliveryItem.objects.for_clinic(access.clinic)
    number, device, reason, kind = (_text(request, name) for name in ("item", "device", "reason", "kind"))
    if number:
        is_number = number.isascii() and number.isdecimal() and len(number) < 18
        return items.filter(id=int(number)) if is_number else items.none()
    try:
        hwi_device_id = uuid.UUID(device) if device else None
    except ValueError:
        return items.none()
    return items.filter(hwi_device_id=hwi_device_id, reason=reason, delivery__kind=kind)


def _note(request: HttpRequest) -> str:
    return _text(request, "note")[:LONGEST_NOTE]


def _text(request: HttpRequest, name: str) -> str:
    return request.POST.get(name, "").replace("\0", "").strip()


def _elements(number: int) -> str:
    return f"{number:,} element{'s' * (number != 1)}"
