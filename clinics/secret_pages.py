"""The page of the webhook secrets: what the vendor must show at our doors. Shown once, never again."""

from __future__ import annotations

import secrets

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from clinics import actions
from clinics.access import Permission, Visit, clinic_page
from clinics.forms import Labelled
from clinics.models import WebhookSecret

USERNAME = "tenovi"
SECRET_BYTES = 24  # 192 random bits


class NewSecret(Labelled):
    header = forms.RegexField(
        r"^[A-Za-z][A-Za-z0-9-]*$",
        label="Header",
        max_length=100,
        required=False,
        help_text="Leave it empty for a user name and password (HTTP Basic).",
        error_messages={"invalid": "A header's name has letters, digits and hyphens."},
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )


@clinic_page(Permission.MANAGE_CLINIC)
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_secrets(request: HttpRequest, visit: Visit) -> HttpResponse:
    form = NewSecret(request.POST if request.POST.get("do") == "add" else None)
    shown = None
    if request.method == "POST" and request.POST.get("do") == "retire":
        if actions.retire_webhook_secret(
            clinic=visit.clinic, secret=request.POST.get("secret", ""), by=visit.user
        ):
            messages.success(request, "The older secret opens nothing any more.")
        return redirect("webhook-secrets", visit.clinic.slug)
    if request.method == "POST" and form.is_valid():
        header, value = form.cleaned_data["header"], secrets.token_urlsafe(SECRET_BYTES)
        actions.add_webhook_secret(
            clinic=visit.clinic, header=header, username=USERNAME, password=value, by=visit.user
        )
        shown = {"header": header, "username": USERNAME, "value": value}
    context = {
        "form": form,
        "shown": shown,
        "secrets": WebhookSecret.objects.filter(clinic=visit.clinic).order_by("-id"),
        "clinic": visit.clinic,
        "zone": visit.clinic.zone,
        "site": settings.PUBLIC_URL,
    }
    return render(request, "clinics/webhook_secrets.html", context)
