"""Django's PostgreSQL, with two differences for connections that may be dead.

An idle connection is looked at, not asked, before a request uses it. A thread with a limit
(`common/database/deadline.py`) does not wait for a silent server.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from types import ModuleType
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg.abc import RV, PQGen

from common.database import deadline

SECONDS_FOR_A_SIGN_OF_LIFE = 0.5
SECONDS_FOR_A_LOOK = 2.0
SSL_REQUEST = struct.pack("!ii", 8, 80877103)  # how any connection may begin; a server answers with a letter
SILENT = "PostgreSQL does not answer."


class Connection(psycopg.Connection[Any]):
    """Gives itself up when its server has gone silent."""

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        seconds = deadline.limit()
        if seconds is None:
            return super().wait(gen, interval, timeout)
        if deadline.is_away():
            raise self._given_up()
        return super().wait(self._not_for_ever(gen, seconds), interval, timeout)

    def _not_for_ever(self, gen: PQGen[RV], seconds: float) -> PQGen[RV]:
        """Wait once more, and a third time, for a server that only has too much to do."""
        turns, until = 1, time.monotonic() + seconds
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > until:
                    if turns == 3 or not self._server_lives():
                        deadline.note_silence()
                        raise self._given_up()
                    turns, until = turns + 1, until + seconds
                wanted = gen.send(ready)
        except StopIteration as end:
            result: RV = end.value
            return result

    def _server_lives(self) -> bool:
        """Whether the server answers a new caller; one that hangs answers nobody."""
        host, port = self.info.hostaddr or self.info.host, self.info.port
        try:
            with socket.socket(_family(host)) as link:
                link.settimeout(SECONDS_FOR_A_SIGN_OF_LIFE)
                link.connect(f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port))
                link.sendall(SSL_REQUEST)
                return link.recv(1) in (b"S", b"N")
        except OSError:
            return False

    def _given_up(self) -> psycopg.OperationalError:
        self.pgconn.finish()
        return psycopg.OperationalError(SILENT)


def _family(host: str) -> socket.AddressFamily:
    if host.startswith("/"):
        return socket.AF_UNIX
    return socket.AF_INET6 if ":" in host else socket.AF_INET


driver = ModuleType("psycopg")
vars(driver).update(vars(psycopg), connect=Connection.connect)


class DatabaseWrapper(base.DatabaseWrapper):
    Database = driver

    def get_new_connection(self, conn_params: dict[str, Any]) -> psycopg.Connection[Any]:
        if deadline.limit() is not None and deadline.is_away():
            raise psycopg.OperationalError(SILENT)
        try:
            connection: psycopg.Connection[Any] = super().get_new_connection(conn_params)
        except psycopg.errors.ConnectionTimeout:
            deadline.note_silence()
            raise
        return connection

    def is_usable(self) -> bool:
        """Whether the server is still at the other end.

        Asking (`SELECT 1`) costs every request a round trip. A server that ends a connection says so
        on it, and nothing else is ever to be read from an idle one, so a look at the socket tells.
        After an error there is no telling what state the connection is in: then it is asked.
        """
        if self.errors_occurred or self.connection is None or self.connection.closed:
            with deadline.at_most(SECONDS_FOR_A_LOOK):
                return super().is_usable()
        waiting = select.poll()
        waiting.register(self.connection.fileno(), select.POLLIN)
        return not waiting.poll(0)
