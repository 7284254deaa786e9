"""The operator's page: which clinics there are, and a new one with its first admin."""

from __future__ import annotations

import functools
from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from clinics import audit
from clinics.access import route_of
from clinics.actions import clinic_settings, invitations
from clinics.models import Clinic, InvitationState, Role, User, validate_time_zone
from clinics.signing_in import second_factor
from common.forms import StyledForm


def operator_page(view: Callable[[HttpRequest, User], HttpResponse]) -> Callable[..., HttpResponse]:
    """For operators alone; nobody else learns more than that it is not theirs."""

    @login_required
    @never_cache
    @functools.wraps(view)
    def checked(request: HttpRequest) -> HttpResponse:
        user = request.user
        assert isinstance(user, User)
        if not user.is_operator:
            audit.record("access_denied", by=user, detail={"route": route_of(request)})
            raise PermissionDenied
        if second_factor.needs_second_factor(user) and not second_factor.has_second_factor(user):
            return redirect("second-factor")
        return view(request, user)

    checked.operators_only = True  # type: ignore[attr-defined]  # read by the route test
    return checked


class NewClinic(StyledForm):
    name = forms.CharField(label="Name", max_length=200)
    slug = forms.SlugField(
        label="Short name",
        max_length=60,
        help_text="Part of every address, webhooks included; it cannot be changed.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    timezone = forms.CharField(
        label="Time zone",
        max_length=64,
        validators=[validate_time_zone],
        help_text="Such as America/New_York.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    admin = forms.EmailField(
        label="E-mail of its first admin", max_length=254, widget=forms.EmailInput({"autocomplete": "off"})
    )

    def clean_slug(self) -> str:
        slug = str(self.cleaned_data["slug"])
        if Clinic.objects.filter(slug=slug).exists():
            raise forms.ValidationError("There is a clinic of this short name already.")
        return slug


@operator_page
@require_http_methods(["GET", "HEAD", "POST"])
def clinics(request: HttpRequest, user: User) -> HttpResponse:
    form = NewClinic(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data
        try:
            with transaction.atomic():
                clinic, _ = clinic_settings.save_clinic(
                    slug=wanted["slug"],
                    name=wanted["name"],
                    timezone=wanted["timezone"],
                    tenovi_domain="",
                    api_key=None,
                    by=user,
                )
                invitations.invite(email=wanted["admin"], clinic=clinic, role=Role.CLINIC_ADMIN, by=user)
        except invitations.NotInvitable as why:
            form.add_error("admin", str(why))
        else:
            words = f"{clinic.name} is there; an invitation is on its way to {wanted['admin']}."
            messages.success(request, words)
            return redirect("clinics")
    waiting = Count("invitations", filter=Q(invitations__state=InvitationState.WAITING), distinct=True)
    people = Count("memberships", distinct=True)
    rows = Clinic.objects.annotate(people=people, invited=waiting).order_by("name")
    return render(request, "clinics/clinics.html", {"form": form, "rows": rows})
