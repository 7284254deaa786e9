"""Write the billing report of one month."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.export import export_rows
from billing.windows import Window
from billing.workbook import FORMATS
from clinics.commands import add_json_option, answer, clinic_of
from clinics.models import BillingWindow


class Command(BaseCommand):
    help = "Write the vital days of a month, to standard output or to a file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--clinic", required=True, metavar="SLUG")
        parser.add_argument("--month", required=True, metavar="YYYY-MM")
        parser.add_argument(
            "--window",
            choices=BillingWindow.values,
            help="the calendar month, or the 30-day windows that end in it; the clinic's setting by default",
        )
        parser.add_argument("--format", choices=sorted(FORMATS), default="csv")
        parser.add_argument("--output", metavar="FILE", type=Path)
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        clinic = clinic_of(options["clinic"])
        try:
            month = Window.of_month(options["month"])
        except ValueError as error:
            raise CommandError(str(error)) from None
        output, form, wants_json = (options[name] for name in ("output", "format", "json"))
        if wants_json and form != "csv" and not output:
            raise CommandError("--json needs --output here: a workbook cannot be followed by a line.")
        window = options["window"] or clinic.billing_window
        content, count = FORMATS[form](export_rows(clinic, month, kind=window, now=timezone.now()))
        if output:
            self._write(output, content)
        elif form == "csv":
            self.stdout.write(content.decode(), ending="")
        else:
            sys.stdout.buffer.write(content)
        if output or wants_json:
            facts = {"clinic": clinic.slug, "month": month.month, "window": window, "rows": count}
            answer(self, options, f"{count} rows written to {output}.", **facts, output=str(output or ""))

    def _write(self, output: Path, content: bytes) -> None:
        try:
            output.write_bytes(content)
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}.") from None
