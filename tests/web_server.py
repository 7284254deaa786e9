"""The web process as it runs for real: granian over HTTP, on the test database."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings

from launcher import processes

ROOT = Path(__file__).parent.parent
THREADS = 16  # the most seats of one kind in config/rsgi.py


@dataclass(frozen=True, slots=True)
class WebServer:
    """A running web process; what it is asked must be committed, so tests use `transactional_db`."""

    host: str
    port: int

    def connect(self) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout=60)

    def exchange(self, *pieces: bytes) -> tuple[int, bytes]:
        """Send these bytes on a connection of its own; status and all that came back."""
        with self.connect() as connection:
            for piece in pieces:
                connection.sendall(piece)
            answer = b""
            while received := connection.recv(65536):
                answer += received
        return int(answer.split(b" ", 2)[1]), answer


def database_url() -> str:
    database = settings.DATABASES["default"]
    return (
        f"postgres://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}"
        f"/{database['NAME']}"
    )


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


@pytest.fixture(scope="session")
def web_server(django_db_setup: None) -> Iterator[WebServer]:
    server = WebServer("127.0.0.1", free_port())
    command = processes.web(server.port, workers=1)
    environment = {**os.environ, "DATABASE_URL": database_url(), "DEBUG": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        try:
            _wait_for(server, process)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=60)


def _wait_for(server: WebServer, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            server.connect().close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"The web process does not answer (exit code {process.poll()}).")
