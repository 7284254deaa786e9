"""Who sends with a key: session locks of PostgreSQL on a connection of their own.

A session lock dies with its connection, so a killed process blocks nobody. Were it taken on the connection that
does the work, it would vanish unseen whenever that one breaks or is opened anew, and behind a pooler, which gives
each transaction another session, two processes would both believe they hold it. So all locks of a process are on
one connection that does nothing else, is never behind a pooler (LOCK_DATABASE_URL), and is looked at in the
instant before each first byte: whoever has lost it sends nothing more.
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
SECONDS_TO_TAKE = 2.0  # for an answer of the server to whoever takes or gives back a lock
SECONDS_TO_LOOK = 0.1  # the look is between our second at the vendor and the first byte
NAME = "vitaldays key locks"
POOLED = (
    "The locks of the API keys cannot be held through a pooler: name PostgreSQL itself in LOCK_DATABASE_URL."
)
SESSION = "SELECT pg_backend_pid()"


class BehindPooler(OperationalError):
    """What is at the other end of the connection is not the session that holds the locks."""


@dataclass(frozen=True, slots=True)
class KeyLock:
    """The lock of one key, while it is held."""

    session: psycopg.Connection[Any] = field(repr=False)

    def is_held(self) -> bool:
        """Ask whether the session that has the lock still lives. For any thread."""
        try:
            with deadline.at_most(SECONDS_TO_LOOK):
                return self.session.execute(SESSION).fetchone() == (self.session.info.backend_pid,)
        except psycopg.Error:
            return False

    def check(self) -> None:
        """Raises `LockLost`."""
        if not self.is_held():
            raise LockLost("This process may no longer send with the API key: another one may do so by now.")


@dataclass(frozen=True, slots=True)
class GuardedSlot:
    """The gate of a call: our second, and in the same instant a look whether we still have the key's lock."""

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
    """The connection of this process, open while any of its locks is held."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None
        self._held: set[int] = set()

    def take(self, number: int) -> KeyLock | None:
        """Take the lock, None where anybody has it, this process included."""
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
        """Give the lock back; one that was lost is gone already."""
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
            self._connection = None  # whoever holds a lock on it looks, and closes it
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
    """Hold the lock of the key of this budget: None while anybody else sends with it."""
    number = int(budget[:8], 16) - 2**31  # a signed 32-bit number
    lock = _session.take(number)
    try:
        yield lock
    finally:
        if lock:
            _session.give_back(number, lock)


def connect() -> psycopg.Connection[Any]:
    """Connect to PostgreSQL itself, for locks alone. Raises `BehindPooler`."""
    work = connections[DEFAULT_DB_ALIAS]
    direct: Any = type(work)(work.settings_dict | settings.LOCK_DATABASE)
    parameters = direct.get_connection_params() | {"application_name": NAME}
    parameters["options"] = f"{parameters.get('options', '')} -c idle_session_timeout=0".strip()
    session: psycopg.Connection[Any] = direct.Database.connect(**parameters, autocommit=True)
    if not KeyLock(session).is_held():  # a pooler has told us another session's number, or none
        session.close()
        raise BehindPooler(POOLED)
    return session
