"""Run an embedded Valkey. It keeps nothing on disk: PostgreSQL is the queue, this only wakes workers."""

from __future__ import annotations

import secrets
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from launcher import binaries, children
from launcher.local import write_private
from launcher.ports import free_port
from launcher.postgres import Unavailable


@dataclass
class Valkey:
    """A Valkey server. `folder` holds its configuration, with a password made anew at each start."""

    folder: Path
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _port: int = field(default=0, init=False)
    _password: str = field(default="", init=False)

    def start(self) -> str:
        """Start the server and return its URL."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._password = secrets.token_urlsafe(24)
        self._port = self._serve()
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    def restart(self) -> None:
        """Start it again on its port, after it ended by itself. Raises Unavailable."""
        self._serve(self._port)

    def ended(self) -> bool:
        """Whether it was started and runs no more."""
        return self.process is not None and self.process.poll() is not None

    def _serve(self, same: int = 0) -> int:
        program = binaries.valkey_program()
        for _ in range(3):  # another program may take the free port before Valkey does
            port = same or free_port()
            settings = {
                "bind": "127.0.0.1",
                "port": str(port),
                "dir": f'"{self.folder}"',
                "save": '""',
                "appendonly": "no",
                "requirepass": self._password,
            }
            text = "".join(f"{name} {value}\n" for name, value in settings.items())
            configuration = write_private(self.folder / "valkey.conf", text)
            with self.log.open("ab") as log:
                self.process = children.start([program, configuration], output=log, folder=self.folder)
            if _answers(self.process, port, self._password):
                return port
            children.stop(self.process, within=5)
        raise Unavailable(f"Valkey does not start; the end of {self.log} says why.")

    def stop(self) -> None:
        """End the server."""
        if self.process is not None:
            children.stop(self.process, within=5)
            self.process = None


def _answers(process: subprocess.Popen[bytes], port: int, password: str) -> bool:
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(f"AUTH {password}\r\nPING\r\nQUIT\r\n".encode())
                with connection.makefile("rb") as answer:
                    if b"+PONG" in answer.read():
                        return True
        except OSError:
            pass
        time.sleep(0.02)
    return False
