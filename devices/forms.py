"""Ask for the properties of a device."""

from __future__ import annotations

import copy
from typing import Any

from django import forms

from common.forms import StyledForm
from devices.models import Device, DeviceProperty
from devices.properties import PASSKEY, STEP_GOAL, VENDOR_KEYS, WEBHOOK

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


class PropertyForm(StyledForm):
    """One property: the key is given, the value is asked."""

    value = forms.CharField(label="Value", max_length=1000, widget=forms.TextInput(OFF))

    def __init__(self, key: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, auto_id=f"{key}-%s", **kwargs)
        if key in FIELDS:
            self.fields["value"] = copy.deepcopy(FIELDS[key])
            self.fields["value"].widget.attrs["class"] = "form-control"


class NewPropertyForm(StyledForm):
    """A property with a key of the clinic's own."""

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
