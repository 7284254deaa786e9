"""Run tasks of the scheduler one at a time over all processes, long ones never beside each other.

Each task holds a session lock of PostgreSQL while it runs, so a killed worker leaves nothing locked.
Tasks whose time depends on the amount of work share one more lock. So they never take more than one
thread of a worker, and deliveries are settled and heartbeats written beside them.

The locks are on the connection of the work. Behind a pooler that shares sessions, a task may run twice at
once, which harms nothing: calls to the vendor have locks of their own, see `tenovi.key_locks`.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from celery import current_task, shared_task
from django.db import connection

from tenovi.outbound.wakeup import send_now

LOCK_CLASS = 0x56445054  # "VDPT": our part of PostgreSQL's advisory locks
LONG_WORK = "long work"
AGAIN_IN = 2.0  # seconds
KEEP_TRYING = 30.0  # seconds after which a wake-up without a limit of its own expires
RUNS_ALONE: dict[str, bool] = {}
"""Tasks that run alone, and whether their work is short."""


def periodic_task(name: str, *, is_short: bool = False) -> Callable[[Callable[[], None]], Any]:
    """Make a function without arguments a Celery task that runs once at a time over all processes.

    A wake-up that finds the lock taken comes again every `AGAIN_IN` seconds until it expires: its reason may
    have come too late for the run under way. `is_short`: takes seconds at most, whatever the amount of work.
    """

    def decorate(work: Callable[[], None]) -> Any:
        @shared_task(name=name)
        @functools.wraps(work)
        def run() -> None:
            with ExitStack() as taken:
                locks = [name] if is_short else [name, LONG_WORK]
                if all(taken.enter_context(try_lock(lock)) for lock in locks):
                    work()
                    return
            request = current_task.request
            if not request.called_directly:
                expires = request.expires or KEEP_TRYING
                send_now(name, countdown=AGAIN_IN, expires=expires)

        RUNS_ALONE[name] = is_short
        return run

    return decorate


@contextmanager
def try_lock(name: str) -> Iterator[bool]:
    """Hold the lock of this name for this thread, without waiting. Yields whether it was free."""
    digest = hashlib.blake2b(name.encode(), digest_size=4).digest()
    key = [LOCK_CLASS, int.from_bytes(digest, "big", signed=True)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", key)
        (is_ours,) = cursor.fetchone()
    try:
        yield is_ours
    finally:
        if is_ours:
            _unlock(key)


def _unlock(key: list[int]) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)
    except Exception:
        connection.close()  # the lock must never outlive its use
        raise
