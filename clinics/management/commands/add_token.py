"""Create an API token."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clinics import actions
from clinics.commands import add_json_option, answer
from clinics.models import User


class Command(BaseCommand):
    help = "Print a new API token for a person, once: it cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=options["email"].strip().lower()).first()
        if user is None:
            raise CommandError(f"Nobody has the e-mail address {options['email']}: see add_user.")
        token = actions.create_token(user=user, by=None)
        answer(self, options, token, email=user.email, token=token)
