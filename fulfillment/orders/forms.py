"""The order form: devices, then what each of them needs, then a look at the whole. One form in steps, which
carries what was typed from page to page, so that no step needs a script and none loses anything.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms

from clinics.models import Clinic
from common.forms import StyledForm
from devices.models import DeviceType
from devices.queries import gateways_of
from fulfillment.form_fields import CHECKS, Emails
from fulfillment.models import ShipBy
from fulfillment.orders.validation import (
    CannotOrder,
    Wanted,
)
from patients.models import Patient

DEVICES, DETAILS, REVIEW = "devices", "details", "review"
HOME, NEW, ONLY = "home", "new", "only"
HARDWARE = forms.TextInput(
    {"autocomplete": "off", "spellcheck": "false", "class": "form-control hardware-id"}
)
PLAIN = {"autocomplete": "off", "spellcheck": "false"}
HOW_WORDS = [
    (ShipBy.TENOVI.value, "Tenovi ships it to the patient"),
    (ShipBy.CLINIC.value, "Our own staff ships it"),
    (ShipBy.ON_SITE.value, "It is handed over here"),
]


STOCK_WORDS = [(ShipBy.ON_SITE.value, "Into stock, for no patient yet: they are here already")]


class OrderForm(StyledForm):
    """Every field of every step; `step_fields` says which are to be seen. What a chosen device needs has
    fields of its own, named by the key of its type."""

    devices = forms.MultipleChoiceField(
        label="Which devices",
        widget=forms.CheckboxSelectMultiple(CHECKS),
        error_messages={"required": "Choose a device."},
    )
    how = forms.ChoiceField(
        label="How they reach the patient",
        choices=HOW_WORDS,
        initial=ShipBy.TENOVI,
        widget=forms.RadioSelect(CHECKS),
        error_messages={"required": "Say how."},
    )
    gateway = forms.CharField(
        label="Gateway ID",
        required=False,
        max_length=40,
        help_text="12 characters, printed on the back of the gateway the devices send through.",
        widget=HARDWARE,
    )
    through = forms.ChoiceField(label="Gateway", required=False, widget=forms.RadioSelect(CHECKS))
    notify_emails = Emails(
        label="Tell about the parcel by e-mail",
        required=False,
        max_length=500,
        help_text="Addresses separated by commas. Tenovi writes to them.",
        widget=forms.TextInput(PLAIN),
    )
    require_signature = forms.BooleanField(
        label="Somebody has to sign for it (may cost extra)", required=False
    )
    shipping_notes = forms.CharField(
        label="Notes for whoever packs it",
        required=False,
        max_length=500,
        widget=forms.Textarea({"rows": 2}),
    )
    again = forms.BooleanField(label="Order another one all the same", required=False)
    token = forms.CharField(widget=forms.HiddenInput, max_length=64, required=False)

    def __init__(self, clinic: Clinic, patient: Patient | None, data: Any = None) -> None:
        super().__init__(data, initial={"token": uuid.uuid4().hex})
        offered = DeviceType.objects.for_clinic(clinic).filter(is_offered=True).order_by("name")
        self.types = {str(one.id): one for one in offered}
        self.patient = patient
        self.at_home = gateways_of(clinic, patient) if patient else []
        if patient is None:
            self._offer_stock()
        devices = self.fields["devices"]
        assert isinstance(devices, forms.MultipleChoiceField)
        devices.choices = [(key, _with_size(one)) for key, one in self.types.items()]
        self._chosen = self._choose(data)
        self._how = str(data.get("how", "")) if data is not None else ""
        self._add_fields()
        if data is not None and data.get("through") not in dict(self._ways()):
            filled = data.copy()
            filled["through"] = self._ways()[0][0]
            self.data = filled

    def _offer_stock(self) -> None:
        """Offer nothing but stock: what is shipped goes to a patient."""
        how = self.fields["how"]
        assert isinstance(how, forms.ChoiceField)
        how.label, how.choices, how.initial = "Where they go", STOCK_WORDS, STOCK_WORDS[0][0]

    def _choose(self, data: Any) -> list[tuple[str, DeviceType]]:
        keys = data.getlist("devices") if data is not None else []
        return [(key, one) for key, one in self.types.items() if key in keys]

    @property
    def chosen(self) -> list[DeviceType]:
        return [one for _, one in self._chosen]

    @property
    def ships(self) -> bool:
        return self._how in (ShipBy.TENOVI, ShipBy.CLINIC)

    @property
    def needs_gateway(self) -> bool:
        return any(not one.is_cellular for one in self.chosen)

    def _add_fields(self) -> None:
        through = self.fields["through"]
        assert isinstance(through, forms.ChoiceField)
        through.choices = self._ways()
        through.initial = through.choices[0][0]
        for key, one in self._chosen:
            if one.is_cellular and not self.ships:
                help_text = "15 digits, printed on the device."
                self._add(f"imei-{key}", f"IMEI of the {one.name}", help_text, HARDWARE)
            if one.takes_sensor_id:
                help_text = "The serial number printed on the sensor."
                self._add(f"sensor-{key}", f"Sensor id of the {one.name}", help_text)
            if one.takes_passkey:
                help_text = (
                    "The last 6 digits of its serial number, if you have it: set right after activation."
                )
                self._add(f"passkey-{key}", f"Bluetooth passkey of the {one.name}", help_text)

    def _add(self, name: str, label: str, help_text: str, widget: Any = None) -> None:
        look = widget or forms.TextInput(PLAIN | {"class": "form-control"})
        self.fields[name] = forms.CharField(
            label=label, help_text=help_text, required=False, max_length=60, widget=look
        )

    def _ways(self) -> list[tuple[str, str]]:
        home = [
            (f"{HOME}:{one}", f"They join gateway {one} at home: no second one is sent")
            for one in self.at_home
        ]
        only = [(ONLY, "Only a gateway is sent: the patient has a device that fits")]
        fresh = [(NEW, "A new gateway comes with them")]
        return [*home, *fresh, *(only if self._how == ShipBy.TENOVI else [])]

    def step_fields(self, step: str) -> list[str]:
        """The names of the fields that this step shows, in their order."""
        if step == DEVICES:
            return ["devices", "how"]
        if step == REVIEW:
            return ["again"]
        per_device = [name for name in self.fields if "-" in name]
        if not self.ships:
            return [*(["gateway"] if self.needs_gateway else []), *per_device]
        signed = ["require_signature"] if self._how == ShipBy.TENOVI else []
        gateway = ["through"] if self.needs_gateway else []
        return [*gateway, *per_device, "notify_emails", *signed, "shipping_notes"]

    def errors_in(self, step: str) -> bool:
        return any(name in self.errors for name in self.step_fields(step))

    def wanted(self) -> list[Wanted]:
        """What is ordered, a line for each device. For a form without errors of its own."""
        return [self._wanted(key, one) for key, one in self._chosen]

    def _wanted(self, key: str, one: DeviceType) -> Wanted:
        given = self.cleaned_data
        sensor, passkey = given.get(f"sensor-{key}", ""), given.get(f"passkey-{key}", "")
        common = {"sensor_id": sensor, "bluetooth_passkey": passkey}
        if not self.ships:
            hardware = given.get(f"imei-{key}", "") if one.is_cellular else given["gateway"]
            return Wanted(one.name, given["how"], hardware_uuid=hardware, **common)
        way, _, at_home = ("", "", "") if one.is_cellular else given["through"].partition(":")
        return Wanted(
            one.name,
            given["how"],
            hardware_uuid=at_home,
            new_gateway=way == NEW,
            gateway_only=way == ONLY and given["how"] == ShipBy.TENOVI,
            require_signature=given["require_signature"] and given["how"] == ShipBy.TENOVI,
            notify_emails=given["notify_emails"],
            shipping_notes=given["shipping_notes"],
            **common,
        )

    def tell(self, error: CannotOrder) -> None:
        """Put each problem beside the field it is about; what is about none stands above the form."""
        for problem in error.problems:
            key, one = self._chosen[problem.line] if problem.line < len(self._chosen) else ("", None)
            hardware = f"imei-{key}" if one and one.is_cellular else "through" if self.ships else "gateway"
            names = {
                "device_name": "devices",
                "ship_by": "how",
                "hardware_uuid": hardware,
                "gateway_only": "through",
                "sensor_id": f"sensor-{key}",
                "bluetooth_passkey": f"passkey-{key}",
            }
            name = names.get(problem.field, problem.field)
            place = name if name in self.fields else None
            if not self.has_error(place or "__all__", problem.text):
                self.add_error(place, forms.ValidationError(problem.text, code=problem.text))


def _with_size(one: DeviceType) -> str:
    kind = one.catalogue_kind
    size = kind.size_of(one.name) if kind else ""
    return f"{one.name} ({size})" if size else one.name


def charges(types: Sequence[DeviceType]) -> list[dict[str, Any]]:
    """What the vendor charges for each device, in USD; None where it does not say."""
    return [
        {
            "name": one.name,
            "up_front": one.up_front_cost,
            "shipping": one.shipping_cost,
            "monthly": one.monthly_cost,
            "in_stock": one.in_stock,
        }
        for one in types
    ]
