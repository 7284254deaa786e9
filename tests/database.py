"""The test database: as migrations make it, but that tests may empty the record between them."""

from __future__ import annotations

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

NEVER_EMPTIED = "audit_is_never_emptied"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Tests that commit are followed by a TRUNCATE of every table."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE clinics_auditevent DISABLE TRIGGER {NEVER_EMPTIED}")
