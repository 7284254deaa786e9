"""Signing in and out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpResponse

from clinics import audit
from clinics.models import User


class SignInForm(AuthenticationForm):
    """E-mail and password; the same words whether the person or the password is wrong."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "This e-mail address and password do not belong together. Check both and try again.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "E-mail"
        self.fields["username"].widget = forms.EmailInput(
            attrs={"autocomplete": "username", "autofocus": True, "class": "form-control"}
        )
        self.fields["password"].widget.attrs.update({"class": "form-control"})


class SignIn(LoginView):
    template_name = "clinics/sign_in.html"
    form_class = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        user = form.get_user()
        assert isinstance(user, User)
        audit.record("signed_in", by=user, address=self.request.META.get("REMOTE_ADDR"))
        return response


class SignOut(LogoutView):
    http_method_names = ["post", "options"]


sign_in = SignIn.as_view()
sign_out = SignOut.as_view(next_page="sign-in")
