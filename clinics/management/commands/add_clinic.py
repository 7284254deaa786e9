"""Create or update a clinic."""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.urls import reverse

from clinics.actions import clinic_settings
from clinics.commands import add_json_option, answer, one_line, secret_from
from clinics.models import Clinic
from clinics.webhook_secrets import TwoAreValid


class Command(BaseCommand):
    help = (
        "Create or update a clinic. Secrets come from TENOVI_API_KEY, WEBHOOK_USERNAME and "
        "WEBHOOK_PASSWORD, or from a prompt; an existing clinic keeps those that are not set."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("--name", required=True)
        parser.add_argument("--timezone", required=True, metavar="TZ")
        parser.add_argument("--tenovi-domain", required=True, metavar="D")
        parser.add_argument(
            "--webhook-header",
            metavar="HEADER",
            default="",
            help="take WEBHOOK_PASSWORD in this header instead of HTTP Basic",
        )

        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        exists = Clinic.objects.filter(slug=options["slug"]).exists()
        header = options["webhook_header"]
        api_key = self._secret("TENOVI_API_KEY", "Tenovi API key", exists)
        username = None if header else self._secret("WEBHOOK_USERNAME", "Webhook user name", exists)
        password = self._secret("WEBHOOK_PASSWORD", "Webhook password", exists)
        if not header and bool(username) != bool(password):
            raise CommandError("WEBHOOK_USERNAME and WEBHOOK_PASSWORD go together.")
        try:
            with transaction.atomic():
                clinic, created = clinic_settings.save_clinic(
                    slug=options["slug"],
                    name=options["name"],
                    timezone=options["timezone"],
                    tenovi_domain=options["tenovi_domain"],
                    api_key=api_key,
                    by=None,
                )
                if password:
                    clinic_settings.add_webhook_secret(
                        clinic=clinic, header=header, username=username or "", password=password, by=None
                    )
        except TwoAreValid as error:
            page = reverse("webhook-secrets", args=[options["slug"]])
            raise CommandError(
                f"{error} Its page is {settings.PUBLIC_URL}{page}; nothing was changed."
            ) from None
        except ValidationError as error:
            raise CommandError(one_line(error)) from None
        except ValueError as error:
            raise CommandError(str(error)) from None
        address = f"/webhooks/{clinic.slug}/measurements/"
        verb = "created" if created else "updated"
        words = f"Clinic {clinic.slug} {verb}; its webhooks go to {address}."
        answer(self, options, words, clinic=clinic.slug, created=created, webhook=address)

    def _secret(self, variable: str, prompt: str, exists: bool) -> str | None:
        return os.environ.get(variable) or None if exists else secret_from(variable, prompt)
