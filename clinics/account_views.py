"""A person's own page: password, second factor, where they are signed in, and their API tokens."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinics import audit
from clinics.actions import invitations, people
from clinics.forms import ChangePassword, CodeForm, PasswordAgain
from clinics.models import ApiToken, Session, User
from clinics.signing_in import second_factor, sessions

P = ParamSpec("P")


def own_page(
    view: Callable[Concatenate[HttpRequest, User, P], HttpResponse],
) -> Callable[..., HttpResponse]:
    """For whoever is signed in, about themselves alone."""

    @login_required
    @never_cache
    @functools.wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        assert isinstance(request.user, User)
        return view(request, request.user, *args, **kwargs)

    checked.own_page = True  # type: ignore[attr-defined]  # read by the route test
    return checked


@own_page
@require_safe
def overview(request: HttpRequest, user: User) -> HttpResponse:
    return render(request, "clinics/account.html", _context(request, user))


def _context(request: HttpRequest, user: User, **forms: Any) -> dict[str, Any]:
    return {
        "password_form": ChangePassword(request, user, prefix=None),
        "has_second_factor": second_factor.has_second_factor(user),
        "needs_second_factor": second_factor.needs_second_factor(user),
        "invitations": invitations.open_to(user).count(),
        "codes_left": user.recovery_codes.count(),
        "sessions": [
            {
                "session": one,
                "handle": _handle(one.session_key),
                "this": one.session_key == request.session.session_key,
            }
            for one in sessions.sessions_of(user)
        ],
        "tokens": [{"token": one, "handle": _handle(one.digest)} for one in _tokens_of(user)],
        **forms,
    }


def _tokens_of(user: User) -> QuerySet[ApiToken]:
    rows: QuerySet[ApiToken] = ApiToken.objects.filter(user=user).order_by("-created")
    return rows


@own_page
@sensitive_post_parameters()
@require_POST
def change_password(request: HttpRequest, user: User) -> HttpResponse:
    """Every other session of the person ends; this one goes on under a new key."""
    form = ChangePassword(request, user, request.POST)
    if not form.is_valid():
        return render(request, "clinics/account.html", _context(request, user, password_form=form))
    people.set_password(
        user=user,
        password=form.cleaned_data["new_password1"],
        by=user,
        keep_session=request.session.session_key,
    )
    update_session_auth_hash(request, user)
    messages.success(
        request, "Your password is changed. You are signed out everywhere else, and your API tokens ended."
    )
    return redirect("account")


@own_page
@require_POST
def end_session(request: HttpRequest, user: User) -> HttpResponse:
    """End one of one's sessions (`session`), or all the others."""
    handle = request.POST.get("session", "")
    if handle:
        chosen = [one for one in sessions.sessions_of(user) if _handle(one.session_key) == handle]
        ended = sum(Session.objects.filter(session_key=one.session_key).delete()[0] for one in chosen)
    else:
        ended = sessions.end_sessions(user, keep=request.session.session_key)
    audit.record("sessions_ended", by=user, target=user, detail={"ended": ended})
    messages.success(request, f"Signed out in {ended} place{'' if ended == 1 else 's'}.")
    return redirect("account")


def _handle(key: str) -> str:
    """Names a session or token on the page without giving away its key."""
    return hashlib.sha256(key.encode()).hexdigest()[:24]


@own_page
@require_POST
def revoke_token(request: HttpRequest, user: User) -> HttpResponse:
    """End one of one's API tokens (`token`)."""
    chosen = [one for one in _tokens_of(user) if _handle(one.digest) == request.POST.get("token")]
    for token in chosen:
        people.revoke_token(token=token, by=user)
        messages.success(request, f"The token {token.name} is revoked." if token.name else "It is revoked.")
    return redirect("account")


@own_page
@require_http_methods(["GET", "HEAD", "POST"])
def set_up_second_factor(request: HttpRequest, user: User) -> HttpResponse:
    """Shows the secret until a first code proves that the app has it; then the recovery codes, once."""
    if second_factor.has_second_factor(user):
        return redirect("account")
    form = CodeForm(request.POST if request.method == "POST" else None)
    factor = second_factor.begin(user)
    if request.method == "POST" and form.is_valid():
        if codes := second_factor.confirm(user, form.cleaned_data["code"]):
            sessions.end_sessions(user, keep=request.session.session_key)
            audit.record("second_factor_added", by=user, target=user)
            return render(request, "clinics/recovery_codes.html", {"codes": codes, "new": True})
        form.add_error("code", "This is not the app's present code. Wait for the next one and try it.")
    context = {
        "form": form,
        "qr_code": second_factor.qr_code(factor),
        "secret": factor.secret,
        "required": second_factor.needs_second_factor(user),
    }
    return render(request, "clinics/second_factor.html", context)


@own_page
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def recovery_codes(request: HttpRequest, user: User) -> HttpResponse:
    """Fresh recovery codes in place of the old ones, against the password."""
    if not second_factor.has_second_factor(user):
        return redirect("account")
    form = PasswordAgain(request, user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        codes = second_factor.new_recovery_codes(user)
        audit.record("recovery_codes_replaced", by=user, target=user)
        return render(request, "clinics/recovery_codes.html", {"codes": codes})
    context = {
        "form": form,
        "title": "New recovery codes",
        "text": "The ten codes you have now stop working.",
        "action": "Show new codes",
    }
    return render(request, "clinics/password_again.html", context)


@own_page
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def remove_second_factor(request: HttpRequest, user: User) -> HttpResponse:
    """For a new phone: the factor goes, against the password, and may have to be set up again at once."""
    if not second_factor.has_second_factor(user):
        return redirect("account")
    form = PasswordAgain(request, user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        second_factor.remove(user)
        sessions.end_sessions(user, keep=request.session.session_key)
        audit.record("second_factor_removed", by=user, target=user)
        messages.success(request, "Your second factor is removed.")
        return redirect("second-factor" if second_factor.needs_second_factor(user) else "account")
    context = {
        "form": form,
        "title": "Remove the second factor",
        "text": "Do this to move to another phone. You set up the new one right after.",
        "action": "Remove it",
    }
    return render(request, "clinics/password_again.html", context)
