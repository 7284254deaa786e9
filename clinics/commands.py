"""What management commands share: finding a clinic, asking for a secret, answering in JSON."""

from __future__ import annotations

import datetime
import getpass
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

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


def moment_from(text: str) -> datetime.datetime:
    """A date or time in ISO 8601 as UTC, which it is unless it says otherwise; or a one-line error."""
    try:
        moment = datetime.datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        raise CommandError(
            f"“{text}” is not a moment: write ISO 8601, for example 2026-10-01T00:00:00Z."
        ) from None


def one_line(error: ValidationError) -> str:
    """What is wrong, with the name of the field where there is one."""
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return " ".join(
        f"{field.replace('_', ' ').capitalize()}: {' '.join(messages)}"
        for field, messages in error.message_dict.items()
    )


def add_json_option(parser: CommandParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")


def answer(command: BaseCommand, options: Mapping[str, Any], words: str, **facts: Any) -> None:
    """Say what was done: in words, or with `--json` as one object."""
    command.stdout.write(json.dumps(facts) if options["json"] else words)
