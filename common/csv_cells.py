"""Cells that a spreadsheet program shows and never runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

RUNS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """RFC 4180, a line at a time. A cell that would be a formula gets an apostrophe in front."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    for row in rows:
        writer.writerow([neutralised(str(cell)) for cell in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def neutralised(text: str) -> str:
    """Text that a spreadsheet program would run is shown, not run."""
    text = text.replace("\0", "␀")
    return f"'{text}" if text.lstrip(" ").startswith(RUNS) else text
