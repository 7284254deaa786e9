"""The test database: emptied quickly after each test that commits; and one of its troubles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker

NEVER_EMPTIED = "audit_is_never_emptied"
FILLED_BY_DJANGO = {"django_content_type", "auth_permission"}
LARGE = 1024 * 1024  # bytes; to delete that much leaves more behind than a new file costs
FULL = """
SELECT {name}, pg_relation_size({name}::regclass) > %s AND NOT EXISTS (
    SELECT FROM pg_constraint WHERE contype = 'f' AND confrelid = {name}::regclass)
WHERE EXISTS (SELECT FROM "{table}")
"""


@pytest.fixture(scope="session")
def django_db_modify_db_settings_parallel_suffix() -> None:
    """Keep the name of the test database: each process of a run has servers of its own."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Let tables be emptied between tests that commit, those of the record too."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE clinics_auditevent DISABLE TRIGGER {NEVER_EMPTIED}")
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if cursor.fetchone() == (True,):  # who may not pass over foreign keys keeps Django's way
            TransactionTestCase._fixture_teardown = _empty_tables  # type: ignore[attr-defined]


def _empty_tables(_: TransactionTestCase) -> None:
    """Delete what a test has committed: a hundredth of what Django's TRUNCATE of every table costs.

    Who still writes, a web process for instance, is waited for first, as TRUNCATE would.
    """
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False))
    tables -= FILLED_BY_DJANGO
    names = ", ".join(f'"{table}"' for table in sorted(tables))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # in any order, without triggers
        cursor.execute(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")
        parts = [FULL.format(name=f"'{table}'", table=table) for table in sorted(tables)]
        cursor.execute(" UNION ALL ".join(parts), [LARGE] * len(parts))
        for table, is_large in cursor.fetchall():
            cursor.execute(f'TRUNCATE "{table}"' if is_large else f'DELETE FROM "{table}"')


@contextmanager
def database_read_only() -> Iterator[None]:
    """This thread's connection reads only, until it is closed."""
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    try:
        yield
    finally:
        connection.close()
