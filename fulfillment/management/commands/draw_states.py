"""`manage.py draw_states [--check]`: draws the states in docs/orders.md from the tables that decide."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from fulfillment.state_diagrams import redrawn


class Command(BaseCommand):
    help = "Draws the states of orders and parcels in docs/orders.md."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="change nothing, fail when the page is old")

    def handle(self, *args: Any, **options: Any) -> None:
        path = settings.BASE_DIR / "docs" / "orders.md"
        before = path.read_text(encoding="utf-8")
        after = redrawn(before)
        if options["check"] and after != before:
            raise CommandError("docs/orders.md is older than the states: run manage.py draw_states.")
        if after != before:
            path.write_text(after, encoding="utf-8")
        self.stdout.write("docs/orders.md is as it was." if after == before else "docs/orders.md is drawn.")
