"""Show the pages about devices and gateways. The modules beside this one build what they show."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from clinics import audit
from clinics.access import ClinicAccess, Permission, clinic_page
from dashboard.devices import context as devices_context
from dashboard.devices import device_list, gateway_context, gateway_list
from devices.access import device_for, gateway_for
from devices.actions.hardware_log import NoHardwareId, search_log
from tenovi.outbound.api_keys import NOT_SET_UP, UNREADABLE, why_nothing_is_sent


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def devices(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    context = device_list.context(access.clinic, request.GET, timezone.now())
    return render(request, "dashboard/devices.html", context)


@require_POST
@clinic_page(Permission.VIEW_PATIENTS, shows_patients=False)
def search_hardware_log(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    """Have the vendor's log searched for a typed hardware id that is not known here."""
    found = reverse("devices", args=[access.clinic.slug])
    if why_nothing_is_sent(access.clinic) in (NOT_SET_UP, UNREADABLE):
        messages.error(request, "There is no key to ask Tenovi with.")
        return redirect(found)
    try:
        typed = request.POST.get("hardware_uuid", "")
        hardware_id = search_log(clinic=access.clinic, typed=typed, by=access.user)
    except NoHardwareId:
        messages.error(
            request,
            "A Gateway ID has 12 digits and letters from A to F, an IMEI has 15 digits. That is neither.",
        )
        return redirect(found)
    return redirect(f"{found}?{urlencode({'search': hardware_id})}")


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def device(request: HttpRequest, access: ClinicAccess, device_id: uuid.UUID) -> HttpResponse:
    device = device_for(access, device_id)
    audit.record_view("device_viewed", by=access.user, clinic=access.clinic, target=device)
    return render(request, "dashboard/device.html", devices_context.context(device, timezone.now()))


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def gateways(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    context = gateway_list.context(access.clinic, request.GET, timezone.now())
    return render(request, "dashboard/gateways.html", context)


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def gateway(request: HttpRequest, access: ClinicAccess, gateway_id: uuid.UUID) -> HttpResponse:
    gateway = gateway_for(access, gateway_id)
    audit.record("gateway_viewed", by=access.user, clinic=access.clinic, target=gateway)
    return render(request, "dashboard/gateway.html", gateway_context.context(gateway, timezone.now()))
