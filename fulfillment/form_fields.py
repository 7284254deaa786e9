"""Fields that forms of orders and of special orders share."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import validate_email

CHECKS = {"class": "form-check-input"}


MOST_EMAILS = 10


class Emails(forms.CharField):
    """Addresses separated by commas, as the vendor wants them."""

    def clean(self, value: Any) -> str:
        given = [one.strip() for one in str(super().clean(value)).replace(";", ",").split(",") if one.strip()]
        if len(given) > MOST_EMAILS:
            raise forms.ValidationError(f"At most {MOST_EMAILS} addresses.")
        for one in given:
            try:
                validate_email(one)
            except forms.ValidationError:
                raise forms.ValidationError(f"{one} is not an e-mail address.") from None
        return ",".join(given)
