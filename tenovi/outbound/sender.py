"""Send the queue: one request a second per key, keys side by side.

For each key, one process at a time: reserve the next slot, choose the most urgent row only then, mark
it as being sent, call, store the answer. The next holder of the key's lock knows that a row still marked
as being sent is an orphan.

A slow answer delays no other call: once the vendor has the request, others go out beside it, a second
apart like all calls. Calls that create something are waited for.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import connection

from clinics.models import Clinic
from tenovi.client.endpoints import DEADLINE, CallRecord, TenoviClient
from tenovi.client.errors import LimiterAway, TooManyRequests, VendorError
from tenovi.key_locks import GuardedSlot, KeyLock, try_key_lock
from tenovi.models import Request
from tenovi.outbound import outages, results
from tenovi.outbound.api_keys import VendorKey, clinics_that_may_call, keys_of
from tenovi.outbound.calls import CREATES, call_of
from tenovi.outbound.limiter import Limiter, Slot
from tenovi.registry import NoLongerMeant, NothingToSend

log = logging.getLogger(__name__)

BATCH = 10.0  # seconds; short, so that a worker stops soon after it is asked to
MOST_KEYS = 32  # side by side in one process
KEYS_POLL = 0.5  # seconds between looks for keys with new requests
FIRST_WAIT = 0.3  # seconds, in which most answers come
HANGS_AFTER = 1.2  # seconds since the vendor has a call, after which others go out beside it
MOST_HANGING = 4  # unanswered calls of one key, so that they do not pile up at a silent vendor
ANSWER_POLL = 0.1  # seconds between looks at a slow call


@dataclass(slots=True)
class Drained:
    """Result of a run. `stalled`: Redis is away, nothing may be sent."""

    sent: int = 0
    stalled: bool = False


def drain(*, seconds: float = BATCH) -> Drained:
    """Send what is due, for about `seconds`. Returns early when nothing is due any more."""
    results.give_back_abandoned()
    ends = time.monotonic() + seconds
    batch = _Batch()
    total = Drained()
    running: dict[str, Future[_Turn]] = {}
    done_with: set[str] = set()
    with (
        closing(Limiter.at(settings.REDIS_URL, spacing=settings.TENOVI_SPACING_SECONDS)) as limiter,
        ThreadPoolExecutor(MOST_KEYS, thread_name_prefix="drain") as pool,
    ):
        while True:
            for key in [] if batch.is_over() else keys_with_work():
                if key.budget not in running.keys() | done_with:
                    running[key.budget] = pool.submit(_drain_in_thread, key, limiter, batch)
            if not running:
                return total
            wait(running.values(), timeout=KEYS_POLL, return_when=FIRST_COMPLETED)
            if time.monotonic() >= ends:
                batch.end()
            for budget in [budget for budget, future in running.items() if future.done()]:
                turn = running.pop(budget).result()
                total.sent += turn.sent
                total.stalled |= turn.stalled
                if not turn.finished or batch.is_over():
                    done_with.add(budget)


class _Batch:
    """The calls under way in this process.

    A batch is over when `end` was called and the calls under way then are answered. Until then others go
    out, so that one call that hangs delays no key.
    """

    def __init__(self) -> None:
        self.under_way: set[Future[Any]] = set()
        self._last: list[Future[Any]] | None = None

    def end(self) -> None:
        if self._last is None:
            self._last = list(self.under_way)

    def is_over(self) -> bool:
        return self._last is not None and all(answer.done() for answer in self._last)


def keys_with_work() -> list[VendorKey]:
    """Return the keys that may be used and have requests to send, or to take over from a dead process."""
    rows = Request.objects.across_clinics().wanting_a_worker()
    waiting = set(rows.values_list("clinic_id", flat=True).distinct())
    if not waiting:
        return []
    keys = keys_of(Clinic.objects.all())
    return [key for key in keys if any(clinic.id in waiting for clinic in clinics_that_may_call(key))]


@dataclass(slots=True)
class _Turn:
    """What one key did in a batch. `finished`: nothing was due at its end."""

    sent: int = 0
    finished: bool = False
    stalled: bool = False


def _drain_in_thread(key: VendorKey, limiter: Limiter, batch: _Batch) -> _Turn:
    turn = _Turn()
    try:
        with ThreadPoolExecutor(MOST_HANGING + 1, thread_name_prefix="call") as pool:
            _send_all(key, limiter, batch, turn, pool)
    except LimiterAway as away:
        log.warning("%s", away.sentence)
        turn.finished, turn.stalled = False, True
    except Exception as error:  # the row stays as it is and is found as an orphan
        log.error("a key's turn ended early: %s", results.described(error))
        turn.finished = False
    finally:
        connection.close()
    return turn


@dataclass(slots=True)
class _OpenCall:
    """A call under way in its own thread."""

    slot: Slot
    client: TenoviClient
    records: list[CallRecord]
    answer: Future[Any]
    store: Callable[[_OpenCall], None]
    may_hang: bool


def _send_all(key: VendorKey, limiter: Limiter, batch: _Batch, turn: _Turn, pool: ThreadPoolExecutor) -> None:
    """Send with one key until nothing is due, the batch is over, or another process has the key's lock."""
    while not batch.is_over():
        with try_key_lock(key.budget) as lock:
            if not lock:
                return
            _Sender(key, lock, limiter, batch, turn, pool).send()
        # The worker woken for a row that came just before the release found the lock held and left.
        if not turn.finished or not _is_due(key):
            return


def _is_due(key: VendorKey) -> bool:
    return Request.objects.across_clinics().filter(clinic__in=clinics_that_may_call(key)).due().exists()


@dataclass(slots=True)
class _Sender:
    """Sends with one key while this process holds its lock."""

    key: VendorKey
    lock: KeyLock
    limiter: Limiter
    batch: _Batch
    turn: _Turn
    pool: ThreadPoolExecutor
    hanging: list[_OpenCall] = field(default_factory=list)
    own: set[Future[Any]] = field(default_factory=set)

    def send(self) -> None:
        try:
            results.give_back_orphans(self.key)
            try:
                self.turn.finished = self._send_what_is_due()
            finally:  # also when Redis is away: an answer needs only the database
                self._await_all()
            self._probe_once()
        finally:  # the lock is kept while calls are under way, or their rows would pass for orphans
            wait(self.own)

    def _send_what_is_due(self) -> bool:
        """Send until the batch is over. Returns whether nothing is due any more."""
        while not self.batch.is_over():
            self._store_late_answers()
            if not self.lock.is_held():
                log.warning("the lock of an API key was lost: this process sends nothing more with it")
                return False
            is_due = _is_due(self.key)
            is_suspected = outages.is_suspected(self.key, nothing_else_is_due=not is_due)
            probe = outages.probe_for(self.key) if is_suspected else None
            if not is_due and not probe:
                if not self.hanging:
                    return True
                wait([open_call.answer for open_call in self.hanging], ANSWER_POLL, FIRST_COMPLETED)
                continue
            slot = self.limiter.slot(self.key.api_key)
            if not slot.reserve():
                return False
            open_call = self._probe(slot, *probe) if probe else self._send_most_urgent(slot)
            if open_call is not None and self._comes_back(open_call):
                self._store_answer(open_call)
            elif open_call is not None:
                self.hanging.append(open_call)
        return False

    def _probe_once(self) -> None:
        """Probe once more if the last answers failed: no later call would reveal an outage."""
        is_suspected = outages.is_suspected(self.key, nothing_else_is_due=not _is_due(self.key))
        probe = outages.probe_for(self.key) if is_suspected else None
        slot = self.limiter.slot(self.key.api_key)
        if probe and slot.reserve():
            open_call = self._probe(slot, *probe)
            self._comes_back(open_call)
            self._store_answer(open_call)

    def _send_most_urgent(self, slot: Slot) -> _OpenCall | None:
        request = results.claim(self.key)
        if request is None:
            slot.release()
            return None
        self.turn.sent += 1
        try:
            call = call_of(request)
        except NothingToSend:
            slot.release()
            results.dropped(request)
            return None
        except NoLongerMeant as change:
            slot.release()
            results.no_longer_meant(request, change)
            return None
        except Exception as error:
            slot.release()
            results.not_sent(request, error)
            return None

        def store(open_call: _OpenCall) -> None:
            _store(self.key, request, open_call)

        return self._start_call(slot, request.clinic, call, store, may_hang=request.kind not in CREATES)

    def _probe(self, slot: Slot, clinic: Clinic, path: str) -> _OpenCall:
        """Send a harmless read instead, because the vendor may be away."""

        def store(open_call: _OpenCall) -> None:
            error = open_call.answer.exception()
            if error is not None and not isinstance(error, VendorError):
                raise error
            if seconds := outages.store_probe(self.key, clinic, error, open_call.records[-1]):
                open_call.slot.penalise(seconds)

        return self._start_call(
            slot,
            clinic,
            lambda client: client.check_it_answers(path),
            store,
            may_hang=False,
            deadline=outages.PROBE_DEADLINE,
        )

    def _start_call(
        self,
        slot: Slot,
        clinic: Clinic,
        call: Callable[[TenoviClient], Any],
        store: Callable[[_OpenCall], None],
        *,
        may_hang: bool,
        deadline: float = DEADLINE,
    ) -> _OpenCall:
        records: list[CallRecord] = []
        client = TenoviClient(
            settings.TENOVI_BASE_URL,
            clinic.tenovi_domain,
            self.key.api_key,
            gate=GuardedSlot(slot, self.lock),
            log=records.append,
            deadline=deadline,
        )
        answer = self.pool.submit(call, client)
        self.own.add(answer)
        self.batch.under_way.add(answer)
        return _OpenCall(slot, client, records, answer, store, may_hang)

    def _store_answer(self, open_call: _OpenCall) -> None:
        self.own.discard(open_call.answer)
        self.batch.under_way.discard(open_call.answer)
        open_call.store(open_call)

    def _comes_back(self, open_call: _OpenCall) -> bool:
        """Wait for a call. False when it hangs at the vendor and its slot is free for others."""
        if wait([open_call.answer], FIRST_WAIT).done:
            return True
        arrived_at: float | None = None
        while not wait([open_call.answer], ANSWER_POLL).done:
            if not open_call.may_hang or len(self.hanging) >= MOST_HANGING:
                self._store_late_answers()
            elif arrived_at is not None and time.monotonic() - arrived_at >= HANGS_AFTER:
                open_call.slot.release()
                return False
            elif arrived_at is None and open_call.client.has_arrived() and open_call.slot.arrived():
                arrived_at = time.monotonic()
        return True

    def _store_late_answers(self) -> None:
        for open_call in [late for late in self.hanging if late.answer.done()]:
            self.hanging.remove(open_call)
            self._store_answer(open_call)

    def _await_all(self) -> None:
        while self.hanging:
            wait([open_call.answer for open_call in self.hanging], DEADLINE, FIRST_COMPLETED)
            self._store_late_answers()


def _store(key: VendorKey, request: Request, open_call: _OpenCall) -> None:
    """Store the result of a request's call."""
    try:
        answer = open_call.answer.result()
    except TooManyRequests as error:
        open_call.slot.penalise(results.slow_down(key, request, error, open_call.records[-1]))
    except VendorError as error:
        results.failed(key, request, error, open_call.records[-1])
    else:
        results.answered(key, request, answer, open_call.records[-1])
