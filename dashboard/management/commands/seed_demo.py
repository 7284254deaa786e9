"""Fill a clinic with a realistic, deterministic history."""

from __future__ import annotations

import datetime
import os
import time
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils import timezone

from clinics.actions import clinic_settings
from clinics.commands import add_json_option, answer, moment_from, one_line
from clinics.models import Clinic
from dashboard import demo
from dashboard.devices.gateway_alerts import watch_gateways
from tenovi.inbound.element import EARLIEST
from tenovi.sandbox import simulation


class Command(BaseCommand):
    help = "Load a simulated clinic with months of readings. The same arguments give the same history."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--clinic", default="demo", metavar="SLUG")
        parser.add_argument("--patients", type=int, default=24, metavar="N")
        parser.add_argument("--days", type=int, default=90, metavar="D")
        parser.add_argument(
            "--workers",
            type=int,
            default=os.cpu_count() or 1,
            metavar="N",
            help="processes that load readings, by default one for each core; the rows do not depend on it",
        )
        parser.add_argument("--until", metavar="ISO", help="end of the history (default: now)")
        parser.add_argument(
            "--with-people",
            action="store_true",
            help="also the demo sign-ins, whose password is public (make run does this)",
        )
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if min(options[name] for name in ("patients", "days", "workers")) < 1:
            raise CommandError("--patients, --days and --workers must be at least 1.")
        began = time.monotonic()
        until = _end(options["until"], options["days"])
        account = simulation.Clinic(demo.SEED, options["patients"], options["days"], until)
        clinic = self._clinic(options["clinic"])
        if options["with_people"]:
            demo.add_people(clinic)
        patients, devices = demo.add_account(clinic, account)
        demo.add_signals(clinic, account)
        demo.add_shipping(clinic, account)
        readings = self._add_history(clinic, account, options["workers"])
        watch_gateways(clinic, until)
        seconds = round(time.monotonic() - began, 1)
        words = (
            f"Clinic {clinic.slug}: {patients} patients, {devices} devices and {readings:,} readings added "
        )
        added = {"patients": patients, "devices": devices, "readings": readings}
        answer(self, options, f"{words}in {seconds:.0f} s.", clinic=clinic.slug, **added, seconds=seconds)

    def _add_history(self, clinic: Clinic, account: simulation.Clinic, workers: int) -> int:
        """Tells how far it is about once a minute."""
        if connection.in_atomic_block:
            workers = 1  # other connections would not see the clinic
        new, told = 0, time.monotonic()
        for number, added in enumerate(demo.add_history(clinic, account, workers=workers), start=1):
            new += added
            if time.monotonic() - told > 60:
                done = min(number * demo.SHARE, len(account.patients))
                self.stdout.write(f"{done:,} of {len(account.patients):,} patients: {new:,} readings")
                told = time.monotonic()
        return new

    def _clinic(self, slug: str) -> Clinic:
        """The clinic, made when there is none, with the sandbox's key and webhook secret when the
        environment has them."""
        if clinic := Clinic.objects.filter(slug=slug).first():
            return clinic
        try:
            clinic, _ = clinic_settings.save_clinic(
                slug=slug,
                name="Demo Clinic" if slug == "demo" else slug.replace("-", " ").title(),
                timezone="America/New_York",
                tenovi_domain="demo",
                api_key=os.environ.get("TENOVI_API_KEY"),
                by=None,
            )
        except ValidationError as error:
            raise CommandError(one_line(error)) from None
        username, password = os.environ.get("WEBHOOK_USERNAME"), os.environ.get("WEBHOOK_PASSWORD")
        if username and password:
            clinic_settings.add_webhook_secret(
                clinic=clinic, header="", username=username, password=password, by=None
            )
        return clinic


def _end(text: str | None, days: int) -> datetime.datetime:
    """When a history of so many days ends: all of it must be such as readings can have."""
    until = moment_from(text) if text else timezone.now()
    if days > (until - EARLIEST).days:
        raise CommandError(f"{days} days before {until:%Y-%m-%d} is before {EARLIEST:%Y-%m-%d}.")
    return until
