"""Wake a worker, if one can be reached. The work itself is a row in PostgreSQL.

Callers never wait for the broker and never fail with it. When a wake-up is lost, the scheduler finds
the row a little later.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from celery import current_app
from django.db import transaction

log = logging.getLogger(__name__)


def wake_worker(task_name: str, *args: str) -> None:
    """After this transaction commits, ask a worker to run `task_name` now (1 s limit)."""
    transaction.on_commit(partial(send_now, task_name, *args), robust=True)


def send_now(task_name: str, *args: str, **options: Any) -> None:
    """Ask a worker to run `task_name`, with Celery's options (1 s limit). Errors are swallowed."""
    try:
        with current_app.connection_for_write(
            connect_timeout=1,
            transport_options={"socket_timeout": 1, "socket_connect_timeout": 1, "max_retries": 0},
        ) as connection:
            current_app.send_task(task_name, args=args, connection=connection, retry=False, **options)
    except Exception as error:  # any broker failure: the scheduler finds the row
        log.warning("no worker woken for %s: %s", task_name, type(error).__name__)
