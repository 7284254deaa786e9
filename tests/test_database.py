"""The connections that the web process keeps from one request to the next."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

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
