"""Signing in and out, and choosing a password."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, login
from django.contrib.auth.views import LogoutView, PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from clinics import audit
from clinics.actions import people
from clinics.forms import ChoosePassword, CodeForm, ForgottenPassword, SignInForm
from clinics.models import AuditEvent, User
from clinics.signing_in import emails, lockout, second_factor, sessions

PENDING = "pending"  # in the session: who gave a good password, and when; nobody is signed in yet
PENDING_SECONDS = 300
ONE_LETTER_IN = timedelta(minutes=5)


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The first step: e-mail and password. Who has a second factor is asked for it next."""
    if request.user.is_authenticated:
        return redirect(_next(request))
    form = SignInForm(request, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        user = form.get_user()
        assert isinstance(user, User)
        if not second_factor.has_second_factor(user):
            return _enter(request, user)
        request.session.flush()
        request.session[PENDING] = [user.email, int(time.time())]
        return redirect(f"{resolve_url('sign-in-code')}?{request.GET.urlencode()}")
    if request.method == "POST":
        return _refused(request, "clinics/sign_in.html", form, form.data.get("username", ""), "password")
    return render(request, "clinics/sign_in.html", {"form": form})


@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_code(request: HttpRequest) -> HttpResponse:
    """The second step: a code of the app, or a recovery code."""
    email, since = request.session.get(PENDING, ["", 0])
    if time.time() - since > PENDING_SECONDS:
        return redirect("sign-in")
    form = CodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        user = authenticate(request, username=email, code=form.cleaned_data["code"])
        if isinstance(user, User):
            return _enter(request, user)
        return _refused(request, "clinics/sign_in_code.html", CodeForm(), email, "code")
    return render(request, "clinics/sign_in_code.html", {"form": form})


def _enter(request: HttpRequest, user: User) -> HttpResponse:
    """Into a session with a new key, whose clocks start now."""
    target = _next(request)
    request.session.flush()
    login(request, user)
    sessions.begin(
        request.session, address=lockout.address_of(request), agent=request.headers.get("User-Agent", "")
    )
    sessions.forget_expired()
    audit.record("signed_in", by=user)
    return redirect(target)


def _refused(request: HttpRequest, template: str, form: Any, email: str, step: str) -> HttpResponse:
    """The same words and status whether the person exists or not."""
    locked = lockout.is_locked(request, email)
    user = User.objects.filter(email=email.strip().lower().replace("\0", "")).first()
    audit.record("sign_in_failed", by=None, target=user, detail={"step": step, "locked": locked})
    context = {"form": form, "refused": not locked, "locked": locked, "minutes": lockout.minutes()}
    return render(request, template, context, status=429 if locked else 200)


def _next(request: HttpRequest) -> str:
    """Where the person wanted to go, if that is a page of ours."""
    target = request.POST.get("next") or request.GET.get("next", "")
    if url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        return target
    return resolve_url(settings.LOGIN_REDIRECT_URL)


class SignOut(LogoutView):
    """By POST alone. The browser is told to forget what it kept of us."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if isinstance(request.user, User):
            audit.record("signed_out", by=request.user)
        response = super().post(request, *args, **kwargs)
        response["Clear-Site-Data"] = '"cache", "storage"'
        return response


sign_out = SignOut.as_view(next_page="sign-in")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def password_forgotten(request: HttpRequest) -> HttpResponse:
    """Sends a link to whoever has an account, and says the same to everybody."""
    form = ForgottenPassword(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        _send_link(form.cleaned_data["email"].lower())
        return render(request, "clinics/password_sent.html", {"email": form.cleaned_data["email"]})
    return render(request, "clinics/password_forgotten.html", {"form": form})


def _send_link(email: str) -> None:
    """At most one letter to a person in five minutes."""
    user = User.objects.filter(email=email, is_active=True).first()
    recent = AuditEvent.objects.filter(
        action="password_reset_asked",
        target_id=str(user.pk if user else ""),
        at__gt=timezone.now() - ONE_LETTER_IN,
    )
    if user and not recent.exists():
        audit.record("password_reset_asked", by=None, target=user)
        emails.send_password_link(user)


class PasswordChoose(PasswordResetConfirmView):
    """Behind the link of a letter: a new password; every session of the person ends."""

    template_name = "clinics/password_choose.html"
    form_class = ChoosePassword

    def form_valid(self, form: Any) -> HttpResponse:
        people.set_password(user=form.user, password=form.cleaned_data["new_password1"], by=form.user)
        self.request.session.flush()
        messages.success(self.request, "Your password is set. Sign in with it.")
        return redirect("sign-in")

    def dispatch(self, *args: Any, **kwargs: Any) -> Any:
        response = super().dispatch(*args, **kwargs)
        add_never_cache_headers(response)
        return response


password_choose = PasswordChoose.as_view()
