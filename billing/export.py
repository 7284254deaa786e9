"""The billing export: the columns of `docs/billing.md`, one row per patient, program and window."""

from __future__ import annotations

import csv
import datetime
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from billing.report import RULES_VERSION, vital_days
from billing.windows import Window
from clinics.models import Clinic
from measurements.models import Measurement

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
RUNS_IN_A_SPREADSHEET = ("=", "+", "-", "@", "\t", "\r", "\0")


def clocks(clinic: Clinic) -> str:
    """The clocks that decide a date, in their order, in words."""
    return (
        "the UTC offset sent with the reading, else by the patient's time zone, "
        f"else by the clinic's ({clinic.timezone})"
    )


def day_rule(clinic: Clinic) -> str:
    """The clinic's date rule in words, as it stands beside every number."""
    return f"Local date by {clocks(clinic)}"


def export_rows(clinic: Clinic, window: Window, *, now: datetime.datetime) -> Iterator[dict[str, str]]:
    """The report as text cells, neutralised, in the order of `COLUMNS`."""
    devices = _devices(clinic, window)
    for row in vital_days(clinic, window, now=now):
        cells: dict[str, Any] = {
            "clinic": clinic.slug,
            "external_id": row.external_id,
            "patient_name": row.patient_name,
            "program": row.program,
            "window_start": row.window.first,
            "window_end": row.window.last,
            "vital_days": row.days,
            "vendor_vital_days": len(row.vendor_dates),
            "first_day": row.dates[0] if row.dates else "",
            "last_day": row.dates[-1] if row.dates else "",
            "dates": _joined(row.dates),
            "estimated_only_days": _joined(row.estimated_only),
            "devices": _joined(devices[row.patient_id, row.program]),
            "status": "open",
            "day_rule": day_rule(clinic),
            "rules_version": RULES_VERSION,
            "generated_at": now.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        yield {column: neutralised(str(cells.get(column, ""))) for column in COLUMNS}


def write_csv(rows: Iterable[dict[str, str]], file: TextIO) -> int:
    """RFC 4180, one header line; the number of rows written."""
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    written = 0
    for row in rows:
        writer.writerow(row)
        written += 1
    return written


def neutralised(text: str) -> str:
    """Text that a spreadsheet program would run is shown, not run."""
    return f"'{text}" if text.startswith(RUNS_IN_A_SPREADSHEET) else text


def _joined(values: Iterable[Any]) -> str:
    return ";".join(str(value) for value in values)


def _devices(clinic: Clinic, window: Window) -> defaultdict[tuple[uuid.UUID, str], list[uuid.UUID]]:
    """The devices whose readings earned the days, by patient and program."""
    found: defaultdict[tuple[uuid.UUID, str], list[uuid.UUID]] = defaultdict(list)
    rows = (
        Measurement.objects.for_clinic(clinic)
        .filter(counts=True, patient__isnull=False, local_date__range=(window.first, window.last))
        .values_list("patient_id", "program", "hwi_device_id")
        .distinct()
        .order_by("hwi_device_id")
    )
    for patient_id, program, hwi_device_id in rows:
        found[patient_id, program].append(hwi_device_id)
    return found
