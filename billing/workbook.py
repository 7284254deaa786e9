"""Write the billing export as a file: CSV, or an XLSX workbook with the same cells and numbers as numbers.

The same inputs give the same bytes: only `generated_at` tells when the file was written.
"""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable, Iterable

import xlsxwriter

from billing.export import COLUMNS, write_csv
from common.csv_cells import neutralised

NUMBERS = {"vital_days", "vendor_vital_days", "care_minutes"}
WIDE = {"patient_name": 26, "dates": 40, "devices": 38, "day_rule": 60, "generated_at": 22, "external_id": 16}
Rows = Iterable[dict[str, str]]
MADE = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)


def csv_file(rows: Rows) -> tuple[bytes, int]:
    """Return the rows of `billing.export.export_rows` as UTF-8 CSV, and how many there are."""
    text = io.StringIO(newline="")
    count = write_csv(rows, text)
    return text.getvalue().encode(), count


def workbook(rows: Rows) -> tuple[bytes, int]:
    """Return the same rows as a workbook."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(
        file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    book.set_properties({"created": MADE.replace(tzinfo=None), "title": "Vital days"})
    sheet = book.add_worksheet("Vital days")
    sheet.freeze_panes(1, 2)
    head = book.add_format({"bold": True, "bottom": 1})
    for position, column in enumerate(COLUMNS):
        sheet.write_string(0, position, column, head)
        sheet.set_column(position, position, WIDE.get(column, 13))
    count = 0
    for count, row in enumerate(rows, start=1):  # the last number is the count
        for position, (column, text) in enumerate(row.items()):
            if column in NUMBERS and text:
                sheet.write_number(count, position, int(text))
            else:
                sheet.write_string(count, position, neutralised(text))
    sheet.autofilter(0, 0, count, len(COLUMNS) - 1)
    book.close()
    return file.getvalue(), count


FORMATS: dict[str, Callable[[Rows], tuple[bytes, int]]] = {"csv": csv_file, "xlsx": workbook}
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
