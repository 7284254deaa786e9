"""`make serve` as a whole, in a checkout of its own: a crash, a start after it, and a stop."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from launcher.local import ROOT
from launcher.ports import free_port

NOT_COPIED = shutil.ignore_patterns(".*", "node_modules", "static-packages", "tests", "__pycache__")


class Launcher:
    """`python -m launcher.run serve` in a copy of this checkout."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port, self.log = folder, port, folder.parent / f"{time.monotonic_ns()}.log"
        own = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "CREDENTIALS_KEY")
        environment = {name: value for name, value in os.environ.items() if name not in own}
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "launcher.run", "serve"],
                cwd=folder,
                env={**environment, "PORT": str(port)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def said(self, text: str) -> bool:
        return text in self.log.read_text()

    def ready(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=300)


def eventually(happened: Callable[[], bool], *, seconds: float = 300) -> bool:
    deadline = time.monotonic() + seconds
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.05)
    return happened()


@contextmanager
def checkout(folder: Path) -> Iterator[Path]:
    copy = folder / "checkout"
    shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
    copy.chmod(0o711)
    yield copy
    for pid in processes_in(copy):
        os.kill(pid, signal.SIGKILL)


def processes_in(folder: Path) -> dict[int, str]:
    """Command lines of the processes that work in `folder`, by process id."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.joinpath("cwd").resolve().is_relative_to(folder):
                found[int(process.name)] = process.joinpath("cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
    return {pid: line for pid, line in found.items() if line}


@pytest.mark.timeout(600)  # ten seconds alone on a machine, minutes on a crowded one
def test_a_crash_leaves_nothing_behind_and_does_not_prevent_the_next_start(folder: Path) -> None:
    with checkout(folder) as place:
        crashed = Launcher(place, free_port())
        assert eventually(crashed.ready), crashed.log.read_text()
        crashed.end(signal.SIGKILL)
        assert eventually(lambda: not processes_in(place)), processes_in(place)
        assert (place / ".local/servers.json").exists()

        again = Launcher(place, free_port())
        assert eventually(again.ready), again.log.read_text()

        twice = Launcher(place, free_port())
        assert twice.process.wait(timeout=300) == 1
        assert twice.said(f"Already running in this folder: make serve as process {again.process.pid}")

        vendor = next(pid for pid, line in processes_in(place).items() if "vendor@vitaldays" in line)
        os.kill(vendor, signal.SIGKILL)
        assert eventually(lambda: again.said("vendor ended (killed by SIGKILL); starting it again"))

        assert again.end(signal.SIGINT) == 0
        assert processes_in(place) == {}
        assert not (place / ".local/servers.json").exists()


def test_a_taken_port_is_said_in_one_line(folder: Path) -> None:
    with checkout(folder) as place:
        port = int(os.environ["REDIS_URL"].rpartition(":")[2].partition("/")[0])
        refused = Launcher(place, port)
        assert refused.process.wait(timeout=300) == 1
        lines = refused.log.read_text().splitlines()
        assert len(lines) == 1
        assert f"Port {port} is taken" in lines[0]
