"""`/healthz` and `/readyz` tell the truth while parts are away. (The launcher's tests see them all green.)"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now, Trunc
from django.test import Client
from pytest_django.fixtures import Settings

from launcher.ports import free_port
from tenovi.models import Heartbeat


def not_ready(client: Client) -> list[str]:
    response = client.get("/readyz")
    answer: list[str] = response.json()["not_ready"]
    assert response.status_code == (503 if answer else 200)
    return answer


def test_alive_asks_nobody(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_without_scheduler_and_workers_both_are_named(client: Client) -> None:
    assert not_ready(client) == ["scheduler", "workers"]


@pytest.mark.django_db
def test_a_heartbeat_of_the_last_minutes_shows_the_scheduler(client: Client) -> None:
    Heartbeat.objects.create(minute=Trunc(Now() - timedelta(minutes=1), "minute"))
    assert not_ready(client) == ["workers"]


@pytest.mark.django_db
def test_an_old_heartbeat_does_not(client: Client) -> None:
    Heartbeat.objects.create(minute=Trunc(Now() - timedelta(minutes=5), "minute"))
    assert not_ready(client) == ["scheduler", "workers"]


@pytest.mark.django_db
def test_redis_that_is_away_is_named(client: Client, settings: Settings) -> None:
    Heartbeat.objects.create(minute=Trunc(Now(), "minute"))
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    assert not_ready(client) == ["redis"]


@pytest.mark.django_db
def test_a_migration_that_is_missing_is_named(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'tenovi'")
    assert "migrations" in not_ready(client)


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_is_named(client: Client) -> None:
    port, connection.settings_dict["PORT"] = connection.settings_dict["PORT"], free_port()
    connection.close()
    try:
        assert not_ready(client) == ["database", "workers"]
    finally:
        connection.settings_dict["PORT"] = port
        connection.close()
