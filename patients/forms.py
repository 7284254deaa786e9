"""Show the patient's record as a form. Labels and messages are what people read beside the fields."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.db import models
from django.forms import BoundField

from clinics.models import Clinic, validate_time_zone
from common.formats import full_date
from common.forms import StyledForm
from common.iso_dates import DayField
from patients.models import Enrollment, Patient, Program
from patients.presentation import LABELS
from patients.validation import ExternalIdTaken, check_confirmation, check_external_id, check_texts

EARLIEST_BIRTH = datetime.date(1900, 1, 1)
QUIET = {"autocomplete": "off"}  # a patient's data: the browser must not suggest the user's own
GROUPS = {
    "Who": ("external_id", "name", "date_of_birth", "phone_number", "email"),
    "Program": ("program", "starts_on", "therapeutic_area"),
    "Where": ("address", "city", "state", "zip_code", "timezone"),
    "Care": ("physician", "clinic_name", "care_manager"),
    "Consent": ("consented_on", "sms_opt_in", "texts"),
}


def _text(name: str, *, required: bool = False, **options: Any) -> forms.CharField:
    options.setdefault("widget", forms.TextInput(QUIET))
    stored = Patient._meta.get_field(name)
    assert isinstance(stored, models.CharField)
    return forms.CharField(label=LABELS[name], max_length=stored.max_length, required=required, **options)


def _day(label: str, *, required: bool = False, **options: Any) -> forms.DateField:
    widget = forms.DateInput({"type": "date", **QUIET}, format="%Y-%m-%d")
    return DayField(label=label, required=required, widget=widget, **options)


def _date(name: str, **options: Any) -> forms.DateField:
    return _day(LABELS[name], **options)


class RecordForm(StyledForm):
    """The record of an existing patient. `version` is the one that was filled in."""

    name = _text("name")
    date_of_birth = _date("date_of_birth", earliest=datetime.date.min)  # see `_past`
    phone_number = _text("phone_number", widget=forms.TextInput({"type": "tel", **QUIET}))
    email = _text("email", widget=forms.TextInput({"type": "email", **QUIET}))
    address = _text("address")
    city = _text("city")
    state = _text("state")
    zip_code = _text("zip_code")
    timezone = _text(
        "timezone",
        validators=[validate_time_zone],
        widget=forms.TextInput({"list": "time-zones", "spellcheck": "false", **QUIET}),
    )
    physician = _text("physician")
    clinic_name = _text("clinic_name")
    care_manager = _text("care_manager")
    consented_on = _date(
        "consented_on",
        earliest=datetime.date.min,
        help_text="When the patient agreed to be monitored. Empty while there is no consent.",
    )
    sms_opt_in = forms.BooleanField(
        label="Tenovi may send this patient text messages",
        required=False,
        help_text="Only with consent: a new patient without it gets none.",
    )
    texts = forms.ChoiceField(
        label="Text messages are on at Tenovi, and no consent is recorded here",
        required=False,
        choices=[("", "Leave them on for now"), ("off", "Switch them off at Tenovi")],
        widget=forms.RadioSelect({"class": "form-check-input"}),
        help_text="If the patient agreed, enter the day of consent: they stay on.",
    )
    """In place of `sms_opt_in` where only Tenovi knows of an opt-in: nothing is switched by default."""
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        clinic: Clinic,
        today: datetime.date,
        asks_about_texts: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(data, **options)
        self.clinic, self.today = clinic, today
        del self.fields["sms_opt_in" if asks_about_texts else "texts"]
        self.fields["timezone"].help_text = f"Empty for the clinic's, {clinic.timezone}."

    def groups(self) -> list[tuple[str, list[BoundField]]]:
        """Return the fields as the page shows them, under their headings."""
        groups = [
            (title, [self[name] for name in names if name in self.fields]) for title, names in GROUPS.items()
        ]
        return [(title, fields) for title, fields in groups if fields]

    def clean_email(self) -> str:
        """Accept an address that the vendor sent as it is: the vendor checks none."""
        email = str(self.cleaned_data["email"])
        if email and email != self.initial.get("email"):
            EmailValidator()(email)
        return email

    def clean_date_of_birth(self) -> datetime.date | None:
        return self._past("date_of_birth")

    def clean_consented_on(self) -> datetime.date | None:
        return self._past("consented_on")

    def clean(self) -> dict[str, Any]:
        if "consented_on" not in self.errors:
            wanted = bool(self.cleaned_data.get("sms_opt_in"))
            try:
                check_texts(sms_opt_in=wanted, consented_on=self.cleaned_data.get("consented_on"))
            except ValidationError as wrong:
                self.add_error("sms_opt_in", wrong)
        return self.cleaned_data

    def _past(self, name: str) -> datetime.date | None:
        day: datetime.date | None = self.cleaned_data[name]
        if day and day > self.today:
            raise ValidationError("This day has not come yet.")
        if day and day < EARLIEST_BIRTH:
            raise ValidationError("This is longer ago than anybody has lived.")
        return day

    def values(self) -> dict[str, Any]:
        """What was filled in, for `actions`."""
        kept = {name: value for name, value in self.cleaned_data.items() if name not in ("version", "texts")}
        return kept | ({"sms_opt_in": False} if self.cleaned_data.get("texts") == "off" else {})


class EnrollmentFields(StyledForm):
    """A program and when it begins."""

    program = forms.ChoiceField(label="Program", choices=Program.choices)
    starts_on = _day("From", required=True, help_text="The first day that counts for it.")
    therapeutic_area = forms.CharField(
        label="Therapeutic area", max_length=100, required=False, widget=forms.TextInput(QUIET)
    )

    def enrollment(self) -> dict[str, Any]:
        """Return the fields as arguments of `enrollments.enroll`."""
        return {name: self.cleaned_data[name] for name in EnrollmentFields.base_fields}


class EndForm(StyledForm):
    """The last day of a program."""

    ends_on = _day("Last day", required=True)

    def __init__(self, data: Mapping[str, Any] | None, *, enrollment: Enrollment) -> None:
        super().__init__(data, auto_id=f"id_{enrollment.id}_%s")
        self.enrollment = enrollment

    def clean_ends_on(self) -> datetime.date:
        day: datetime.date = self.cleaned_data["ends_on"]
        if day < self.enrollment.starts_on:
            raise ValidationError(f"The program begins on {full_date(self.enrollment.starts_on)}.")
        return day


class NewPatientForm(EnrollmentFields, RecordForm):
    """The record of a new patient, and the program that begins."""

    external_id = _text(
        "external_id",
        required=True,
        help_text="Your own id of the patient, shared with Tenovi. It cannot be changed later.",
    )
    name = _text("name", required=True)
    program = forms.ChoiceField(label="Program", required=False, choices=[("", "None yet"), *Program.choices])
    starts_on = _day("From", help_text="Today, unless you say otherwise.")
    version = None  # type: ignore[assignment]

    def clean_external_id(self) -> str:
        external_id = str(self.cleaned_data["external_id"])
        try:
            check_external_id(self.clinic, external_id)
        except ExternalIdTaken as taken:
            self.taken_by = taken.patient
            raise
        return external_id

    def clean_starts_on(self) -> datetime.date:
        return self.cleaned_data["starts_on"] or self.today

    def values(self) -> dict[str, Any]:
        """The record alone."""
        return {
            name: value
            for name, value in super().values().items()
            if name not in EnrollmentFields.base_fields
        }


class ConfirmAddressForm(StyledForm):
    """The reason why an address is right that the vendor could not verify."""

    reason = forms.CharField(
        label="How do you know that it is right?",
        max_length=200,
        required=False,
        widget=forms.TextInput({"list": "address-reasons", **QUIET}),
    )
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, Any] | None = None, *, patient: Patient, **options: Any) -> None:
        super().__init__(data, **options)
        self.patient = patient

    def clean_reason(self) -> str:
        reason = str(self.cleaned_data["reason"])
        check_confirmation(reason=reason, has_whole_address=self.patient.has_whole_address)
        return reason
