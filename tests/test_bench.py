"""`make bench` works: everything it compares runs, and stores the same rows."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bench.table import Line
from launcher.local import ROOT


@pytest.mark.timeout(900)
def test_a_quick_run_fills_the_table() -> None:
    own = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "CREDENTIALS_KEY")
    environment = {name: value for name, value in os.environ.items() if name not in own}
    ended = subprocess.run(
        [sys.executable, "-m", "launcher.bench", "--quick"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=850,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    rows = [text for text in ended.stdout.splitlines() if text.endswith((" met", " missed"))]
    assert len(rows) == 9, ended.stdout
    assert "each reading stored once" in ended.stdout


def test_the_median_of_the_rounds_is_held_against_the_aim() -> None:
    ratio = Line("", "%", [0.9, 0.2, 0.3], at_least=0.25)
    assert (ratio.figure, ratio.aim, ratio.spread, ratio.verdict) == ("30 %", "≥ 25 %", "20 % – 90 %", "met")
    assert Line("", "×", [4.5], at_most=4).verdict == "missed"
    assert Line("", "ms", [1234.5]).verdict == ""
