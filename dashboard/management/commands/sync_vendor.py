"""Fetch what the vendor knows about a clinic, through the queue."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Sum

from clinics.commands import add_json_option, answer, clinic_of
from clinics.models import Clinic
from devices.from_vendor import settle_what_became_known
from devices.sync import KINDS, ask_for_everything
from measurements.reclassify import claim_readings
from tenovi.models import Call, Request, RequestKind
from tenovi.outbound.api_keys import NOT_SET_UP, UNREADABLE, why_nothing_is_sent
from tenovi.outbound.sender import drain
from tenovi.querysets import RequestQuerySet

COUNTED = {
    "devices": RequestKind.DEVICES,
    "patients": RequestKind.PATIENTS,
    "gateways": RequestKind.GATEWAYS,
    "device_types": RequestKind.DEVICE_TYPES,
}
LONG = 45.0  # seconds: a pause of the key that is not worth waiting for


class Command(BaseCommand):
    help = "Fetch a clinic's patients, devices and gateways from Tenovi, at one request a second."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--clinic", required=True, metavar="SLUG")
        parser.add_argument("--wait", action="store_true", help="until everything has been answered")
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        clinic = clinic_of(options["clinic"])
        if (reason := why_nothing_is_sent(clinic)) in (NOT_SET_UP, UNREADABLE):
            raise CommandError(reason)
        before = Call.objects.for_clinic(clinic).newest_first().values_list("id", flat=True).first() or 0
        ask_for_everything(clinic, insist=True)
        counts = {**dict.fromkeys(COUNTED, 0), "requests": len(KINDS), "failed": 0}
        if options["wait"]:
            self._wait(clinic)
            counts = _counts(clinic, after=before)
        verb = "answered" if options["wait"] else "queued"
        words = (
            f"{counts['requests']} requests {verb}; {counts['patients']} patients, "
            f"{counts['devices']} devices, {counts['gateways']} gateways, {counts['failed']} failed."
        )
        answer(self, options, words, **counts)
        if parked := _of_this_sync(clinic).parked().first():
            raise CommandError(f"{RequestKind(parked.kind).label}: {parked.reason}")

    def _wait(self, clinic: Clinic) -> None:
        """Workers do the sending, if there are any; otherwise it is done here, in the same line."""
        shown = ""
        while waiting := list(_of_this_sync(clinic).unanswered().order_by("kind")):
            if (progress := _progress(clinic, waiting)) != shown:
                shown = progress
                self.stdout.write(progress)
            if reason := why_nothing_is_sent(clinic, for_seconds=LONG):
                raise CommandError(f"{reason} The requests stay in the queue.")
            done = drain(seconds=2)
            if done.stalled:
                raise CommandError("Redis is away. The requests stay in the queue until it is back.")
            if not done.sent:
                time.sleep(0.3)
        settle_what_became_known()
        claim_readings()


def _of_this_sync(clinic: Clinic) -> RequestQuerySet:
    return Request.objects.for_clinic(clinic).filter(kind__in=KINDS)


def _progress(clinic: Clinic, waiting: list[Request]) -> str:
    parts = []
    for request in waiting:
        pages = f"page {request.pages + 1}" + (f" of {request.total:,} rows" if request.total else "")
        parts.append(f"{RequestKind(request.kind).label}: {request.reason or pages}")
    return "; ".join([*parts, *filter(None, [why_nothing_is_sent(clinic)])])


def _counts(clinic: Clinic, *, after: int) -> dict[str, int]:
    calls = Call.objects.for_clinic(clinic).filter(id__gt=after, kind__in=KINDS)
    stored = {}
    for name, kind in COUNTED.items():
        sums = calls.filter(kind=kind).aggregate(
            items=Sum("items", default=0), failed=Sum("failed", default=0)
        )
        stored[name] = sums["items"] - sums["failed"]
    failed = calls.aggregate(failed=Sum("failed", default=0))["failed"]
    return {
        **stored,
        "requests": calls.count(),
        "failed": failed + _of_this_sync(clinic).parked().count(),
    }
