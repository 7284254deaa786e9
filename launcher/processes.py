"""The commands of Vitaldays' own processes, the same under `make run`, `make serve` and the tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Celery warns root at every start; in a container everybody is root.
_CALM = ["-W", "ignore:You're running the worker with superuser privileges"] if os.geteuid() == 0 else []
_CELERY = [sys.executable, *_CALM, "-m", "celery", "--app", "config", "--quiet"]


THREADS = 3
"""Of a worker: one for long work, of which only one piece runs at a time, one that settles deliveries, and
one for heartbeats (see `tenovi/periodic.py`)."""


def web(port: int, *, workers: int = 2) -> list[str]:
    """The web server on 127.0.0.1:`port`; see `config/rsgi.py` for the threads of a worker."""
    return [
        *(sys.executable, "-m", "granian", "--interface", "rsgi", "config.rsgi:application"),
        *("--host", "127.0.0.1", "--port", str(port), "--http", "1", "--no-ws"),
        *("--workers", str(workers), "--respawn-failed-workers"),
        *("--workers-kill-timeout", "5", "--log-level", "error"),
    ]


def worker(queue: str, *, concurrency: int = THREADS, log_level: str = "INFO") -> list[str]:
    """A Celery worker of one queue. Vendor calls have their own, so that a slow vendor delays nothing else.

    Threads, because a forked worker that is stopped while wake-ups are queued takes half a minute to end.
    """
    return [
        *(*_CELERY, "worker", "--queues", queue, "--hostname", f"{queue}@vitaldays"),
        *("--pool", "threads", "--concurrency", str(concurrency), "--loglevel", log_level),
        *("--without-gossip", "--without-mingle"),
    ]


def beat(schedule: Path, *, log_level: str = "INFO") -> list[str]:
    """The scheduler; it remembers in `schedule` when each task last ran."""
    return [*_CELERY, "beat", "--schedule", str(schedule), "--pidfile", "", "--loglevel", log_level]


def sandbox(port: int, clinic_url: str, webhooks: Path) -> list[str]:
    """The vendor's stand-in, which pushes readings to `clinic_url`, or to what is registered in `webhooks`."""
    return [
        *(sys.executable, "-m", "tenovi.sandbox", "--port", str(port)),
        *("--clinic", "demo", "--domain", "demo", "--clinic-url", clinic_url),
        *("--rhythm-hours", "6", "--keep-webhooks", str(webhooks)),
    ]


def prepare(*, demo: bool) -> list[str]:
    """Migrate, and fill the demo clinic once."""
    return [sys.executable, "-m", "launcher.prepare", *(["--demo"] if demo else [])]
