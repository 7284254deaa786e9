"""The measurement door behind a real server: what only bytes on a wire can show."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, transaction

from clinics.models import Clinic
from measurements.models import Measurement, VitalDay
from tenovi.models import Delivery
from tests.factories import credentials, element, held_device, make_clinic
from tests.web_server import WebServer

MIB = 1024 * 1024

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def reading(clinic: Clinic) -> bytes:
    return json.dumps(element(held_device(clinic))).encode()


def head(clinic: Clinic, *lines: str, method: str = "POST", close: bool = True) -> bytes:
    """The request up to its body; `lines` are further headers."""
    first = [
        f"{method} /webhooks/alpha/measurements/ HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: {credentials(clinic)}",
        f"Connection: {'close' if close else 'keep-alive'}",
    ]
    return "\r\n".join([*first, *lines, "", ""]).encode("latin-1")


def whole(clinic: Clinic, body: bytes, *lines: str, close: bool = True) -> bytes:
    return head(clinic, f"Content-Length: {len(body)}", *lines, close=close) + body


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def counts(answer: bytes) -> dict[str, int]:
    found: dict[str, int] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return {name: count for name, count in found.items() if name not in ("delivery", "received") and count}


def test_a_chunked_body_is_stored(web_server: WebServer, clinic: Clinic, reading: bytes) -> None:
    status, answer = web_server.exchange(head(clinic, "Transfer-Encoding: chunked"), chunked(reading, 7))
    assert (status, counts(answer)) == (200, {"stored": 1})


def test_a_chunked_body_has_the_same_limit(web_server: WebServer, clinic: Clinic, reading: bytes) -> None:
    for body, expected in ((reading.ljust(MIB), 200), (reading.ljust(MIB + 1), 413)):
        status, _ = web_server.exchange(head(clinic, "Transfer-Encoding: chunked"), chunked(body, 100_000))
        assert status == expected


@pytest.mark.parametrize("length", [MIB + 1, 10**10])
def test_a_length_over_the_limit_is_refused_before_the_body_comes(
    web_server: WebServer,
    clinic: Clinic,
    length: int,
) -> None:
    with web_server.connect() as connection:
        connection.sendall(head(clinic, f"Content-Length: {length}"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_post_without_any_body_is_not_json(web_server: WebServer, clinic: Clinic) -> None:
    assert web_server.exchange(head(clinic))[0] == 400
    assert web_server.exchange(head(clinic, "Content-Length: 0"))[0] == 400


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_only_post_is_let_in_by_the_server_too(web_server: WebServer, clinic: Clinic, method: str) -> None:
    assert web_server.exchange(head(clinic, method=method))[0] == 405


@pytest.mark.parametrize("line", ["Authorization: Basic eDp5", "Authorization:"])
def test_two_authorization_headers_are_no_credentials(
    web_server: WebServer,
    clinic: Clinic,
    line: str,
) -> None:
    assert web_server.exchange(head(clinic, line, "Content-Length: 2") + b"{}")[0] == 401


def test_bytes_that_are_no_text_are_no_credentials(web_server: WebServer, clinic: Clinic) -> None:
    request = whole(clinic, b"{}").replace(credentials(clinic).encode(), b"Basic \xff\xfe\xe4")
    assert web_server.exchange(request)[0] == 401


def test_a_repeat_on_one_connection_is_a_duplicate(
    web_server: WebServer,
    clinic: Clinic,
    reading: bytes,
) -> None:
    sender = http.client.HTTPConnection(web_server.host, web_server.port, timeout=60)
    outcomes = []
    for _ in range(2):
        sender.request(
            "POST",
            "/webhooks/alpha/measurements/",
            reading,
            {"Authorization": credentials(clinic), "Content-Type": "application/json"},
        )
        outcomes.append(counts(b"\r\n\r\n" + sender.getresponse().read()))
    sender.close()
    assert outcomes == [{"stored": 1}, {"duplicates": 1}]


def test_a_sender_that_waits_for_continue_is_told_to(
    web_server: WebServer,
    clinic: Clinic,
    reading: bytes,
) -> None:
    with web_server.connect() as connection:
        connection.sendall(head(clinic, f"Content-Length: {len(reading)}", "Expect: 100-continue"))
        assert connection.recv(1024).startswith(b"HTTP/1.1 100 ")
        connection.sendall(reading)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_sender_that_hangs_up_half_way_leaves_no_reading(
    web_server: WebServer,
    clinic: Clinic,
    reading: bytes,
) -> None:
    with web_server.connect() as connection:
        connection.sendall(whole(clinic, reading)[:-20])
    status, answer = web_server.exchange(whole(clinic, reading))
    assert (status, counts(answer)) == (200, {"stored": 1})


def test_a_sender_that_gives_up_waiting_loses_nothing(
    web_server: WebServer,
    clinic: Clinic,
    reading: bytes,
) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE measurements_measurement IN ACCESS EXCLUSIVE MODE")
        with web_server.connect() as sender:
            sender.sendall(whole(clinic, reading))
            until(lambda: _waits_for_a_lock(cursor))
    until(Measurement.objects.for_clinic(clinic).exists)
    assert counts(web_server.exchange(whole(clinic, reading))[1]) == {"duplicates": 1}


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _waits_for_a_lock(cursor: Any) -> bool:
    cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
    return bool(cursor.fetchone()[0])


def test_fifty_identical_deliveries_at_once_are_one_reading(
    web_server: WebServer,
    clinic: Clinic,
    reading: bytes,
) -> None:
    together = Barrier(50)

    def send(_: int) -> tuple[int, bytes]:
        together.wait()
        return web_server.exchange(whole(clinic, reading))

    with ThreadPoolExecutor(50) as senders:
        answers = list(senders.map(send, range(50)))
    assert [status for status, _ in answers] == [200] * 50
    outcomes = [counts(answer) for _, answer in answers]
    assert (outcomes.count({"stored": 1}), outcomes.count({"duplicates": 1})) == (1, 49)
    assert Measurement.objects.for_clinic(clinic).count() == 1
    assert VitalDay.objects.for_clinic(clinic).get().readings == 1
    assert Delivery.objects.for_clinic(clinic).filter(state="settled").count() == 50
