"""Create or update a clinic."""

from __future__ import annotations

import os
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from clinics import actions
from clinics.commands import secret_from
from clinics.models import Clinic


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

    def handle(self, *args: Any, **options: Any) -> None:
        exists = Clinic.objects.filter(slug=options["slug"]).exists()
        header = options["webhook_header"]
        api_key = self._secret("TENOVI_API_KEY", "Tenovi API key", exists)
        username = "" if header else self._secret("WEBHOOK_USERNAME", "Webhook user name", exists)
        password = self._secret("WEBHOOK_PASSWORD", "Webhook password", exists)
        try:
            clinic, created = actions.save_clinic(
                slug=options["slug"],
                name=options["name"],
                timezone=options["timezone"],
                tenovi_domain=options["tenovi_domain"],
                api_key=api_key,
                by=None,
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        if password:
            actions.add_webhook_secret(
                clinic=clinic, header=header, username=username or "", password=password, by=None
            )
        verb = "created" if created else "updated"
        self.stdout.write(
            f"Clinic {clinic.slug} {verb}; its webhooks go to /webhooks/{clinic.slug}/measurements/."
        )

    def _secret(self, variable: str, prompt: str, exists: bool) -> str | None:
        return os.environ.get(variable) if exists else secret_from(variable, prompt)
