"""What is looked at before anything starts."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection

from config.checks import commits_are_durable

NOT_DURABLE = ["vitaldays.E001", "vitaldays.E002", "vitaldays.E003"]
"""How the tests' own server runs, for speed."""


@pytest.mark.django_db
def test_each_setting_that_could_lose_an_acknowledged_delivery_is_named() -> None:
    found = commits_are_durable(None, ["default"])
    assert [error.id for error in found] == NOT_DURABLE
    for error, name in zip(found, ("fsync", "full_page_writes", "synchronous_commit"), strict=True):
        assert f"{name} = off" in error.msg


@pytest.mark.django_db
def test_what_counts_is_how_our_own_connections_commit() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = on")
    assert [error.id for error in commits_are_durable(None, ["default"])] == NOT_DURABLE[:2]


@pytest.mark.django_db
def test_the_database_is_checked_when_it_is_named_and_not_otherwise() -> None:
    with pytest.raises(SystemCheckError, match=r"vitaldays\.E001"):
        call_command("check", databases=["default"])
    call_command("check")
