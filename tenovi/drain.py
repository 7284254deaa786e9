"""Sends what the queue holds: one request a second per key, keys side by side.

For one key at a time, over all processes: reserve the next second, choose the most urgent row
only then, mark it as being sent, call, store the answer. The key's lock is a session lock of
PostgreSQL: it dies with the connection, so a killed worker blocks nobody, and whoever takes it
next knows that a row still marked as being sent is an orphan. (Session locks need a direct
connection to PostgreSQL, not a pooler that shares one between transactions.)
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from clinics.models import Clinic
from tenovi import outcomes
from tenovi.client import CallRecord, TenoviClient
from tenovi.errors import LimiterAway, TooManyRequests, VendorError
from tenovi.keys import VendorKey, keys_of, usable
from tenovi.kinds import call_of
from tenovi.limiter import Limiter, Line
from tenovi.models import Request
from tenovi.registry import NoLongerMeant, NothingToSend

log = logging.getLogger(__name__)

BATCH = 10.0  # seconds; short, so that a worker that is asked to stop stops
MOST_KEYS = 32  # side by side in one process
LOOK = 0.5  # seconds between looks for keys with new work
OLDEST_EVERY = 8  # one call of so many is for what has waited longest, however urgent the others
LOCK_CLASS = 0x56444B59  # "VDKY": our part of PostgreSQL's advisory locks


@dataclass(slots=True)
class Drained:
    """What a run did. `stalled`: Redis is away, nothing may be sent."""

    sent: int = 0
    stalled: bool = False


def drain(*, seconds: float = BATCH) -> Drained:
    """Send what is due, for about `seconds`; returns early when nothing is due any more."""
    ends = time.monotonic() + seconds
    stop = threading.Event()
    total = Drained()
    running: dict[str, Future[_Turn]] = {}
    done_with: set[str] = set()
    with (
        closing(Limiter.at(settings.REDIS_URL, spacing=settings.TENOVI_SPACING_SECONDS)) as limiter,
        ThreadPoolExecutor(MOST_KEYS, thread_name_prefix="drain") as pool,
    ):
        while True:
            for key in keys_with_work():
                if key.budget not in running.keys() | done_with:
                    running[key.budget] = pool.submit(_drain_in_thread, key, limiter, stop)
            if not running:
                return total
            wait(running.values(), timeout=LOOK, return_when=FIRST_COMPLETED)
            if time.monotonic() >= ends:
                stop.set()
                wait(running.values())
            for budget in [budget for budget, future in running.items() if future.done()]:
                turn = running.pop(budget).result()
                total.sent += turn.sent
                total.stalled |= turn.stalled
                if not turn.finished or stop.is_set():
                    done_with.add(budget)


def keys_with_work() -> list[VendorKey]:
    """Keys that may be used and have something to send, or to take over from a dead process."""
    rows = Request.objects.across_clinics().wanting_a_worker()
    waiting = set(rows.values_list("clinic_id", flat=True).distinct())
    if not waiting:
        return []
    keys = keys_of(Clinic.objects.all())
    return [key for key in keys if any(clinic.id in waiting for clinic in usable(key))]


@dataclass(slots=True)
class _Turn:
    """One key's turn. `finished`: nothing was due at its end."""

    sent: int = 0
    finished: bool = False
    stalled: bool = False


def _drain_in_thread(key: VendorKey, limiter: Limiter, stop: threading.Event) -> _Turn:
    turn = _Turn()
    try:
        _drain_key(key, limiter, stop, turn)
    except LimiterAway as away:
        log.warning("%s", away.sentence)
        turn.finished, turn.stalled = False, True
    except Exception as error:  # the row stays as it is and is found as an orphan
        log.error("a key's turn ended early: %s", outcomes.described(error))
        turn.finished = False
    finally:
        connection.close()
    return turn


def _drain_key(key: VendorKey, limiter: Limiter, stop: threading.Event, turn: _Turn) -> None:
    while not stop.is_set():
        with alone_with(key) as mine:
            if not mine:
                return
            outcomes.give_back_orphans(key.clinics)
            turn.finished = _send_what_is_due(key, limiter.line(key.api_key), stop, turn)
        # A row that came just before the lock was given back rang for a worker that found it held.
        if not turn.finished or not _is_due(key):
            return


def _send_what_is_due(key: VendorKey, line: Line, stop: threading.Event, turn: _Turn) -> bool:
    while _is_due(key):
        if stop.is_set() or not line.approach():
            return False
        oldest = turn.sent % OLDEST_EVERY == OLDEST_EVERY - 1
        request = outcomes.claim(usable(key), oldest=oldest)
        if request is None:
            line.release()
        else:
            _send(key, request, line)
            turn.sent += 1
    return True


def _send(key: VendorKey, request: Request, line: Line) -> None:
    try:
        call = call_of(request)
    except NothingToSend:
        line.release()
        outcomes.dropped(request)
        return
    except NoLongerMeant as change:
        line.release()
        outcomes.no_longer_meant(request, change)
        return
    except Exception as error:
        line.release()
        outcomes.not_sent(request, error)
        return
    records: list[CallRecord] = []
    client = TenoviClient(
        settings.TENOVI_BASE_URL, request.clinic.tenovi_domain, key.api_key, gate=line, log=records.append
    )
    try:
        answer = call(client)
    except TooManyRequests as error:
        line.penalise(outcomes.slow_down(key, request, error, records[-1]))
    except VendorError as error:
        outcomes.failed(key, request, error, records[-1])
    else:
        outcomes.answered(key, request, answer, records[-1])


def _is_due(key: VendorKey) -> bool:
    return Request.objects.across_clinics().filter(clinic__in=usable(key)).due().exists()


@contextmanager
def alone_with(key: VendorKey) -> Iterator[bool]:
    """Whether this process is now the only one that sends with this key."""
    number = int(key.budget[:8], 16) - 2**31  # a signed 32-bit number
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_CLASS, number])
        (mine,) = cursor.fetchone()
    try:
        yield mine
    finally:
        if mine:
            _unlock(number)


def _unlock(number: int) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_CLASS, number])
    except Exception:
        connection.close()  # the lock must never outlive its use
        raise
