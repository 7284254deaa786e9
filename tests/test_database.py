"""The connections that the web process keeps from one request to the next."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection, transaction

from clinics import patience
from tests.factories import credentials, element, held_device, make_clinic
from tests.web_server import THREADS, WebServer

END_THE_OTHERS = """
SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.mark.django_db(transaction=True)
def test_connections_that_the_server_has_ended_cost_no_delivery(web_server: WebServer) -> None:
    clinic = make_clinic("alpha")
    body = json.dumps(element(held_device(clinic))).encode()
    request = (
        f"POST /webhooks/alpha/measurements/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Authorization: {credentials(clinic)}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body

    def deliver_at_once() -> set[int]:
        with ThreadPoolExecutor(THREADS) as senders:
            answers = senders.map(web_server.exchange, [request] * THREADS * 2)
            return {status for status, _ in answers}

    assert deliver_at_once() == {200}
    with connection.cursor() as cursor:
        cursor.execute(END_THE_OTHERS)
        (ended,) = cursor.fetchone()
    assert ended, "the web process keeps its connections"
    assert deliver_at_once() == {200}


@pytest.fixture
def a_fresh_connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    connection.close()
    monkeypatch.setattr(patience, "_away_until", 0.0)
    yield
    connection.close()
    while others_at_work():  # the server notices only then that nobody waits any more
        time.sleep(0.05)


def others_at_work() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(1)' AND state = 'active'")
        return cursor.fetchone() is not None


def ask(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("a_fresh_connection")
def test_a_thread_with_a_limit_gives_up_on_a_silent_server_and_the_process_knows() -> None:
    """To the client, a server that computes for long and one that is frozen look the same."""
    began = time.monotonic()
    with pytest.raises(OperationalError), patience.at_most(0.3), transaction.atomic():
        ask("SELECT pg_sleep(1)")
    assert 0.3 <= time.monotonic() - began < 0.9
    connection.close()
    with pytest.raises(OperationalError, match="silent"), patience.at_most(60):
        ask("SELECT 1")
    ask("SELECT 1")  # a worker, which has no limit, may ask
    with pytest.raises(OperationalError, match="silent"), patience.at_most(60):
        ask("SELECT 1")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("a_fresh_connection")
def test_after_a_second_the_server_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "AWAY_SECONDS", 0.2)
    with pytest.raises(OperationalError), patience.at_most(0.1):
        ask("SELECT pg_sleep(1)")
    connection.close()
    time.sleep(0.2)
    with patience.at_most(60):
        ask("SELECT 1")
    assert patience.limit() is None
