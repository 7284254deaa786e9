"""Show the page of the webhook secrets that the vendor must present. Each is shown once, never again."""

from __future__ import annotations

import secrets
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from clinics.access import ClinicAccess, Permission, clinic_page
from clinics.actions import clinic_settings
from clinics.models import Clinic
from clinics.webhook_secrets import TwoAreValid, in_use, is_full
from common.forms import StyledForm

USERNAME = "tenovi"
SECRET_BYTES = 24  # 192 random bits


class NewSecret(StyledForm):
    """`clinic`: whose secrets have names already."""

    name = forms.CharField(
        label="Name",
        max_length=60,
        required=False,
        help_text="To tell it from the other one. Left empty, it gets a number.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    header = forms.RegexField(
        r"^[A-Za-z][A-Za-z0-9-]*$",
        label="Header",
        max_length=100,
        required=False,
        help_text="Leave it empty for a user name and password (HTTP Basic).",
        error_messages={"invalid": "A header's name has letters, digits and hyphens."},
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, clinic: Clinic, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.clinic = clinic

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if name and self.clinic.webhook_secrets.filter(name=name).exists():
            raise forms.ValidationError("Another secret has this name.")
        return name


@clinic_page(Permission.MANAGE_CLINIC, shows_patients=False)
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_secrets(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    wanted = request.POST.get("do")
    if wanted in ("retire", "restore"):
        (_retire if wanted == "retire" else _restore)(request, access)
        return redirect("webhook-secrets", access.clinic.slug)
    form = NewSecret(request.POST if wanted == "add" else None, clinic=access.clinic)
    shown = _added(request, access, form) if request.method == "POST" and form.is_valid() else None
    used = in_use(access.clinic)
    valid = access.clinic.webhook_secrets.valid().order_by("-id")
    context = {
        "form": form,
        "shown": shown,
        "secrets": [{"secret": one, "is_in_use": one.id in used} for one in valid],
        "is_full": is_full(access.clinic),
        "retired": access.clinic.webhook_secrets.retired().order_by("-retired_at"),
        "clinic": access.clinic,
        "zone": access.clinic.zone,
        "site": settings.PUBLIC_URL,
    }
    return render(request, "clinics/webhook_secrets.html", context)


def _added(request: HttpRequest, access: ClinicAccess, form: NewSecret) -> dict[str, str] | None:
    """What the page shows this once; None when two are valid already."""
    header, value = form.cleaned_data["header"], secrets.token_urlsafe(SECRET_BYTES)
    try:
        added = clinic_settings.add_webhook_secret(
            clinic=access.clinic,
            header=header,
            username=USERNAME,
            password=value,
            name=form.cleaned_data["name"],
            by=access.user,
        )
    except TwoAreValid as refused:
        messages.error(request, str(refused))
        return None
    return {"name": added.name, "header": header, "username": USERNAME, "value": value}


def _retire(request: HttpRequest, access: ClinicAccess) -> None:
    secret, typed = request.POST.get("secret", ""), request.POST.get("typed", "")
    try:
        retired = clinic_settings.retire_webhook_secret(
            clinic=access.clinic, secret=secret, typed=typed, by=access.user
        )
    except clinic_settings.SecretInUse as used:
        said = f"{used} was used in the last day. Type its name to retire it: what shows it is turned away."
        messages.error(request, said)
        return
    if retired:
        messages.success(request, f"{retired} opens nothing any more.")


def _restore(request: HttpRequest, access: ClinicAccess) -> None:
    try:
        secret = request.POST.get("secret", "")
        restored = clinic_settings.restore_webhook_secret(clinic=access.clinic, secret=secret, by=access.user)
    except TwoAreValid as refused:
        messages.error(request, str(refused))
        return
    if restored:
        messages.success(request, f"{restored} opens the doors again.")
