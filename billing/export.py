"""The billing export: the columns of `docs/billing.md`, one row per patient, program and window."""

from __future__ import annotations

import datetime
import itertools
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from billing.report import RULES_VERSION, ReportRow, vital_days
from billing.thirty_days import thirty_day_rows
from billing.windows import Window
from clinics.models import BillingWindow, Clinic
from clinics.spreadsheet import csv_lines
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


def clocks(clinic: Clinic) -> str:
    """The clocks that decide a date, in their order, in words."""
    return (
        "the UTC offset sent with the reading, else by the patient's time zone, "
        f"else by the clinic's ({clinic.timezone})"
    )


def day_rule(clinic: Clinic) -> str:
    """The clinic's date rule in words, as it stands beside every number."""
    return f"Local date by {clocks(clinic)}"


def export_rows(
    clinic: Clinic, month: Window, *, kind: str = BillingWindow.MONTH, now: datetime.datetime
) -> Iterator[dict[str, str]]:
    """The report as text cells in the order of `COLUMNS`: the calendar month, or the 30-day windows
    that end in it."""
    counted = thirty_day_rows if kind == BillingWindow.THIRTY_DAYS else vital_days
    rows = counted(clinic, month, now=now)
    devices = _devices(clinic, rows)
    for row in rows:
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
            "devices": _joined(devices[row.patient_id, row.program, row.window.first]),
            "status": "open",
            "day_rule": day_rule(clinic),
            "rules_version": RULES_VERSION,
            "generated_at": now.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        yield {column: str(cells.get(column, "")) for column in COLUMNS}


def write_csv(rows: Iterable[dict[str, str]], file: TextIO) -> int:
    """RFC 4180, one header line, cells neutralised; the number of rows written."""
    lines = csv_lines(itertools.chain([COLUMNS], ([row[column] for column in COLUMNS] for row in rows)))
    return sum(1 for line in lines if file.write(line)) - 1


def _joined(values: Iterable[Any]) -> str:
    return ";".join(str(value) for value in values)


def _devices(
    clinic: Clinic, rows: list[ReportRow]
) -> defaultdict[tuple[uuid.UUID, str, datetime.date], list[uuid.UUID]]:
    """The devices whose readings earned the days, by patient, program and start of window."""
    found: defaultdict[tuple[uuid.UUID, str, datetime.date], list[uuid.UUID]] = defaultdict(list)
    if not rows:
        return found
    windows: defaultdict[tuple[uuid.UUID, str], list[Window]] = defaultdict(list)
    for row in rows:
        windows[row.patient_id, row.program].append(row.window)
    reach = (min(row.window.first for row in rows), max(row.window.last for row in rows))
    earned = (
        Measurement.objects.for_clinic(clinic)
        .filter(counts=True, patient__isnull=False, local_date__range=reach)
        .values_list("patient_id", "program", "hwi_device_id", "local_date")
        .distinct()
        .order_by("hwi_device_id")
    )
    for patient_id, program, hwi_device_id, date in earned:
        for window in windows[patient_id, program]:
            named = found[patient_id, program, window.first]
            if window.first <= date <= window.last and hwi_device_id not in named[-1:]:
                named.append(hwi_device_id)
    return found
