"""Measure how full the database's disk is. Once it is full, readings are turned away."""

from __future__ import annotations

import shutil

from django.db import connection

WARNING_AT, ALARM_AT = 80, 90  # percent

FOLDER = """
SELECT setting FROM pg_settings
WHERE name = 'data_directory' AND inet_server_addr() IS NOT DISTINCT FROM inet_client_addr()
"""
"""No row for a server on another machine, or one that hides its folder: its operator watches that disk."""


def percent_full() -> int | None:
    """Return the percentage in use of the database's disk, rounded down. None where that is unknown."""
    with connection.cursor() as cursor:
        cursor.execute(FOLDER)
        row = cursor.fetchone()
    try:
        return percent_of(shutil.disk_usage(row[0])) if row else None
    except OSError:
        return None


def percent_of(usage: tuple[int, int, int]) -> int:
    """Return the percentage in use of what we may use: the system keeps a part for itself."""
    _, used, free = usage
    return 100 * used // (used + free)
