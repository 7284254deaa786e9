"""The pages about devices and gateways. What they show is put together in the modules beside this one."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from clinics import audit
from clinics.access import Permission, Visit, clinic_page
from dashboard import device_list, device_page, gateway_list, gateway_page
from devices.access import device_for, gateway_for


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def devices(request: HttpRequest, visit: Visit) -> HttpResponse:
    context = device_list.context(visit.clinic, request.GET, timezone.now())
    return render(request, "dashboard/devices.html", context)


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def device(request: HttpRequest, visit: Visit, device_id: uuid.UUID) -> HttpResponse:
    found = device_for(visit, device_id)
    audit.record_view("device_viewed", by=visit.user, clinic=visit.clinic, target=found)
    return render(request, "dashboard/device.html", device_page.context(found, timezone.now()))


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def gateways(request: HttpRequest, visit: Visit) -> HttpResponse:
    context = gateway_list.context(visit.clinic, request.GET, timezone.now())
    return render(request, "dashboard/gateways.html", context)


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def gateway(request: HttpRequest, visit: Visit, gateway_id: uuid.UUID) -> HttpResponse:
    found = gateway_for(visit, gateway_id)
    audit.record("gateway_viewed", by=visit.user, clinic=visit.clinic, target=found)
    return render(request, "dashboard/gateway.html", gateway_page.context(found, timezone.now()))
