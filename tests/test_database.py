"""The connections that the web process keeps from one request to the next."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection, transaction

from common.database import deadline
from tests.factories import credentials, element, held_device, make_clinic
from tests.relay import Relay
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
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    """What connects us with PostgreSQL; a server behind a wire that carries nothing is like a frozen one."""
    monkeypatch.setattr(deadline, "_away_until", 0.0)
    monkeypatch.setattr(deadline, "AWAY_SECONDS", 600.0)  # until a test says that they are over
    relay = Relay(connection.settings_dict["HOST"], int(connection.settings_dict["PORT"]))
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "PORT", relay.port)
    yield relay
    connection.close()
    relay.close()


VAIN = 60.0
"""Seconds that somebody waits who asks a silent server; who is refused at once does not."""


def ask(sql: str = "SELECT 1") -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.django_db(transaction=True)
def test_a_thread_with_a_limit_gives_up_on_a_silent_server_and_the_others_need_not_try(
    wire: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask()
    wire.flows.clear()
    began = time.monotonic()
    with deadline.at_most(0.2), pytest.raises(OperationalError), transaction.atomic():
        ask()
    assert time.monotonic() - began >= 0.2
    connection.close()
    began = time.monotonic()
    with deadline.at_most(VAIN), pytest.raises(OperationalError):
        ask()
    assert time.monotonic() - began < VAIN
    wire.flows.set()
    monkeypatch.setattr(deadline, "_away_until", time.monotonic())
    with deadline.at_most(VAIN):
        ask()
    assert deadline.limit() is None


@pytest.mark.django_db(transaction=True)
def test_a_server_that_lives_but_is_slow_gets_three_times_the_limit(wire: Relay) -> None:
    with deadline.at_most(1):
        ask("SELECT pg_sleep(1.5)")
        with pytest.raises(OperationalError):
            ask("SELECT pg_sleep(15)")


@pytest.mark.django_db(transaction=True)
def test_a_server_that_takes_no_calls_is_given_up_at_once_by_who_comes_next(wire: Relay) -> None:
    wire.flows.clear()
    with deadline.at_most(60), pytest.raises(OperationalError):
        ask()  # a connection has to be there within two seconds
    called = wire.calls
    with deadline.at_most(60), pytest.raises(OperationalError):
        ask()
    assert wire.calls == called
