"""Forms of people and their accounts. Labels and messages are what people read beside the fields."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.contrib.auth.forms import AuthenticationForm, SetPasswordForm
from django.http import HttpRequest

from clinics.models import User
from common.forms import StyledForm


class SignInForm(AuthenticationForm):
    """E-mail and password; what is wrong with them is said by the page, the same whatever it is."""

    def clean_username(self) -> str:
        return str(self.cleaned_data["username"]).strip().lower()


class CodeForm(StyledForm):
    """A code of the authenticator app, or a recovery code."""

    code = forms.CharField(
        label="Code",
        max_length=40,
        widget=forms.TextInput({"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false"}),
    )


class ForgottenPassword(StyledForm):
    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        widget=forms.EmailInput({"autocomplete": "username", "autofocus": True}),
    )


class ChoosePassword(StyledForm, SetPasswordForm):  # type: ignore[type-arg]
    """A new password, twice. The rules are those of the settings."""


class PasswordAgain(StyledForm):
    """For what a stranger at an unlocked screen must not do. Wrong tries count as failed sign-ins."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )

    def __init__(self, request: HttpRequest, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request, self.person = request, user

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        if authenticate(self.request, username=self.person.email, password=password) is None:
            raise forms.ValidationError("This is not your password, or there were too many wrong tries.")
        return password


class ChangePassword(PasswordAgain):
    """The present password and a new one, twice."""

    new_password1 = forms.CharField(
        label="New password",
        strip=False,
        help_text="At least 12 characters, and not a common one.",
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )
    new_password2 = forms.CharField(
        label="New password again",
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        """The new password is judged by the form that judges it everywhere."""
        chosen = ChoosePassword(self.person, self.data)
        for field, errors in chosen.errors.items():
            if field not in self.errors:
                self.add_error(field, list(errors))
        return self.cleaned_data
