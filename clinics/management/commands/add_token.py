"""Create an API token."""

from __future__ import annotations

import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clinics.actions import people
from clinics.commands import add_json_option, answer
from clinics.models import User

MOST_DAYS = 3650


class Command(BaseCommand):
    help = "Print a new API token for a person, once: it cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--name", default="", help="what it is for, so that its person knows it again")
        parser.add_argument(
            "--days", type=int, default=people.TOKEN_VALID_FOR.days, help="how long it is good; 0 for ever"
        )
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=options["email"].strip().lower()).first()
        if user is None:
            raise CommandError(f"Nobody has the e-mail address {options['email']}: see add_user.")
        if not 0 <= options["days"] <= MOST_DAYS:
            raise CommandError(f"--days is from 1 to {MOST_DAYS}, or 0 for ever.")
        valid_for = datetime.timedelta(days=options["days"]) or None
        name = options["name"].strip()[:100]
        token = people.create_token(user=user, by=None, name=name, valid_for=valid_for)
        answer(self, options, token, email=user.email, token=token)
