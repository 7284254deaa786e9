"""The web process between a socket and Django."""

from __future__ import annotations

import io
import json
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from clinics import webhook_secrets
from tests.factories import credentials, element, held_device, make_clinic, make_user
from tests.rest import token_of
from tests.web_server import THREADS, WebServer

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.django_db(transaction=True)


def request(path: str, *lines: str, body: bytes = b"", length: int | None = None) -> bytes:
    length = len(body) if length is None else length
    first = (f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", f"Content-Length: {length}")
    return "\r\n".join([*first, *lines, "", ""]).encode() + body


@pytest.mark.parametrize("path", ["/webhooks/alpha/measurements/", "/sign-in/"])
def test_more_slow_senders_than_threads_hold_nobody_up(web_server: WebServer, path: str) -> None:
    clinic = make_clinic("alpha")
    body = json.dumps(element(held_device(clinic))).encode()
    shown = f"Authorization: {credentials(clinic)}"
    form = "Content-Type: application/x-www-form-urlencoded"
    with ExitStack() as open_connections:
        for _ in range(2 * THREADS):
            slow = open_connections.enter_context(web_server.connect())
            slow.sendall(request(path, shown, form, length=1000) + b"x")
        status, _ = web_server.exchange(request("/webhooks/alpha/measurements/", shown, body=body))
    assert status == 200


def test_pages_that_get_no_answer_hold_no_webhook_up(web_server: WebServer) -> None:
    clinic = make_clinic("alpha")
    body = json.dumps(element(held_device(clinic))).encode()
    with ExitStack() as open_connections, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE clinics_session IN ACCESS EXCLUSIVE MODE")
        for _ in range(4 * THREADS):
            page = open_connections.enter_context(web_server.connect())
            page.sendall(request("/sign-in/", f"Cookie: sessionid={'x' * 32}").replace(b"POST", b"GET", 1))
        status, _ = web_server.exchange(
            request("/webhooks/alpha/measurements/", f"Authorization: {credentials(clinic)}", body=body)
        )
    assert status == 200


@pytest.mark.parametrize("path", ["/webhooks/alpha/measurements/", "/sign-in/"])
def test_who_ends_a_connection_in_the_middle_of_a_body_is_no_error_of_ours(
    web_server: WebServer, path: str
) -> None:
    """One half of it: the other may still be listened to."""
    with web_server.connect() as sender:
        sender.sendall(request(path, length=100) + b"{")
        sender.shutdown(socket.SHUT_WR)
        assert sender.recv(65536)[:13] in (b"HTTP/1.1 401 ", b"HTTP/1.1 403 ")


class Broken(io.RawIOBase):
    """A body whose sender has gone."""

    def read(self, size: int = -1) -> bytes:
        raise OSError


@pytest.mark.parametrize("path", ["/webhooks/alpha/measurements/", "/api/v1/clinics/alpha/patients/"])
def test_a_body_that_did_not_come_whole_is_its_senders_fault(path: str) -> None:
    clinic = make_clinic("alpha")
    is_door = path.startswith("/webhooks/")
    shown = credentials(clinic) if is_door else token_of(make_user("alice@alpha.test", clinic))
    unread: dict[str, Any] = {"wsgi.input": Broken(), "CONTENT_LENGTH": "100"}
    answer = Client().post(path, b"{", "application/json", headers={"Authorization": shown}, **unread)
    assert answer.status_code == 400
    assert "The body ended early." in answer.content.decode()


def test_a_header_spelt_with_an_underscore_is_not_taken_for_another(web_server: WebServer) -> None:
    clinic = make_clinic("alpha")
    webhook_secrets.add_header(clinic, "X-Vitals-Key", "second")
    statuses = [
        web_server.exchange(request("/webhooks/alpha/measurements/", f"{name}: second", body=b"{}"))[0]
        for name in ("X-Vitals-Key", "X_Vitals_Key", "X-Vitals_Key")
    ]
    assert statuses == [400, 401, 401]


def test_a_file_of_many_blocks_arrives_whole(web_server: WebServer) -> None:
    largest = max((ROOT / "static").rglob("*.*"), key=lambda path: path.stat().st_size)
    address = f"/static/{largest.relative_to(ROOT / 'static')}"
    get = f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    status, answer = web_server.exchange(get.encode())
    assert (status, answer.partition(b"\r\n\r\n")[2]) == (200, largest.read_bytes())


@pytest.mark.parametrize(
    "path", ["/%ff%fe", "/%00", "/webhooks/alpha/measurements/%0A", "/c/%F0%9F%8F%A5/", "/a%2Fb"]
)
def test_any_path_is_answered(web_server: WebServer, path: str) -> None:
    assert web_server.exchange(request(path))[0] in (403, 404)
