"""What management commands share: finding a clinic, asking for a secret, answering in JSON."""

from __future__ import annotations

import getpass
import os
import sys

from django.core.management.base import CommandError

from clinics.models import Clinic


def clinic_of(slug: str) -> Clinic:
    """The clinic of this slug, or a one-line error."""
    try:
        return Clinic.objects.get(slug=slug)
    except Clinic.DoesNotExist:
        known = ", ".join(Clinic.objects.order_by("slug").values_list("slug", flat=True)) or "none yet"
        raise CommandError(f"There is no clinic “{slug}” (known: {known}).") from None


def secret_from(variable: str, prompt: str) -> str:
    """A secret from the environment, or typed at a prompt; never from the command line."""
    if value := os.environ.get(variable, ""):
        return value
    if not sys.stdin.isatty():
        raise CommandError(f"{variable} is not set, and there is no terminal to ask at.")
    return getpass.getpass(f"{prompt}: ")
