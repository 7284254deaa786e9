"""Settle pending deliveries now, and on request those in quarantine."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from clinics.commands import add_json_option, answer
from tenovi.inbound import deliveries
from tenovi.models import Delivery

EVERYTHING = 10**9


class Command(BaseCommand):
    help = "Settle pending deliveries now; with --all also try the quarantine again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="also what is in quarantine")
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        tried = deliveries.settle_pending(limit=EVERYTHING)
        if options["all"]:
            tried += deliveries.settle_quarantined(limit=EVERYTHING)
        waiting = Delivery.objects.across_clinics()
        pending, quarantined = waiting.unsettled().count(), waiting.waiting_for_attention().count()
        words = f"{tried} deliveries tried; {pending} pending, {quarantined} in quarantine."
        answer(self, options, words, tried=tried, pending=pending, quarantined=quarantined)
