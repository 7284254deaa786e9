"""Build the billing export: the columns of `docs/billing.md`, one row per patient, program and window."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from django.db import connection

from billing.report import RULES_VERSION, ReportRow, vital_days
from billing.thirty_days import thirty_day_rows
from billing.windows import Window
from clinics.models import BillingWindow, Clinic
from common.csv_cells import csv_lines

COLUMNS = (
    "clinic",
    "external_id",
    "patient_name",
    "program",
    "window_start",
    "window_end",
    "vital_days",
    "vendor_vital_days",
    "first_day",
    "last_day",
    "dates",
    "estimated_only_days",
    "devices",
    "supply_code",
    "care_minutes",
    "realtime_contact",
    "management_codes",
    "date_of_service",
    "status",
    "reasons",
    "day_rule",
    "rules_version",
    "generated_at",
)

DEVICES = """
SELECT array_to_string(ARRAY(
    SELECT DISTINCT m.hwi_device_id FROM measurements_measurement m
    WHERE m.clinic_id = %(clinic)s AND m.patient_id = row.patient_id AND m.program = row.program
      AND m.local_date BETWEEN row.first AND row.last AND m.counts
    ORDER BY m.hwi_device_id), ';')
FROM unnest(%(patients)s::uuid[], %(programs)s::text[], %(firsts)s::date[], %(lasts)s::date[])
     WITH ORDINALITY AS row (patient_id, program, first, last, number)
ORDER BY row.number
"""
"""Looked up by patient and date, so that it costs what its windows hold, however long the history is."""


def clocks(clinic: Clinic) -> str:
    """Return the clocks that decide a date, in their order, in words."""
    return (
        "the UTC offset sent with the reading, else by the patient's time zone, "
        f"else by the clinic's ({clinic.timezone})"
    )


def day_rule(clinic: Clinic) -> str:
    """Return the clinic's date rule in words, as it stands beside every number."""
    return f"Local date by {clocks(clinic)}"


def export_rows(
    clinic: Clinic, month: Window, *, kind: str = BillingWindow.MONTH, now: datetime.datetime
) -> Iterator[dict[str, str]]:
    """Return the report as text cells in the order of `COLUMNS`.

    A window is the calendar month, or each 30-day window that ends in it.
    """
    counted = thirty_day_rows if kind == BillingWindow.THIRTY_DAYS else vital_days
    rows = counted(clinic, month, now=now)
    shared = dict.fromkeys(COLUMNS, "") | {
        "clinic": clinic.slug,
        "status": "open",
        "day_rule": day_rule(clinic),
        "rules_version": RULES_VERSION,
        "generated_at": now.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    for row, devices in zip(rows, _devices(clinic, rows), strict=True):
        yield shared | {
            "external_id": row.external_id,
            "patient_name": row.patient_name,
            "program": row.program,
            "window_start": str(row.window.first),
            "window_end": str(row.window.last),
            "vital_days": str(row.days),
            "vendor_vital_days": str(row.vendor_days),
            "first_day": str(row.dates[0]) if row.dates else "",
            "last_day": str(row.dates[-1]) if row.dates else "",
            "dates": ";".join(map(str, row.dates)),
            "estimated_only_days": ";".join(map(str, row.estimated_only)),
            "devices": devices,
        }


def write_csv(rows: Iterable[dict[str, str]], file: TextIO) -> int:
    """Write RFC 4180, one header line, cells neutralised. Returns the number of rows."""
    lines = csv_lines(itertools.chain([COLUMNS], (row.values() for row in rows)))
    return sum(1 for line in lines if file.write(line)) - 1


def _devices(clinic: Clinic, rows: list[ReportRow]) -> list[str]:
    """Return, for each row, the devices whose readings earned its days."""
    columns: dict[str, Any] = {
        "clinic": clinic.id,
        "patients": [row.patient_id for row in rows],
        "programs": [row.program for row in rows],
        "firsts": [row.window.first for row in rows],
        "lasts": [row.window.last for row in rows],
    }
    with connection.cursor() as cursor:
        cursor.execute(DEVICES, columns)
        return [devices for (devices,) in cursor.fetchall()]
