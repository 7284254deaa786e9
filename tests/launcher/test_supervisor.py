"""Children come back when they die, and end when told to."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from launcher.supervisor import Child, Supervisor

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
PARENT = "import os, time; pid = os.fork(); pid and open({note!r}, 'w').write(str(pid)); time.sleep(60)"


def child(program: str, name: str = "child", stage: int = 0) -> Child:
    return Child(name, [sys.executable, "-c", program], dict(os.environ), stage)


def test_a_killed_child_is_started_again_and_a_line_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    supervisor, one = Supervisor(), child("import time; time.sleep(60)", name="web")
    supervisor.start(one)
    assert one.process is not None
    first = one.process
    first.kill()
    assert supervisor.wait_until(lambda: one.process not in (None, first), seconds=60)
    supervisor.stop()
    assert "web ended (killed by SIGKILL); starting it again in 1 s" in capfd.readouterr().out


def test_one_that_keeps_failing_is_given_longer_and_longer_pauses(capfd: pytest.CaptureFixture[str]) -> None:
    supervisor, one = Supervisor(), child("raise SystemExit(3)", name="web")
    supervisor.start(one)
    pauses: list[str] = []

    def three_failures() -> bool:
        pauses.extend(
            line.split(" in ")[1] for line in capfd.readouterr().out.splitlines() if "ended" in line
        )
        return len(pauses) == 3

    assert supervisor.wait_until(three_failures, seconds=120)
    supervisor.stop()
    assert pauses == ["1 s", "2 s", "4 s"]


def test_what_a_child_prints_carries_its_name(capfd: pytest.CaptureFixture[str]) -> None:
    supervisor = Supervisor()
    supervisor.start(child("import time; print('hello', flush=True); time.sleep(60)", name="worker"))
    printed: list[str] = []

    def said_hello() -> bool:
        printed.append(capfd.readouterr().out)
        return "worker | hello" in "".join(printed)

    assert supervisor.wait_until(said_hello, seconds=60)
    supervisor.stop()


def test_stopping_takes_seconds_even_for_one_that_does_not_listen(capfd: pytest.CaptureFixture[str]) -> None:
    supervisor, one = Supervisor(), child(STUBBORN)
    supervisor.start(one)
    assert supervisor.wait_until(lambda: "up" in capfd.readouterr().out, seconds=60)
    process, began = one.process, time.monotonic()
    supervisor.stop(within=0.5)
    assert process is not None
    assert process.returncode == -signal.SIGKILL
    assert time.monotonic() - began < 30  # it would live for a minute


def test_what_a_child_started_ends_with_it(tmp_path: Path) -> None:
    """A web worker that outlives its parent would keep the port and the old code."""
    supervisor, note = Supervisor(), tmp_path / "pid"
    supervisor.start(child(PARENT.format(note=str(note))))
    assert supervisor.wait_until(lambda: note.exists() and note.read_text() != "", seconds=60)
    status = Path(f"/proc/{note.read_text()}/stat")
    assert status.exists()
    supervisor.stop()
    deadline = time.monotonic() + 60
    while status.exists() and ") Z " not in status.read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not status.exists() or ") Z " in status.read_text()


def test_stages_stop_one_after_the_other(tmp_path: Path) -> None:
    program = (
        "import signal, sys, time; from pathlib import Path\n"
        "def leave(*_): time.sleep({delay}); open({log!r}, 'a').write('{name} '); sys.exit()\n"
        "signal.signal(signal.SIGTERM, leave); Path({log!r} + '{name}').touch(); time.sleep(60)"
    )
    log = str(tmp_path / "log")
    supervisor = Supervisor()
    for name, stage, delay in (("worker", 1, 0), ("web", 0, 0.3)):
        supervisor.start(child(program.format(name=name, delay=delay, log=log), name, stage))
    assert supervisor.wait_until(lambda: len(list(tmp_path.iterdir())) == 2, seconds=60)
    supervisor.stop()
    assert Path(log).read_text() == "web worker "
