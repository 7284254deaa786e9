"""Run tests under another clock, in every process of the run: servers, workers, commands."""

from __future__ import annotations

import datetime
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from launcher.install import install_debian_packages
from launcher.local import ROOT
from launcher.say import say

SOURCE = ROOT / "launcher" / "clock.c"
CLOCKS = {
    "a month has begun in UTC, not in New York": "2026-12-01T00:30:00Z",
    "the last half hour of a year": "2026-12-31T23:30:00Z",
    "the last day of February": "2027-02-28T23:30:00Z",
    "New York has skipped an hour": "2027-03-14T07:05:00Z",
    "New York has one hour twice": "2027-11-07T06:05:00Z",
}


@contextmanager
def clock_library() -> Iterator[Path | None]:
    """Compile `clock.c` for the time of the block. Yields None, and prints a loud line, where it cannot."""
    compiler = _find_or_install_compiler()
    if compiler is None:
        say("!!! NOT RUN: the tests under five clocks. They need Linux and a C compiler (cc).")
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="vitaldays-clock-") as name:
        library = Path(name, "clock.so")
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
        library.parent.chmod(0o711)  # PostgreSQL runs as another user when the tests run as root
        library.chmod(0o755)
        yield library


def environment_at(moment: str, library: Path) -> dict[str, str]:
    """Return the environment of a process whose clock shows `moment` (ISO 8601) now."""
    now = datetime.datetime.now(datetime.UTC)
    ahead = round((datetime.datetime.fromisoformat(moment) - now).total_seconds())
    return {**os.environ, "LD_PRELOAD": str(library), "CLOCK_AHEAD_SECONDS": str(ahead)}


def _find_or_install_compiler() -> str | None:
    if sys.platform != "linux":
        return None
    if not shutil.which("cc"):
        install_debian_packages("a C compiler, for the tests under other clocks", "gcc", "libc6-dev")
    return shutil.which("cc")
