"""How full the disk of the database is. A full one means that readings are turned away."""

from __future__ import annotations

import shutil

from django.db import connection

WORTH_A_LINE, WORTH_AN_ALARM = 80, 90  # percent

FOLDER = """
SELECT setting FROM pg_settings
WHERE name = 'data_directory' AND inet_server_addr() IS NOT DISTINCT FROM inet_client_addr()
"""
"""No row for a server on another machine, or one that does not tell us: then whoever keeps it watches it."""


def percent_full() -> int | None:
    """Of the disk that holds the database, rounded down; None where we cannot know."""
    with connection.cursor() as cursor:
        cursor.execute(FOLDER)
        row = cursor.fetchone()
    try:
        return percent_of(shutil.disk_usage(row[0])) if row else None
    except OSError:
        return None


def percent_of(usage: tuple[int, int, int]) -> int:
    """Of what we may use: the system keeps a part for itself."""
    _, used, free = usage
    return 100 * used // (used + free)
