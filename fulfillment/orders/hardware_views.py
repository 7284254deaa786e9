"""Correcting the hardware id of a device that the vendor does not recognise."""

from __future__ import annotations

import uuid

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from clinics.access import ClinicAccess, Permission, clinic_page
from common.forms import StyledForm
from devices.access import device_for
from devices.pending_requests import pending_requests_of
from fulfillment.orders.actions import CannotShip, correct_hardware


class HardwareForm(StyledForm):
    hardware_uuid = forms.CharField(
        max_length=40,
        widget=forms.TextInput(
            {"autocomplete": "off", "spellcheck": "false", "class": "form-control hardware-id"}
        ),
        error_messages={"required": "Enter what is printed on it."},
    )


@clinic_page(Permission.MANAGE_DEVICES)
@require_http_methods(["GET", "HEAD", "POST"])
def device_hardware(request: HttpRequest, access: ClinicAccess, device_id: uuid.UUID) -> HttpResponse:
    device = device_for(access, device_id)
    form = HardwareForm(request.POST if request.method == "POST" else None)
    cellular = not device.sensor_code
    form.fields["hardware_uuid"].label = "IMEI" if cellular else "Gateway ID"
    form.fields["hardware_uuid"].help_text = (
        "15 digits, printed on the device."
        if cellular
        else "12 characters, printed on the back of the gateway."
    )
    if request.method == "POST" and form.is_valid() and not (device.unlinked_at or device.deleted_at):
        try:
            correct_hardware(device=device, by=access.user, **form.cleaned_data)
        except CannotShip as error:
            form.add_error("hardware_uuid", str(error))
        else:
            messages.success(
                request, "Corrected, and it is sent to Tenovi. Its answer appears here by itself."
            )
            return redirect("device-hardware", access.clinic.slug, device.id)
    context = {
        "device": device,
        "form": form,
        "cellular": cellular,
        "said": device.unsent.get("hardware_uuid"),
        "pending_requests": pending_requests_of(access.clinic, [device.hwi_device_id])[device.hwi_device_id],
        "zone": access.clinic.zone,
    }
    return render(request, "fulfillment/hardware.html", context)
