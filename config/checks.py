"""What must be true of the servers we are given. Run by `migrate`, `make run` and `make serve`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import Error, Tags, register
from django.db import connections

NEEDED_TO_KEEP = ("fsync", "full_page_writes", "synchronous_commit")


@register(Tags.database)
def commits_are_durable(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None, **kwargs: Any
) -> list[Error]:
    """An acknowledged delivery must survive a power cut, so PostgreSQL must not report a commit that it
    has not written yet. The server, the database and the role can each turn that off."""
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


def _setting(alias: str, name: str) -> str:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        (value,) = cursor.fetchone()
    return str(value)
