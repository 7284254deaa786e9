"""The page of a clinic's people: invite, change a role, take it away, help with a lost phone."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from clinics.access import ClinicAccess, Permission, clinic_page
from clinics.actions import invitations
from clinics.actions import people as actions_people
from clinics.models import Invitation, Membership, Role, SecondFactor
from common.forms import StyledForm

LAST_ADMIN = "A clinic keeps at least one admin: give somebody else that role first."
ELSEWHERE = (
    "This person belongs to another clinic too. Only whoever runs this server can sign them out or reset "
    "their second factor."
)
ANSWERED = "That invitation was answered or withdrawn meanwhile."


class InviteForm(StyledForm):
    email = forms.EmailField(label="E-mail", max_length=254, widget=forms.EmailInput({"autocomplete": "off"}))
    role = forms.ChoiceField(label="Role", choices=Role.choices)


class MemberForm(forms.Form):
    """What to do with one member; the id is looked up among the clinic's own."""

    member = forms.IntegerField(min_value=1, max_value=2**63 - 1)
    role = forms.ChoiceField(choices=Role.choices, required=False)


class InvitationForm(forms.Form):
    """Which invitation; the id is looked up among the clinic's own."""

    invitation = forms.UUIDField()


@clinic_page(Permission.MANAGE_CLINIC, shows_patients=False)
@require_http_methods(["GET", "HEAD", "POST"])
def people(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    what = request.POST.get("do")
    invite = InviteForm(request.POST if what == "invite" else None)
    if request.method == "POST" and what in ("send-again", "withdraw"):
        return _change_invitation(request, access, what)
    if request.method == "POST" and what != "invite":
        return _change(request, access)
    if request.method == "POST" and invite.is_valid():
        wanted = invite.cleaned_data
        try:
            invitations.invite(
                email=wanted["email"], clinic=access.clinic, role=wanted["role"], by=access.user
            )
        except invitations.NotInvitable as why:
            invite.add_error("email", str(why))
        else:
            messages.success(request, f"An invitation is on its way to {wanted['email']}.")
            return redirect("people", access.clinic.slug)
    return render(request, "clinics/people.html", _context(access, invite))


def _context(access: ClinicAccess, invite: InviteForm) -> dict[str, Any]:
    members = Membership.objects.filter(clinic=access.clinic).select_related("user").order_by("user__email")
    factors = SecondFactor.objects.filter(user__memberships__clinic=access.clinic, confirmed_at__isnull=False)
    with_factor = set(factors.values_list("user_id", flat=True))
    elsewhere = Membership.objects.exclude(clinic=access.clinic).filter(
        user__memberships__clinic=access.clinic
    )
    of_others = set() if access.user.is_operator else set(elsewhere.values_list("user_id", flat=True))
    rows = [
        {
            "membership": one,
            "user": one.user,
            "second_factor": one.user_id in with_factor,
            "elsewhere": one.user_id in of_others,
        }
        for one in members
    ]
    return {
        "invite": invite,
        "rows": rows,
        "somebody_elsewhere": any(row["elsewhere"] for row in rows),
        "invitations": invitations.waiting_in(access.clinic),
        "roles": Role.choices,
        "clinic": access.clinic,
        "zone": access.clinic.zone,
    }


def _change_invitation(request: HttpRequest, access: ClinicAccess, what: str) -> HttpResponse:
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return redirect("people", access.clinic.slug)
    mine = Invitation.objects.filter(clinic=access.clinic)
    invitation = get_object_or_404(mine, pk=form.cleaned_data["invitation"])
    try:
        if what == "withdraw":
            invitations.withdraw(invitation=invitation, by=access.user)
            messages.success(request, f"The invitation of {invitation.email} is withdrawn.")
        else:
            invitations.send_again(invitation=invitation, by=access.user)
            messages.success(request, f"A new invitation is on its way to {invitation.email}.")
    except invitations.NoSuchInvitation:
        messages.error(request, ANSWERED)
    return redirect("people", access.clinic.slug)


def _change(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    form, what = MemberForm(request.POST), request.POST.get("do")
    if not form.is_valid():
        return redirect("people", access.clinic.slug)
    member = get_object_or_404(
        Membership.objects.select_related("user", "clinic"),
        clinic=access.clinic,
        pk=form.cleaned_data["member"],
    )
    try:
        done = _do(what, member, form.cleaned_data["role"], access)
    except actions_people.LastAdmin:
        messages.error(request, LAST_ADMIN)
    except actions_people.BelongsElsewhere:
        messages.error(request, ELSEWHERE)
    else:
        if done:
            messages.success(request, f"{member.user.email}: {done}")
    return redirect("people", access.clinic.slug)


def _do(what: str | None, member: Membership, role: str, access: ClinicAccess) -> str:
    """Do it; what was done, in words."""
    if what == "role" and role:
        actions_people.grant_role(user=member.user, clinic=access.clinic, role=role, by=access.user)
        return f"now {Role(role).label.lower()}."
    if what == "remove":
        actions_people.remove_member(membership=member, by=access.user)
        return "no longer of this clinic."
    if what == "sign-out":
        actions_people.sign_out_member(membership=member, by=access.user)
        return "signed out everywhere."
    if what == "reset-factor":
        actions_people.reset_second_factor(membership=member, by=access.user)
        return "may set up a second factor anew."
    return ""
