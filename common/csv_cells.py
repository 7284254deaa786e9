"""Write CSV whose cells a spreadsheet program shows and never runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

RUNS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Yield the lines of a CSV file (RFC 4180). A cell that would be a formula gets an apostrophe in front."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    for row in rows:
        writer.writerow([neutralised(str(cell)) for cell in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def neutralised(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet program would run."""
    text = text.replace("\0", "␀")
    return f"'{text}" if text.lstrip(" ").startswith(RUNS) else text
