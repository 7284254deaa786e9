"""Dates and times for people are written in one place, `common.formats`."""

from __future__ import annotations

import re
from pathlib import Path

from tests.test_architecture import MODULES, named

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.*"))

MACHINES = {
    "billing/export.py": "when a file was made, ISO 8601 in UTC",
    "common/iso_dates.py": "months in paths and queries",
    "common/formats/__init__.py": "the place itself: the offset of a zone",
    "dashboard/management/commands/reconcile.py": "dates as the command line takes them",
    "dashboard/management/commands/seed_demo.py": "dates as the command line takes them",
    "dashboard/patients/charts.py": "JSON that scripts read",
    "measurements/reconcile.py": "names of requests, and parameters of Tenovi's API",
    "measurements/reconcile_schedule.py": "names of runs",
}
"""Modules that format a date for a machine, and which one."""

IN_CODE = re.compile(r"\bstrftime\(|\{[^{}\n]*:%[^{}\n]*\}|\bdate_format\(|\bdateformat\b")
IN_TEMPLATES = re.compile(r"\|(?:date|time|timesince|timeuntil|naturaltime|naturalday)\b|\{%-? *now\b")


def test_no_module_formats_a_date_by_itself() -> None:
    found = {named(path) for path in MODULES if IN_CODE.search(path.read_text(encoding="utf-8"))}
    assert found == set(MACHINES)


def test_no_template_formats_a_date_by_itself() -> None:
    found = [path.name for path in TEMPLATES if IN_TEMPLATES.search(path.read_text(encoding="utf-8"))]
    assert found == []
