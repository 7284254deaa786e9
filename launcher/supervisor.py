"""Keep processes running: restart those that die, and stop all in order."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from launcher import children
from launcher.say import line, say

STEADY = 60.0  # seconds after which an earlier failure is forgotten
LONGEST_PAUSE = 30.0


@dataclass
class Child:
    """A process that must always run. `stage` orders stopping: lower stages stop first."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    stage: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _failures: int = field(default=0, init=False)
    _started: float = field(default=0.0, init=False)
    _start_at: float = field(default=0.0, init=False)

    def start(self) -> None:
        """Start it and pass its lines on, each with its name in front."""
        self.process = children.start(self.command, output=subprocess.PIPE, environment=self.environment)
        self._started = time.monotonic()
        threading.Thread(target=_pass_on, args=(self.name, self.process), daemon=True).start()

    def tend(self) -> None:
        """Notice its death and, after a pause that doubles up to half a minute, start it again."""
        now = time.monotonic()
        if self.process is None:
            if now >= self._start_at:
                self.start()
            return
        code = self.process.poll()
        if code is None:
            return
        children.sweep(self.process)
        self._failures = 1 if now - self._started > STEADY else self._failures + 1
        pause = min(LONGEST_PAUSE, 2.0 ** (self._failures - 1))
        self.process, self._start_at = None, now + pause
        say(f"{self.name} ended ({_reason(code)}); starting it again in {pause:.0f} s")


@dataclass
class Supervisor:
    """Runs children in the foreground until SIGINT, SIGTERM or SIGHUP."""

    members: list[Child] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def catch_signals(self) -> None:
        """Let signals ask to stop from now on, instead of ending this process."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self._stopping.set())

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def run_once(self, command: Sequence[str], environment: Mapping[str, str]) -> bool:
        """Run a command to its end, or until asked to stop. Returns whether it succeeded."""
        process = children.start(command, output=sys.stdout, environment=environment)
        while process.poll() is None:
            if self._stopping.wait(0.05):
                children.stop(process, signal.SIGINT, within=3)
        return process.returncode == 0

    def start(self, child: Child) -> None:
        """Start a child and keep it running from now on."""
        child.start()
        self.members.append(child)

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> bool:
        """Tend the children until `ready` returns True. False when asked to stop or out of time."""
        deadline = time.monotonic() + seconds
        while not self._stopping.wait(0.05) and time.monotonic() < deadline:
            self._tend()
            if ready():
                return True
        return False

    def run(self, tend_more: Callable[[], None]) -> None:
        """Tend the children and call `tend_more`, again and again until asked to stop."""
        while not self._stopping.wait(0.2):
            self._tend()
            tend_more()

    def stop(self, *, within: float = 8.0) -> None:
        """Stop the children stage by stage. The processes of a stage end side by side."""
        for stage in sorted({child.stage for child in self.members}):
            members = [child for child in self.members if child.stage == stage]
            running = [child.process for child in members if child.process]
            for process in running:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + within
            for process in running:
                _wait(process, deadline)
                children.stop(process, signal.SIGKILL, within=1)
        self.members.clear()

    def _tend(self) -> None:
        for child in self.members:
            child.tend()


def _wait(process: subprocess.Popen[bytes], deadline: float) -> None:
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)


def _pass_on(name: str, process: subprocess.Popen[bytes]) -> None:
    if process.stdout is not None:
        with process.stdout as lines:
            for text in lines:
                line(f"{name:>9} | {text.decode(errors='replace').rstrip()}")


def _reason(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
