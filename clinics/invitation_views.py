"""Answering an invitation: by the link of its letter, or after signing in."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from clinics.account_views import own_page
from clinics.actions import invitations
from clinics.forms import ChoosePassword
from clinics.models import Invitation, User

GONE = "That invitation is no longer open. Ask whoever invited you to send it again."


class AnswerForm(forms.Form):
    """Which invitation, and what the person says to it."""

    invitation = forms.UUIDField()
    do = forms.ChoiceField(choices=[("accept", ""), ("decline", "")])


@own_page
@require_http_methods(["GET", "HEAD", "POST"])
def own_invitations(request: HttpRequest, user: User) -> HttpResponse:
    """The invitations that a person who has an account can answer."""
    if request.method == "POST":
        return _answer(request, user)
    return render(request, "clinics/invitations.html", {"invitations": invitations.open_to(user)})


def _answer(request: HttpRequest, user: User) -> HttpResponse:
    form = AnswerForm(request.POST)
    mine = invitations.open_to(user)
    invitation = mine.filter(id=form.cleaned_data["invitation"]).first() if form.is_valid() else None
    try:
        if invitation is None:
            raise invitations.NoSuchInvitation
        if form.cleaned_data["do"] == "accept":
            clinic = invitations.accept(invitation=invitation, by=user)
            request.session.cycle_key()  # it opens more than before
            messages.success(request, f"You are in {clinic.name} now.")
            return redirect("home")
        invitations.decline(invitation=invitation, by=user)
        messages.success(request, f"{invitation.clinic.name} is told that you declined.")
    except invitations.NoSuchInvitation:
        messages.error(request, GONE)
    except invitations.OperatorInvited:
        words = "You run this server, and an operator is never a member of a clinic. Decline this one."
        messages.error(request, words)
    return redirect("account-invitations")


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def invitation_link(request: HttpRequest, invitation_id: UUID, token: str) -> HttpResponse:
    """Behind the link of a letter. Somebody new chooses a password; somebody known signs in first."""
    invitation = invitations.behind_link(invitation_id, token)
    if invitation is None:
        return render(request, "clinics/invitation_gone.html", status=404)
    user = User.objects.filter(email=invitation.email).first()
    if isinstance(request.user, User) and request.user != user:
        context = {"invitation": invitation, "signed_in_as": request.user.email}
        return render(request, "clinics/invitation_of_another.html", context)
    if user and user.has_usable_password():
        return redirect("account-invitations")
    return _join(request, invitation, user or User(email=invitation.email))


def _join(request: HttpRequest, invitation: Invitation, person: User) -> HttpResponse:
    declines = request.POST.get("do") == "decline"
    form = ChoosePassword(person, request.POST if request.method == "POST" and not declines else None)
    try:
        if request.method == "POST" and declines:
            invitations.decline(invitation=invitation, by=None)
            return render(request, "clinics/invitation_declined.html", {"invitation": invitation})
        if request.method == "POST" and form.is_valid():
            password = form.cleaned_data["new_password1"]
            invitations.accept_with_password(invitation=invitation, password=password)
            messages.success(request, f"You are in {invitation.clinic.name} now. Sign in with your password.")
            return redirect("sign-in")
    except (invitations.NoSuchInvitation, invitations.OperatorInvited):
        return render(request, "clinics/invitation_gone.html", status=404)
    return render(request, "clinics/invitation_join.html", {"invitation": invitation, "form": form})
