"""Pages about what a clinic asks of the vendor for one device."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from clinics.access import ClinicAccess, Permission, clinic_page
from devices.access import device_for
from devices.actions import ending
from devices.models import Assignment, DeviceType
from devices.pending_requests import pending_requests_of


@clinic_page(Permission.MANAGE_DEVICES)
@require_http_methods(["GET", "HEAD", "POST"])
def end_service(request: HttpRequest, access: ClinicAccess, device_id: uuid.UUID) -> HttpResponse:
    """Unlink or delete a device at the vendor; the page says before the click what each of them does."""
    device = device_for(access, device_id)
    action = request.POST.get("do")
    if action == "unlink" and not device.deleted_at:
        ending.unlink_device(device=device, by=access.user)
        messages.success(request, "Tenovi is asked to unlink it. Charges and readings end once that is done.")
        return redirect("device-end", access.clinic.slug, device.id)
    if action == "delete" and not device.deleted_at and not device.order_fulfilled:
        ending.delete_device(device=device, by=access.user)
        messages.success(request, "Tenovi is asked to delete it.")
        return redirect("device-end", access.clinic.slug, device.id)
    assignments = (
        Assignment.objects.for_clinic(access.clinic).filter(device=device).in_force_at(timezone.now())
    )
    context = {
        "device": device,
        "holding": assignments.select_related("patient").first(),
        "monthly_cost": monthly_cost(access, device.name),
        "pending_requests": pending_requests_of(access.clinic, [device.hwi_device_id])[device.hwi_device_id],
        "zone": access.clinic.zone,
    }
    return render(request, "devices/end.html", context)


def monthly_cost(access: ClinicAccess, name: str) -> object:
    """Return the vendor's monthly price of devices of this name, in USD; None when it is not known."""
    prices = DeviceType.objects.for_clinic(access.clinic).filter(name=name)
    return prices.values_list("monthly_cost", flat=True).first()
