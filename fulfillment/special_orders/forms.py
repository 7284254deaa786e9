"""Forms of replacements and supplies. Labels and messages are what people read beside the fields."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms

from common.forms import StyledForm
from devices.hardware import is_gateway_id
from devices.models import Device
from fulfillment.form_fields import CHECKS, Emails
from fulfillment.models import SupplyType
from fulfillment.special_orders.actions import GATEWAY

TENOVI, STOCK = "tenovi", "stock"


class AskForm(StyledForm):
    """What both have: who is told, one submission for one form, and a second one on purpose."""

    notify_emails = Emails(
        label="Tell about the parcel by e-mail",
        required=False,
        max_length=1000,
        help_text="Addresses separated by commas. Tenovi writes to them.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    again = forms.BooleanField(label="Send another one all the same", required=False)
    token = forms.CharField(widget=forms.HiddenInput, max_length=64, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("token", uuid.uuid4().hex)


class ReplacementForm(AskForm):
    parts = forms.MultipleChoiceField(
        label="What is replaced",
        widget=forms.CheckboxSelectMultiple(CHECKS),
        error_messages={"required": "Choose the device, the gateway or both."},
    )
    how = forms.ChoiceField(
        label="Where the new unit comes from",
        choices=[
            (TENOVI, "Tenovi ships it to the patient"),
            (STOCK, "From stock the clinic holds: nothing is shipped"),
        ],
        widget=forms.RadioSelect(CHECKS),
        initial=TENOVI,
    )
    field_order = ["parts", "how", "notify_emails", "again", "token"]

    def __init__(self, device: Device, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(device.name, device.name)] if device.name else []
        if is_gateway_id(device.hardware_uuid):
            choices.append((GATEWAY, f"The gateway {device.hardware_uuid}"))
        parts = self.fields["parts"]
        assert isinstance(parts, forms.MultipleChoiceField)
        parts.choices = choices


class SupplyForm(AskForm):
    supply = forms.ModelChoiceField(
        SupplyType.objects.none(),
        label="What",
        empty_label="Choose …",
        error_messages={"required": "Choose what is needed."},
    )
    hardware = forms.ChoiceField(
        label="For which device or gateway",
        required=False,
        help_text="So that Tenovi can check that it fits.",
    )
    name = forms.CharField(
        label="What",
        max_length=200,
        help_text="The exact name, as your account representative at Tenovi gave it to you.",
        error_messages={"required": "Enter the name of what is needed."},
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    """Asked for where the vendor gives no list to choose from."""
    field_order = ["supply", "name", "hardware", "notify_emails", "again", "token"]

    def __init__(
        self, offered: Any, devices: list[Device], gateways: list[str], *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        supply, hardware = self.fields["supply"], self.fields["hardware"]
        assert isinstance(supply, forms.ModelChoiceField)
        assert isinstance(hardware, forms.ChoiceField)
        supply.queryset = offered
        del self.fields["name" if offered else "supply"]
        self.devices = {str(device.id): device for device in devices}
        hardware.choices = [
            ("", "None in particular"),
            *((key, _device(one)) for key, one in self.devices.items()),
            *((one, f"The gateway {one}") for one in gateways),
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        supply, chosen = cleaned.get("supply"), cleaned.get("hardware", "")
        name = supply.name if supply else cleaned.get("name", "")
        device = self.devices.get(chosen)
        hardware_uuid = device.hardware_uuid if device else chosen
        if supply and supply.needs_hardware and not hardware_uuid and not self.has_error("hardware"):
            self.add_error("hardware", "Tenovi wants to know the gateway or cellular device for this one.")
        return cleaned | {"name": name, "device": device, "hardware_uuid": hardware_uuid}


def _device(device: Device) -> str:
    return " · ".join(filter(None, [device.name or "Device", device.hardware_uuid]))
