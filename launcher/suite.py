"""Run every test, then those of the date under five clocks: `python -m launcher.suite`.

Exit code 0 if all pass.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from launcher import children
from launcher.clocks import CLOCKS, clock_library, environment_at
from launcher.local import ROOT
from launcher.say import line, say

PYTEST = [sys.executable, "-m", "pytest"]
ON_ALL_CORES = ["-n", "auto", "--maxprocesses", "4", "--dist", "worksteal"]
GIVEN = ("DATABASE_URL", "REDIS_URL", "DATABASE_URL_FILE", "REDIS_URL_FILE")


def main() -> int:
    shared = any(os.environ.get(name) for name in GIVEN)  # processes of a run would meet on them
    try:
        codes = [_run([] if shared else ON_ALL_CORES).returncode]
        with clock_library() as library:
            if library:
                codes += _run_under_clocks(library, at_once=1 if shared else os.cpu_count() or 1)
    except KeyboardInterrupt:
        return 130
    return next((code for code in codes if code), 0)


def _run_under_clocks(library: Path, *, at_once: int) -> list[int]:
    """Run the tests of the date once for each clock. The output of a run is shown at its end."""
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(partial(_run_under_clock, library), CLOCKS))


def _run_under_clock(library: Path, clock: str) -> int:
    ended = _run(["-q", "-m", "clock"], environment_at(CLOCKS[clock], library), output=subprocess.PIPE)
    say(f"The clock says {CLOCKS[clock]}: {clock}")
    line(ended.stdout)
    return ended.returncode


def _run(
    arguments: list[str], environment: Mapping[str, str] | None = None, *, output: int | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PYTEST, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        text=True,
        check=False,
        preexec_fn=children.dies_with(os.getpid(), signal.SIGTERM),
    )


if __name__ == "__main__":
    sys.exit(main())
