"""Start child processes that never outlive the launcher."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def start(
    command: Sequence[str | Path],
    *,
    output: int | IO[Any],
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    user: tuple[int, int] | None = None,
    on_parent_death: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, so that Ctrl-C reaches only the launcher.

    On Linux the kernel sends it `on_parent_death` when the launcher is killed outright. That follows the
    calling thread, so this must be called from the main thread. The launcher's own input and output are
    not inherited: a server that holds a pipe open would keep its reader waiting for ever.
    """
    ids: dict[str, Any] = {"user": user[0], "group": user[1], "extra_groups": []} if user else {}
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=environment,
        cwd=folder,
        start_new_session=True,
        preexec_fn=dies_with(os.getpid(), on_parent_death),
        **ids,
    )


def stop(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM, *, within: float) -> None:
    """Ask the process to end, wait, and then kill what is left of its session."""
    if process.poll() is None:
        process.send_signal(how)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=within)
    sweep(process)
    process.wait()


def sweep(process: subprocess.Popen[bytes]) -> None:
    """Kill what the process left behind. A web worker without its parent would keep the port."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def dies_with(parent: int, how: signal.Signals) -> Callable[[], None] | None:
    """Make a function that a new child of the process `parent` runs, to get `how` when that is killed."""
    if _LIBC is None:
        return None

    def prepare() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(how))
        if os.getppid() != parent:  # the launcher died before the request was in place
            os._exit(1)

    return prepare
