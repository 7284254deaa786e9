"""Django's PostgreSQL, except that an idle connection is looked at, not asked, before a request uses
it, and that a thread with a limit (`clinics/patience.py`) does not wait for a silent server."""

from __future__ import annotations

import select
from types import ModuleType
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg.abc import RV, PQGen
from psycopg.pq import TransactionStatus

from clinics import patience

SECONDS_FOR_A_SIGN_OF_LIFE = 2.0


class Connection(psycopg.Connection[Any]):
    """Gives itself up when its server does not answer in time."""

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        seconds = patience.limit()
        if seconds is None or timeout is not None:
            return super().wait(gen, interval, timeout)
        if patience.is_away():
            self.pgconn.finish()
            raise psycopg.OperationalError("PostgreSQL was silent just now.")
        try:
            return super().wait(gen, interval, seconds)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:  # it was we who gave up
                self.pgconn.finish()
                patience.note_silence()
            raise


driver = ModuleType("psycopg")
vars(driver).update(vars(psycopg), connect=Connection.connect)


class DatabaseWrapper(base.DatabaseWrapper):
    Database = driver

    def get_new_connection(self, conn_params: dict[str, Any]) -> psycopg.Connection[Any]:
        if patience.limit() is not None and patience.is_away():
            raise psycopg.OperationalError("PostgreSQL was silent just now.")
        try:
            connection: psycopg.Connection[Any] = super().get_new_connection(conn_params)
        except psycopg.errors.ConnectionTimeout:
            patience.note_silence()
            raise
        return connection

    def is_usable(self) -> bool:
        """Whether the server is still at the other end.

        Asking (`SELECT 1`) costs every request a round trip. A server that ends a connection says so
        on it, and nothing else is ever to be read from an idle one, so a look at the socket tells.
        After an error there is no telling what state the connection is in: then it is asked.
        """
        if self.errors_occurred or self.connection is None or self.connection.closed:
            with patience.at_most(SECONDS_FOR_A_SIGN_OF_LIFE):
                return super().is_usable()
        waiting = select.poll()
        waiting.register(self.connection.fileno(), select.POLLIN)
        return not waiting.poll(0)
