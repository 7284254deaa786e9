"""A whole Vitaldays of its own, to be broken: durable PostgreSQL, Valkey, web, workers, scheduler.

Everything is started as `make serve` starts it, in a folder of its own, on free ports of 127.0.0.1.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from django.db import connection, connections

from launcher import children, processes
from launcher.local import ROOT
from launcher.ports import free_port
from launcher.postgres import Postgres, Unavailable
from launcher.valkey import Valkey
from tests.services import SECRETS, UNWANTED


def eventually(happened: Callable[[], bool], *, seconds: float, every: float = 0.1) -> bool:
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


class House:
    """Its servers and processes. `prepared`: the folder of a stopped cluster to start from a copy of."""

    def __init__(self, prepared: Path | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vitaldays-faults-"))
        self.folder.chmod(0o711)  # PostgreSQL runs as another user when the tests run as root
        if prepared:
            subprocess.run(["cp", "-a", prepared, self.folder / "postgres"], check=True)
        self.postgres = Postgres(self.folder / "postgres", self.folder / "postgres.log")
        self.valkey = Valkey(self.folder / "valkey", self.folder / "valkey.log")
        self.port = free_port()
        self.environment = {name: value for name, value in os.environ.items() if name not in UNWANTED}
        self.environment |= {**SECRETS, "LOG_LEVEL": "WARNING", "PYTHONUNBUFFERED": "1"}
        self.environment["TENOVI_BASE_URL"] = "http://127.0.0.1:9"  # nobody is there; a test may name a stub
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, list[str]] = {}

    def start_servers(self) -> None:
        self.environment["DATABASE_URL"] = self.postgres.start("vitaldays")
        self.environment["REDIS_URL"] = self.valkey.start()

    def prepare(self) -> None:
        """Migrate the database."""
        subprocess.run(processes.prepare(demo=False), cwd=ROOT, env=self.environment, check=True)

    def start_web(self) -> None:
        self.start("web", processes.web(self.port))
        assert eventually(self.answers, seconds=240), self.said("web")

    def start_workers(self) -> None:
        self.start("worker", processes.worker("default", log_level="WARNING"))
        self.start("vendor", processes.worker("vendor", log_level="WARNING"))
        self.start("beat", processes.beat(self.folder / "beat", log_level="WARNING"))

    def restart(self, name: str) -> None:
        """Stop one of our processes as a deployment does, and start it again."""
        command = self._commands[name]
        self.end(name)
        self.start(name, command)

    def tend(self) -> None:
        """Start again what has ended by itself, as the launcher does."""
        for name, process in list(self.running.items()):
            if process.poll() is not None:
                self.restart(name)
        for server in (self.postgres, self.valkey):
            if server.ended():
                with suppress(Unavailable):
                    server.restart()

    def end(self, name: str) -> None:
        children.stop(self.running.pop(name), within=60)

    def start(self, name: str, command: list[str]) -> None:
        """Start a process under a name of the test's choosing."""
        self._commands[name] = command
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = children.start(
                command, output=log, environment=self.environment, folder=ROOT
            )

    def said(self, name: str) -> str:
        """What a process has printed so far."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def memory_of(self, name: str) -> int:
        """Bytes that a process and its descendants hold, each shared page counted once."""
        texts = (Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in family(self.running[name]))
        found = (re.search(r"^Pss:\s*(\d+) kB$", text, re.MULTILINE) for text in texts)
        return sum(1024 * int(line[1]) for line in found if line)

    def answers(self, path: str = "/healthz") -> bool:
        link = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            link.request("GET", path)
            return link.getresponse().status == 200
        except OSError:
            return False
        finally:
            link.close()

    def close(self) -> None:
        for name in list(self.running):
            self.end(name)
        for server in (self.postgres.process, self.valkey.process):
            if server is not None:
                thaw(server)
        self.valkey.stop()
        self.postgres.stop()
        shutil.rmtree(self.folder)

    @contextmanager
    def as_our_database(self) -> Iterator[None]:
        """The ORM of the test process works on this house's database, in every thread."""
        configured = connections.settings["default"]
        address = urlsplit(self.environment["DATABASE_URL"])
        mine = {
            "HOST": address.hostname,
            "PORT": address.port,
            "USER": address.username,
            "PASSWORD": address.password,
            "NAME": address.path.strip("/"),
        }
        before = {name: configured[name] for name in mine}
        connection.close()
        configured.update(mine)
        try:
            yield
        finally:
            connection.close()
            configured.update(before)

    @contextmanager
    def setting(self, name: str, value: str) -> Iterator[None]:
        """A setting of PostgreSQL for every connection, until the end of the block."""
        in_spite_of_it = "-c default_transaction_read_only=off"
        url = self.environment["DATABASE_URL"]
        with psycopg.connect(url, autocommit=True, options=in_spite_of_it) as link:

            def apply(sql: str) -> None:
                link.execute(sql.encode())
                link.execute("SELECT pg_reload_conf()")

            usual = self._current(name)
            apply(f"ALTER SYSTEM SET {name} = {value}")
            assert eventually(lambda: self._current(name) == value, seconds=120)
            try:
                yield
            finally:
                apply(f"ALTER SYSTEM RESET {name}")
                assert eventually(lambda: self._current(name) == usual, seconds=120)

    def _current(self, name: str) -> str:
        """As a new connection has it: by then the server has told all the others."""
        with psycopg.connect(self.environment["DATABASE_URL"]) as link:
            row = link.execute("SELECT current_setting(%s)", [name]).fetchone()
        return str(row[0]) if row else ""

    def kill_postgres(self) -> None:
        """All of its processes at once, as a power cut does; what was not written is lost."""
        server = self.postgres.process
        assert server is not None
        send(server, signal.SIGKILL)
        server.wait()


def family(process: subprocess.Popen[bytes]) -> list[int]:
    """The process and all its descendants, whatever session they moved to."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found = [process.pid]
    for pid in found:
        found += parents.get(pid, [])
    return found


def send(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """Send a signal to the process first and then to its descendants."""
    for pid in family(process):
        with suppress(ProcessLookupError):
            os.kill(pid, how)


def send_to_children(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    for pid in family(process)[1:]:
        with suppress(ProcessLookupError):
            os.kill(pid, how)


def freeze(process: subprocess.Popen[bytes]) -> None:
    send(process, signal.SIGSTOP)


def thaw(process: subprocess.Popen[bytes]) -> None:
    send(process, signal.SIGCONT)
