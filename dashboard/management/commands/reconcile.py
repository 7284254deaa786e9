"""Fetch what webhooks missed, through the queue."""

from __future__ import annotations

import datetime
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count, Q, Sum
from django.utils import timezone

from clinics.commands import add_json_option, answer, clinic_of, moment_from
from clinics.models import Clinic
from devices.from_vendor import settle_what_became_known
from measurements.models import Cause, DeviceCheck, Reconciliation
from measurements.reconcile import BACK, finish_runs, start
from patients.models import Patient
from tenovi.inbound.element import EARLIEST
from tenovi.outbound.api_keys import NOT_SET_UP, UNREADABLE, why_nothing_is_sent
from tenovi.outbound.sender import drain

LONG = 45.0  # seconds: a pause of the key that is not worth waiting for


class Command(BaseCommand):
    help = "Compare a clinic's readings with what Tenovi holds, and store what is missing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--clinic", required=True, metavar="SLUG")
        parser.add_argument(
            "--since", metavar="ISO", help="received by the vendor since then (default: 3 days ago)"
        )
        parser.add_argument(
            "--patient", metavar="ID", help="only this patient: each device they ever had, and their list"
        )
        parser.add_argument("--wait", action="store_true", help="until every device has been answered")
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        clinic = clinic_of(options["clinic"])
        if (reason := why_nothing_is_sent(clinic)) in (NOT_SET_UP, UNREADABLE):
            raise CommandError(reason)
        patient = self._patient(clinic, options["patient"]) if options["patient"] else None
        run = start(
            clinic=clinic, cause=Cause.PERSON, since=_since(options["since"]), by=None, patient=patient
        )
        assert run is not None  # only scheduled runs have a slot that may be taken
        if options["wait"]:
            self._wait(run)
        figures = figures_of(run)
        verb = "compared" if options["wait"] else "queued"
        words = (
            f"{figures['devices']} devices {verb} in {figures['requests']} requests: {figures['fetched']} readings "
            f"fetched, {figures['missing']} were missing, {figures['stored']} stored, "
            f"{figures['unverified']} not verified."
        )
        answer(self, options, words, **figures)

    def _patient(self, clinic: Clinic, external_id: str) -> Patient:
        found = Patient.objects.for_clinic(clinic).with_external_id(external_id).first()
        if found is None:
            raise CommandError(f"{clinic.slug} has no patient with the id “{external_id}”.")
        return found

    def _wait(self, run: Reconciliation) -> None:
        """Workers do the sending, if there are any; otherwise it is done here, in the same line."""
        shown = ""
        while not Reconciliation.objects.for_clinic(run.clinic).get(id=run.id).finished_at:
            waiting = DeviceCheck.objects.for_clinic(run.clinic).waiting().filter(reconciliation=run).count()
            progress = " ".join([f"{waiting} devices to go.", why_nothing_is_sent(run.clinic)]).strip()
            if progress != shown:
                shown = progress
                self.stderr.write(progress)
            if reason := why_nothing_is_sent(run.clinic, for_seconds=LONG):
                raise CommandError(f"{reason} The requests stay in the queue.")
            done = drain(seconds=2)
            if done.stalled:
                raise CommandError("Redis is away. The requests stay in the queue until it is back.")
            finish_runs(run.clinic)
            if not done.sent:
                time.sleep(0.3)
        settle_what_became_known()


def figures_of(run: Reconciliation) -> dict[str, int]:
    """The published figures of a run so far."""
    checks = DeviceCheck.objects.for_clinic(run.clinic).filter(reconciliation=run)
    sums = checks.aggregate(
        devices=Count("device"),
        requests=Sum("requests", default=0),
        fetched=Sum("fetched", default=0),
        missing=Sum("missing", default=0),
        stored=Sum("stored", default=0),
        unverified=Count("id", filter=Q(state__in=["unverified", "waiting"])),
    )
    return {name: int(number) for name, number in sums.items()}


def _since(text: str | None) -> datetime.datetime:
    now = timezone.now()
    if text is None:
        return now - BACK[Cause.NIGHTLY]
    since = moment_from(text)
    if not EARLIEST <= since <= now:
        raise CommandError(f"“{text}” is not between {EARLIEST:%Y-%m-%d} and now.")
    return since
