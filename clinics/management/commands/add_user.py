"""Create a person, or give one a role."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from clinics.actions import people
from clinics.commands import add_json_option, answer, clinic_of, one_line, secret_from
from clinics.models import Role, User


class Command(BaseCommand):
    help = (
        "Create a person, or give an existing one a role. The password comes from USER_PASSWORD or a "
        "prompt. A member of a clinic is never an operator."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--clinic", metavar="SLUG")
        parser.add_argument("--role", choices=Role.values)
        parser.add_argument("--operator", action="store_true")
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["clinic"]) != bool(options["role"]):
            raise CommandError("--clinic and --role go together.")
        if not options["clinic"] and not options["operator"]:
            raise CommandError("Say what the person may do: --clinic SLUG --role ROLE, or --operator.")
        if options["clinic"] and options["operator"]:
            raise CommandError("A member is never an operator: give --clinic and --role, or --operator.")
        clinic = clinic_of(options["clinic"]) if options["clinic"] else None
        exists = User.objects.filter(email=options["email"].strip().lower()).exists()
        password = None if exists else secret_from("USER_PASSWORD", "Password")
        try:
            with transaction.atomic():
                user, created = people.save_user(
                    email=options["email"], password=password, is_operator=options["operator"], by=None
                )
                if clinic:
                    people.grant_role(user=user, clinic=clinic, role=options["role"], by=None)
        except ValidationError as error:
            raise CommandError(one_line(error)) from None
        except people.OperatorIsNoMember as error:
            raise CommandError(str(error)) from None
        except people.LastAdmin:
            raise CommandError(f"{clinic} keeps at least one admin: give that role first.") from None
        what = [f"{options['role']} of {clinic.slug}"] if clinic else []
        what += ["operator"] if user.is_operator else []
        answer(
            self,
            options,
            f"{user.email} {'created' if created else 'found'}: {', '.join(what)}.",
            email=user.email,
            created=created,
            clinic=clinic.slug if clinic else None,
            role=options["role"],
            operator=user.is_operator,
        )
