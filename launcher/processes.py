"""Build the commands of Vitaldays' own processes, the same for `make run`, `make serve` and the tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Celery warns root at every start; in a container everybody is root.
_CALM = ["-W", "ignore:You're running the worker with superuser privileges"] if os.geteuid() == 0 else []
_CELERY = [sys.executable, *_CALM, "-m", "celery", "--app", "config", "--quiet"]


THREADS = 3
"""Of a worker: one for long work, of which one task runs at a time, one for settling deliveries, and one
for heartbeats (see `tenovi/periodic.py`)."""


def web(port: int, *, workers: int = 2) -> list[str]:
    """Serve the web on 127.0.0.1:`port`. See `config/rsgi.py` for the threads of a worker."""
    return [
        *(sys.executable, "-m", "granian", "--interface", "rsgi", "config.rsgi:application"),
        *("--host", "127.0.0.1", "--port", str(port), "--http", "1", "--no-ws"),
        *("--workers", str(workers), "--respawn-failed-workers"),
        *("--workers-kill-timeout", "5", "--log-level", "error"),
    ]


def worker(queue: str, *, concurrency: int = THREADS, log_level: str = "INFO") -> list[str]:
    """Run a Celery worker of one queue. Vendor calls have their own, so that a slow vendor delays nothing else.

    It has threads, because a forked worker that is stopped while wake-ups are queued takes half a minute.
    """
    return [
        *(*_CELERY, "worker", "--queues", queue, "--hostname", f"{queue}@vitaldays"),
        *("--pool", "threads", "--concurrency", str(concurrency), "--loglevel", log_level),
        *("--without-gossip", "--without-mingle"),
    ]


def beat(schedule: Path, *, log_level: str = "INFO") -> list[str]:
    """Run the scheduler, which keeps in the file `schedule` when each task last ran."""
    return [*_CELERY, "beat", "--schedule", str(schedule), "--pidfile", "", "--loglevel", log_level]


def sandbox(port: int, clinic_url: str, webhooks: Path) -> list[str]:
    """Run the sandbox, which posts readings to `clinic_url`, or to the webhooks kept in the file `webhooks`."""
    return [
        *(sys.executable, "-m", "tenovi.sandbox", "--port", str(port)),
        *("--clinic", "demo", "--domain", "demo", "--clinic-url", clinic_url),
        *("--rhythm-hours", "6", "--keep-webhooks", str(webhooks)),
    ]


def prepare(*, demo: bool) -> list[str]:
    """Migrate, and fill the demo clinic once."""
    return [sys.executable, "-m", "launcher.prepare", *(["--demo"] if demo else [])]
