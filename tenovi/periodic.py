"""Tasks of the scheduler: one at a time over all processes, and never in the way of short work.

Each holds a session lock of PostgreSQL while it runs, so a killed worker leaves nothing locked. All
tasks whose time depends on how much there is to do share one more lock, the slot of long work: so
they never take more than one thread of a worker, and deliveries are settled and heartbeats written
beside them. (On the connection of the work: behind a pooler that shares sessions, a task may run twice at once,
which harms nothing; who sends to the vendor is locked elsewhere, `tenovi.key_locks`.)
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
KEEP_TRYING = 30.0  # seconds that a wake-up without a limit of its own is kept
RUNS_ALONE: dict[str, bool] = {}
"""Tasks that run alone, and whether their work is short."""


def periodic_task(name: str, *, is_short: bool = False) -> Callable[[Callable[[], None]], Any]:
    """Make a Celery task of a function without arguments, which runs alone over all processes.

    A wake-up that finds the task running, or the slot of long work taken, comes again in `AGAIN_IN`
    seconds until it expires: what woke it may have come too late for the run under way. `is_short` is
    for what takes seconds at most however much there is to do.
    """

    def decorate(work: Callable[[], None]) -> Any:
        @shared_task(name=name)
        @functools.wraps(work)
        def run() -> None:
            with ExitStack() as held:
                locks = [name] if is_short else [name, LONG_WORK]
                if all(held.enter_context(alone(lock)) for lock in locks):
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
def alone(name: str) -> Iterator[bool]:
    """Hold the lock of this name for this thread; whether it was free. Never waits."""
    digest = hashlib.blake2b(name.encode(), digest_size=4).digest()
    key = [LOCK_CLASS, int.from_bytes(digest, "big", signed=True)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", key)
        (mine,) = cursor.fetchone()
    try:
        yield mine
    finally:
        if mine:
            _unlock(key)


def _unlock(key: list[int]) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)
    except Exception:
        connection.close()  # the lock must never outlive its use
        raise
