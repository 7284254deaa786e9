"""Print one line for each step of the launcher, with the seconds since its start."""

from __future__ import annotations

import os
import sys
import threading
import time

_STARTED = "VITALDAYS_STARTED"  # survives the change from the system's Python to the one in .venv
_lock = threading.Lock()


def say(text: str) -> None:
    """Print a line to standard output at once."""
    began = float(os.environ.setdefault(_STARTED, str(time.time())))
    line(f"[{max(0.0, time.time() - began):5.1f} s] {text}")


def line(text: str) -> None:
    """Print a line as it is. Lines of several threads never mix, and a closed terminal is no failure."""
    with _lock:
        try:
            print(text, flush=True)
        except OSError:
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115
