"""Limit how long a thread waits for a PostgreSQL that says nothing.

A server that is gone is noticed at once. One that is stopped, or whose machine or disk hangs, keeps
its connections open and never answers, and libpq waits for ever. So a thread may have a limit, and
once one has waited in vain the whole process takes the server for away during the next second:
requests that queue up meanwhile are refused at once, instead of each waiting out its limit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

AWAY_SECONDS = 1.0

_mine = threading.local()
_everybodys: float | None = None
_away_until = 0.0


def limit_everywhere(seconds: float) -> None:
    """Let no thread of this process wait longer for an answer, unless it says otherwise."""
    global _everybodys
    _everybodys = seconds


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Let this thread wait no longer than this for each answer."""
    before = getattr(_mine, "seconds", None)
    _mine.seconds = seconds
    try:
        yield
    finally:
        _mine.seconds = before


def limit() -> float | None:
    """Return the seconds that this thread may wait for one answer; None for no limit."""
    mine: float | None = getattr(_mine, "seconds", None)
    return _everybodys if mine is None else mine


def note_silence() -> None:
    """Note that a thread has waited in vain."""
    global _away_until
    _away_until = time.monotonic() + AWAY_SECONDS


def is_away() -> bool:
    """Whether the server was silent just now; asked by threads that have a limit."""
    return time.monotonic() < _away_until
