"""Write the billing report of one month."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.export import export_rows, write_csv
from billing.windows import Window
from clinics.commands import clinic_of


class Command(BaseCommand):
    help = "Write the vital days of a month as CSV, to standard output or to a file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--clinic", required=True, metavar="SLUG")
        parser.add_argument("--month", required=True, metavar="YYYY-MM")
        parser.add_argument("--window", choices=["month"], default="month")
        parser.add_argument("--format", choices=["csv"], default="csv")
        parser.add_argument("--output", metavar="FILE", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        clinic = clinic_of(options["clinic"])
        try:
            window = Window.of_month(options["month"])
        except ValueError as error:
            raise CommandError(str(error)) from None
        rows = export_rows(clinic, window, now=timezone.now())
        if options["output"] is None:
            write_csv(rows, sys.stdout)
            return
        try:
            with options["output"].open("w", encoding="utf-8", newline="") as file:
                count = write_csv(rows, file)
        except OSError as error:
            raise CommandError(f"{options['output']} cannot be written: {error.strerror}.") from None
        self.stdout.write(f"{count} rows written to {options['output']}.")
