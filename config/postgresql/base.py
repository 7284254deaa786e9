"""Django's PostgreSQL, except that an idle connection is looked at, not asked, before a request uses it."""

from __future__ import annotations

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def is_usable(self) -> bool:
        """Whether the server is still at the other end.

        Asking (`SELECT 1`) costs every request a round trip. A server that ends a connection says so
        on it, and nothing else is ever to be read from an idle one, so a look at the socket tells.
        After an error there is no telling what state the connection is in: then it is asked.
        """
        if self.errors_occurred or self.connection is None or self.connection.closed:
            return super().is_usable()
        waiting = select.poll()
        waiting.register(self.connection.fileno(), select.POLLIN)
        return not waiting.poll(0)
