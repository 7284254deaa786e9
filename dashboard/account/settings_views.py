"""Change a clinic's settings and its Tenovi key. Here, because a key is tried at the vendor before it is
kept."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from clinics.access import ClinicAccess, Permission, clinic_page
from clinics.actions import clinic_settings as actions_clinic_settings
from clinics.models import (
    BillingWindow,
    Clinic,
    Locale,
    time_zone_names,
    validate_tenovi_domain,
    validate_time_zone,
)
from common.encryption import WrongCredentialsKey
from common.forms import StyledForm
from devices.actions import sync as actions_sync
from tenovi.outbound.key_check import why_key_fails


class SettingsForm(StyledForm):
    name = forms.CharField(label="Name", max_length=200)
    timezone = forms.CharField(
        label="Time zone",
        max_length=64,
        validators=[validate_time_zone],
        help_text="Decides on which date a reading falls when neither it nor its patient has a zone.",
        widget=forms.TextInput({"list": "time-zones", "autocomplete": "off", "spellcheck": "false"}),
    )
    locale = forms.ChoiceField(
        label="Dates and times",
        choices=Locale.choices,
        help_text="How pages write them. Files and the API keep to ISO 8601.",
    )
    billing_window = forms.ChoiceField(
        label="Billing window",
        choices=BillingWindow.choices,
        help_text="What the billing export counts days in, unless another window is asked for.",
    )
    idle_minutes = forms.IntegerField(label="Sign out after so many idle minutes", min_value=1, max_value=60)
    second_factor_required = forms.BooleanField(label="Everybody here needs a second factor", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        longest = self.fields["idle_minutes"]
        longest.help_text = f"At most {settings.SESSION_IDLE_MINUTES}, the limit of this server."


class KeyForm(StyledForm):
    tenovi_domain = forms.CharField(
        label="Client domain",
        max_length=100,
        validators=[validate_tenovi_domain],
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    api_key = forms.RegexField(
        r"^[\x21-\x7e]+$",
        label="New API key",
        max_length=300,
        error_messages={"invalid": "A key has no blanks and no letters beyond A to Z."},
        widget=forms.PasswordInput({"autocomplete": "off", "spellcheck": "false"}, render_value=True),
    )


@clinic_page(Permission.MANAGE_CLINIC, shows_patients=False)
@require_http_methods(["GET", "HEAD", "POST"])
def clinic_settings(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    clinic = access.clinic
    initial = {name: getattr(clinic, name) for name in actions_clinic_settings.SETTINGS}
    form = SettingsForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        actions_clinic_settings.change_settings(clinic=clinic, by=access.user, **form.cleaned_data)
        messages.success(request, "The settings are kept.")
        return redirect("clinic-settings", clinic.slug)
    context = {
        "form": form,
        "clinic": clinic,
        "zones": time_zone_names(),
        "working_out_dates": clinic.judged_timezone != clinic.timezone,
    }
    return render(request, "clinics/settings.html", context)


@clinic_page(Permission.MANAGE_CLINIC, shows_patients=False)
@sensitive_post_parameters("api_key")
@require_http_methods(["GET", "HEAD", "POST"])
def vendor_key(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    """Take a new key, which never comes out again; it replaces the old one only if the vendor accepts it."""
    clinic = access.clinic
    form = KeyForm(
        request.POST if request.method == "POST" else None, initial={"tenovi_domain": clinic.tenovi_domain}
    )
    if request.method == "POST" and form.is_valid():
        domain, key = form.cleaned_data["tenovi_domain"], form.cleaned_data["api_key"]
        if problem := why_key_fails(domain, key):
            form.add_error("api_key", f"{problem} The key in use stays.")
        else:
            with transaction.atomic():
                actions_clinic_settings.replace_api_key(
                    clinic=clinic, tenovi_domain=domain, api_key=key, by=access.user
                )
                actions_sync.start_now(clinic=clinic, by=access.user)
            messages.success(request, "Tenovi took the new key. The account behind it is read now.")
            return redirect("account-sync", clinic.slug)
    return render(
        request, "clinics/vendor_key.html", {"form": form, "clinic": clinic, "ending": _ending(clinic)}
    )


def _ending(clinic: Clinic) -> str:
    """Return the last four characters of the key in use, "" when there is none that can be read."""
    try:
        key = clinic.tenovi_api_key
    except WrongCredentialsKey:
        return ""
    return key[-4:] if len(key) > 12 else "…" if key else ""
