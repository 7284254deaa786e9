"""The page of a device's properties: each with what is wanted, how far it has come, and its form."""

from __future__ import annotations

import copy
import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from clinics.access import Permission, Visit, clinic_page
from clinics.forms import Labelled
from devices import properties
from devices.access import device_for
from devices.models import Device, DeviceProperty
from devices.properties import PASSKEY, STEP_GOAL, VENDOR_KEYS, WEBHOOK, PropertyState
from tenovi.models import VendorWebhook

LEAST_STEPS, MOST_STEPS = 100, 100_000
LABELS = {STEP_GOAL: "Step goal", PASSKEY: "Bluetooth passkey", WEBHOOK: "Only to this webhook"}
OFF = {"autocomplete": "off", "spellcheck": "false"}
FIELDS: dict[str, forms.Field] = {
    STEP_GOAL: forms.IntegerField(
        label=LABELS[STEP_GOAL],
        min_value=LEAST_STEPS,
        max_value=MOST_STEPS,
        help_text="Steps a day, shown on the watch.",
    ),
    PASSKEY: forms.RegexField(
        r"^[0-9]{6}$",
        label=LABELS[PASSKEY],
        help_text="The last 6 digits of the serial number on the meter’s label. The gateway needs it to pair.",
        error_messages={"invalid": "Exactly 6 digits."},
        widget=forms.TextInput({**OFF, "inputmode": "numeric"}),
    ),
    WEBHOOK: forms.UUIDField(
        label=LABELS[WEBHOOK],
        help_text="The webhook’s id at Tenovi. The device then sends to no other: leave it unless you must.",
        error_messages={"invalid": "An id like 0b7c1f5e-6a0d-4b1e-9a55-2f4d7a1c9e01."},
        widget=forms.TextInput({**OFF, "list": "known-webhooks"}),
    ),
}


class PropertyForm(Labelled):
    """One property: the key is given, the value is asked."""

    value = forms.CharField(label="Value", max_length=1000, widget=forms.TextInput(OFF))

    def __init__(self, key: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, auto_id=f"{key}-%s", **kwargs)
        if key in FIELDS:
            self.fields["value"] = copy.deepcopy(FIELDS[key])
            self.fields["value"].widget.attrs["class"] = "form-control"


class NewPropertyForm(Labelled):
    """One of the clinic's own."""

    key = forms.RegexField(
        r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$",
        label="Name",
        help_text="Letters, digits, dots, hyphens and underscores.",
        error_messages={"invalid": "Letters, digits, dots, hyphens and underscores, at most 60."},
        widget=forms.TextInput(OFF),
    )
    value = forms.CharField(label="Value", max_length=1000, widget=forms.TextInput(OFF))

    def __init__(self, device: Device, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, auto_id="new-%s", **kwargs)
        self.device = device

    def clean_key(self) -> str:
        key = str(self.cleaned_data["key"])
        if key in VENDOR_KEYS:
            raise forms.ValidationError(
                "Tenovi has a meaning for this name, and not for this kind of device."
            )
        if DeviceProperty.objects.for_clinic(self.device.clinic).filter(device=self.device, key=key).exists():
            raise forms.ValidationError("It has this one already: change it above.")
        return key


@clinic_page(Permission.MANAGE_DEVICES)
@require_http_methods(["GET", "HEAD", "POST"])
def device_properties(request: HttpRequest, visit: Visit, device_id: uuid.UUID) -> HttpResponse:
    device = device_for(visit, device_id)
    wanted, key = request.POST.get("do", ""), request.POST.get("key", "")
    states = properties.states_of(device)
    asked = None
    if wanted == "read":
        properties.ask_again(device)
        messages.success(request, "Tenovi is asked. Reload the page in a moment.")
        return redirect("device-properties", visit.clinic.slug, device.id)
    if wanted == "remove":
        rows = DeviceProperty.objects.for_clinic(visit.clinic).select_related("device__clinic", "clinic")
        properties.remove_property(row=get_object_or_404(rows, device=device, key=key), by=visit.user)
        return redirect("device-properties", visit.clinic.slug, device.id)
    if wanted == "set" and key in {*properties.keys_for(device), *(one.property.key for one in states)}:
        asked = PropertyForm(key, request.POST)
    new = NewPropertyForm(device, request.POST if wanted == "add" else None)
    form: PropertyForm | NewPropertyForm = asked or new
    if form.is_bound and form.is_valid():
        key, value = form.cleaned_data.get("key", key), str(form.cleaned_data["value"])
        properties.set_property(device=device, key=key, value=value, by=visit.user)
        messages.success(request, "Tenovi is told. How far it has come is shown here.")
        return redirect("device-properties", visit.clinic.slug, device.id)
    known = VendorWebhook.objects.for_clinic(visit.clinic).filter(event="MEASUREMENT").order_by("endpoint")
    context = {
        "device": device,
        "rows": _rows(device, states, key, asked),
        "new": new,
        "webhooks": known,
    }
    return render(request, "devices/properties.html", context)


def _rows(
    device: Device, states: list[PropertyState], key: str, asked: PropertyForm | None
) -> list[dict[str, Any]]:
    """Every property the device takes or has, with its form: `asked` again for the one of `key`."""
    known = {state.property.key: state for state in states}
    rows = []
    for name in dict.fromkeys([*properties.keys_for(device), *known]):
        state = known.get(name)
        initial = {"value": state.property.value if state else ""}
        form = asked if asked and name == key else PropertyForm(name, initial=initial)
        rows.append({"key": name, "label": LABELS.get(name, name), "state": state, "form": form})
    return rows
