"""Check the servers that we are given. Run by `migrate`, `make run` and `make serve`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import Error, Tags, register
from django.db import connections

from tenovi import key_locks

NEEDED_TO_KEEP = ("fsync", "full_page_writes", "synchronous_commit")


@register(Tags.database)
def commits_are_durable(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None, **kwargs: Any
) -> list[Error]:
    """Check that PostgreSQL reports a commit only once it is on disk.

    An acknowledged delivery must survive a power cut. The server, the database and the role can each turn
    that off.
    """
    return [
        Error(
            f"PostgreSQL runs with {name} = off: readings that were acknowledged can be lost.",
            hint="Turn it on in postgresql.conf, or with ALTER DATABASE or ALTER ROLE where it was turned off.",
            id=f"vitaldays.E00{number}",
        )
        for alias in databases or ()
        for number, name in enumerate(NEEDED_TO_KEEP, start=1)
        if _setting(alias, name) == "off"
    ]


@register(Tags.database)
def key_locks_hold(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None, **kwargs: Any
) -> list[Error]:
    """Check that locks of API keys are not behind a pooler.

    Two processes that both believe they hold the lock of a key would send an order twice.
    """
    try:
        if databases:
            key_locks.connect().close()
    except key_locks.BehindPooler as error:
        hint = "LOCK_DATABASE_URL is DATABASE_URL unless it is given."
        return [Error(str(error), hint=hint, id="vitaldays.E004")]
    return []


def _setting(alias: str, name: str) -> str:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        (value,) = cursor.fetchone()
    return str(value)
