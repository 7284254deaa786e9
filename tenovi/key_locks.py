"""Lock an API key for one process at a time, with session locks of PostgreSQL on a connection of their own.

A session lock dies with its connection, so a killed process blocks no other. On the connection that does
the work, it would vanish unseen whenever that one breaks or is opened anew. Behind a pooler, which gives
each transaction another session, two processes would both believe they hold it. So all locks of a process
are on one connection that does nothing else and is never behind a pooler (LOCK_DATABASE_URL). It is
checked in the instant before each first byte: a process that has lost it sends nothing more.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections

from common.database import deadline
from tenovi.client.errors import LockLost, NotSent, SlotLost
from tenovi.outbound.limiter import TRUSTED_ROUND_TRIP, Slot

log = logging.getLogger(__name__)

LOCK_CLASS = 0x56444B59  # "VDKY": our part of PostgreSQL's advisory locks
SECONDS_TO_TAKE = 2.0  # for the server's answer when a lock is taken or released
SECONDS_TO_LOOK = 0.1  # for the check between our slot at the vendor and the first byte
NAME = "vitaldays key locks"
POOLED = (
    "The locks of the API keys cannot be held through a pooler: name PostgreSQL itself in LOCK_DATABASE_URL."
)
SESSION = "SELECT pg_backend_pid()"


class BehindPooler(OperationalError):
    """The connection leads to another session than the one that holds the locks."""


@dataclass(frozen=True, slots=True)
class KeyLock:
    """The lock of one key, while it is held."""

    session: psycopg.Connection[Any] = field(repr=False)

    def is_held(self) -> bool:
        """Whether the session that has the lock still lives. For any thread."""
        try:
            with deadline.at_most(SECONDS_TO_LOOK):
                return self.session.execute(SESSION).fetchone() == (self.session.info.backend_pid,)
        except psycopg.Error:
            return False

    def check(self) -> None:
        """Raise `LockLost` unless the lock is held."""
        if not self.is_held():
            raise LockLost("This process may no longer send with the API key: another one may do so by now.")


@dataclass(frozen=True, slots=True)
class GuardedSlot:
    """The gate of a call: confirms our slot, and in the same instant that the key's lock is held."""

    slot: Slot
    lock: KeyLock

    def confirm(self) -> None:
        self.slot.confirm()
        confirmed = time.monotonic()
        try:
            self.lock.check()
            if time.monotonic() - confirmed >= TRUSTED_ROUND_TRIP:
                raise SlotLost("The look at the key's lock took longer than our second allows.")
        except NotSent:
            self.slot.release()
            raise

    def sent(self) -> None:
        self.slot.sent()

    def answered(self) -> None:
        self.slot.answered()


class _Session:
    """The lock connection of this process, open while any lock is held."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None
        self._held: set[int] = set()

    def take(self, number: int) -> KeyLock | None:
        """Take the lock. None while any process has it, this one included."""
        with self._mutex, deadline.at_most(SECONDS_TO_TAKE):
            if number in self._held:  # PostgreSQL would give it to the same session once more
                return None
            try:
                session = self._living()
                row = session.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_CLASS, number]).fetchone()
            except psycopg.Error as error:
                self._close()
                raise OperationalError("The lock of a key cannot be taken.") from error
            if row == (True,):
                self._held.add(number)
                return KeyLock(session)
            self._close_unless_needed()
            return None

    def give_back(self, number: int, lock: KeyLock) -> None:
        """Release the lock. One that was lost is gone already."""
        with self._mutex, deadline.at_most(SECONDS_TO_TAKE):
            self._held.discard(number)
            with contextlib.suppress(psycopg.Error):
                lock.session.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_CLASS, number])
            if lock.session is not self._connection:
                lock.session.close()
            self._close_unless_needed()

    def _living(self) -> psycopg.Connection[Any]:
        if self._connection is not None and not KeyLock(self._connection).is_held():
            log.warning("the connection that holds the locks of API keys was lost")
            self._connection = None  # the holder of a lock on it notices, and closes it
        if self._connection is None:
            self._connection = connect()
        return self._connection

    def _close_unless_needed(self) -> None:
        if not self._held:
            self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


_session = _Session()


@contextmanager
def try_key_lock(budget: str) -> Iterator[KeyLock | None]:
    """Hold the lock of the key of this budget. Yields None while another process has it."""
    number = int(budget[:8], 16) - 2**31  # a signed 32-bit number
    lock = _session.take(number)
    try:
        yield lock
    finally:
        if lock:
            _session.give_back(number, lock)


def connect() -> psycopg.Connection[Any]:
    """Connect to PostgreSQL itself, for locks only. Raises `BehindPooler`."""
    work = connections[DEFAULT_DB_ALIAS]
    direct: Any = type(work)(work.settings_dict | settings.LOCK_DATABASE)
    parameters = direct.get_connection_params() | {"application_name": NAME}
    parameters["options"] = f"{parameters.get('options', '')} -c idle_session_timeout=0".strip()
    session: psycopg.Connection[Any] = direct.Database.connect(**parameters, autocommit=True)
    if not KeyLock(session).is_held():  # a pooler answered with another session's number, or none
        session.close()
        raise BehindPooler(POOLED)
    return session
