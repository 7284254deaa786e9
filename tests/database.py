"""The test database: as migrations make it, but that tests may empty the record between them; and one
of its troubles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

NEVER_EMPTIED = "audit_is_never_emptied"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Tests that commit are followed by a TRUNCATE of every table."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE clinics_auditevent DISABLE TRIGGER {NEVER_EMPTIED}")


@contextmanager
def database_read_only() -> Iterator[None]:
    """This thread's connection reads only, until it is closed."""
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    try:
        yield
    finally:
        connection.close()
