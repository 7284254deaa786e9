"""Settle what is still waiting."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from tenovi import inbox
from tenovi.models import Delivery


class Command(BaseCommand):
    help = "Settle pending deliveries now; with --all also try the quarantine again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="also what is in quarantine")

    def handle(self, *args: Any, **options: Any) -> None:
        tried = inbox.settle_pending()
        if options["all"]:
            tried += inbox.settle_quarantined()
        waiting = Delivery.objects.across_clinics()
        self.stdout.write(
            f"{tried} deliveries tried; {waiting.unsettled().count()} pending, "
            f"{waiting.waiting_for_attention().count()} in quarantine."
        )
