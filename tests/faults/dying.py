"""A worker that dies at a named step of one request, as if killed: `python -m tests.faults.dying STEP
TARGET FLAG worker ...`, where the rest is what `celery` gets.

It dies when the request's target is TARGET: once, which the file FLAG remembers, or every time when FLAG is "-".
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
from celery.__main__ import main

STEPS = ("received", "chosen", "sent", "answered", "stored", "committed", "unacknowledged")


def die(flag: str) -> None:
    """SIGKILL to this process, unless it has happened before."""
    if flag != "-":
        try:
            Path(flag).touch(exist_ok=False)
        except FileExistsError:
            return
    os.kill(os.getpid(), signal.SIGKILL)


def plant(step: str, target: str, flag: str) -> None:
    from tenovi import tasks  # settings are ready only now
    from tenovi.outbound import limiter, results, sender

    current: list[str] = []

    def claimed(claim: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            request = claim(*args, **options)
            current[:] = [request.target] if request else []
            at("chosen")
            return request

        return wrapped

    def at(moment: str) -> None:
        if moment == step and current == [target]:
            die(flag)

    def around(before: str, call: Callable[..., Any], after: str) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            at(before)
            result = call(*args, **options)
            at(after)
            return result

        return wrapped

    results.claim = claimed(results.claim)
    limiter.Slot.sent = around("", limiter.Slot.sent, "sent")  # type: ignore[method-assign]
    results.answered = around("answered", results.answered, "committed")
    results._finish = around("", results._finish, "stored")
    if step == "received":
        current[:] = [target]
    tasks.drain = around("received", sender.drain, "unacknowledged")  # type: ignore[attr-defined]


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    plant(*sys.argv[1:4])
    sys.argv[1:4] = []
    sys.exit(main())
