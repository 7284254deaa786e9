"""Show the properties of a device: the value we want, how far it has come, and a form."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from clinics.access import ClinicAccess, Permission, clinic_page
from devices import properties
from devices.access import device_for
from devices.actions import properties as actions_properties
from devices.forms import LABELS, NewPropertyForm, PropertyForm
from devices.models import Device, DeviceProperty
from devices.properties import PropertyState
from tenovi.models import VendorWebhook


@clinic_page(Permission.MANAGE_DEVICES)
@require_http_methods(["GET", "HEAD", "POST"])
def device_properties(request: HttpRequest, access: ClinicAccess, device_id: uuid.UUID) -> HttpResponse:
    device = device_for(access, device_id)
    action, key = request.POST.get("do", ""), request.POST.get("key", "")
    states = properties.states_of(device)
    bound = None
    if action == "read":
        properties.ask_again(device)
        messages.success(request, "Tenovi is asked. Reload the page in a moment.")
        return redirect("device-properties", access.clinic.slug, device.id)
    if action == "remove":
        rows = DeviceProperty.objects.for_clinic(access.clinic).select_related("device__clinic", "clinic")
        row = get_object_or_404(rows, device=device, key=key)
        if not actions_properties.remove_property(row=row, by=access.user):
            messages.error(request, "Tenovi has it, and its API takes no property away.")
        return redirect("device-properties", access.clinic.slug, device.id)
    if action == "set" and key in {*properties.keys_for(device), *(state.property.key for state in states)}:
        bound = PropertyForm(key, request.POST)
    new = NewPropertyForm(device, request.POST if action == "add" else None)
    form: PropertyForm | NewPropertyForm = bound or new
    if form.is_bound and form.is_valid():
        key, value = form.cleaned_data.get("key", key), str(form.cleaned_data["value"])
        actions_properties.set_property(device=device, key=key, value=value, by=access.user)
        messages.success(request, "Tenovi is told. How far it has come is shown here.")
        return redirect("device-properties", access.clinic.slug, device.id)
    webhooks = (
        VendorWebhook.objects.for_clinic(access.clinic).filter(event="MEASUREMENT").order_by("endpoint")
    )
    context = {
        "device": device,
        "rows": _rows(device, states, key, bound),
        "new": new,
        "webhooks": webhooks,
    }
    return render(request, "devices/properties.html", context)


def _rows(
    device: Device, states: list[PropertyState], key: str, bound: PropertyForm | None
) -> list[dict[str, Any]]:
    """Return every property the device takes or has, with its form; `asked` is the bound form of `key`."""
    states_by_key = {state.property.key: state for state in states}
    rows = []
    for name in dict.fromkeys([*properties.keys_for(device), *states_by_key]):
        state = states_by_key.get(name)
        initial = {"value": state.property.value if state else ""}
        form = bound if bound and name == key else PropertyForm(name, initial=initial)
        rows.append({"key": name, "label": LABELS.get(name, name), "state": state, "form": form})
    return rows
