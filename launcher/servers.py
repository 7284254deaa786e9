"""Run PostgreSQL and Valkey for one checkout, unless the environment names other servers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from launcher.postgres import Postgres, Unavailable
from launcher.say import say
from launcher.valkey import Valkey

_NAMES = ("DATABASE_URL", "REDIS_URL")


@dataclass
class Servers:
    """The servers that `given` does not name. `urls` has those that were started, by environment name."""

    folder: Path
    given: Mapping[str, str]
    database: str = "vitaldays"
    durable: bool = True
    urls: dict[str, str] = field(default_factory=dict, init=False)
    _postgres: Postgres = field(init=False)
    _valkey: Valkey = field(init=False)
    _next_try: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        logs = self.folder / "log"
        self._postgres = Postgres(self.folder / "postgres", logs / "postgres.log", durable=self.durable)
        self._valkey = Valkey(self.folder / "valkey", logs / "valkey.log")

    def start(self) -> dict[str, str]:
        """Start the servers and return their addresses. Raises `Unavailable` or `Missing`."""
        (self.folder / "log").mkdir(parents=True, exist_ok=True)
        database, redis = (self.given.get(name) or self.given.get(f"{name}_FILE") for name in _NAMES)
        try:
            if not database:
                self.urls["DATABASE_URL"] = self._postgres.start(self.database)
            if not redis:
                self.urls["REDIS_URL"] = self._valkey.start()
        except BaseException:
            self.stop()
            raise
        return self.urls

    def revive(self) -> None:
        """Restart a server that has ended, on its address. Its clients reconnect by themselves."""
        for name, server in (("PostgreSQL", self._postgres), ("Redis", self._valkey)):
            if not server.ended() or time.monotonic() < self._next_try:
                continue
            say(f"{name} ended; starting it again")
            try:
                server.restart()
            except Unavailable as error:
                self._next_try = time.monotonic() + 5
                say(str(error))

    def stop(self) -> None:
        """Stop the servers that `start` started. Safe to call twice."""
        self._valkey.stop()
        self._postgres.stop()
        self.urls.clear()
