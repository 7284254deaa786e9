"""The lock of a key is on a connection of its own: whoever loses it stops before anybody else begins."""

from __future__ import annotations

import logging
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.db.models.functions import Now
from pytest_django import Settings

from clinics.models import Clinic
from config import checks
from fulfillment.models import Order
from fulfillment.order_states import OrderState
from tenovi import key_locks
from tenovi.key_locks import LOCK_CLASS, NAME, try_key_lock
from tenovi.models import Priority, Request, RequestKind
from tenovi.outbound.api_keys import VendorKey, keys_of
from tenovi.outbound.enqueue import enqueue, enqueue_each
from tenovi.outbound.sender import drain
from tenovi.registry import REQUESTS
from tests.factories import make_order, make_patient
from tests.faults.house import eventually
from tests.vendor import vendor_clinic
from tests.vendor_stub import Reply, VendorStub
from tests.web_server import database_url

pytestmark = pytest.mark.django_db(transaction=True)

LOCK_SESSIONS = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s"
NAMES = ["mrn-1", "mrn-2", "mrn-3"]


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    stub.reply_to_everything(Reply(body={"external_id": "x"}))
    return vendor_clinic()


@pytest.fixture
def key(clinic: Clinic) -> VendorKey:
    return keys_of([clinic])[0]


@pytest.fixture
def other_process() -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url(), autocommit=True) as other:
        yield other


def takes(other: psycopg.Connection[Any], key: VendorKey) -> bool:
    """Whether another process gets the key's lock now."""
    number = int(key.budget[:8], 16) - 2**31
    row = other.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_CLASS, number]).fetchone()
    return row == (True,)


def kill_lock(other: psycopg.Connection[Any]) -> int:
    return len(other.execute(LOCK_SESSIONS, [NAME]).fetchall())


def states(clinic: Clinic) -> list[tuple[str, int]]:
    rows = Request.objects.for_clinic(clinic).order_by("target")
    return list(rows.values_list("state", "attempts"))


def test_who_loses_the_lock_sends_nothing_more_before_another_takes_over(
    stub: VendorStub, clinic: Clinic, key: VendorKey, other_process: psycopg.Connection[Any]
) -> None:
    taken: list[bool] = []

    def killed() -> None:
        kill_lock(other_process)
        taken.append(takes(other_process, key))

    stub.reply_to_everything(
        Reply(body={"external_id": "x"}, before=killed), Reply(body={"external_id": "x"})
    )
    enqueue_each(clinic, RequestKind.PATIENT, NAMES)
    assert (drain().sent, taken, len(stub.asked)) == (1, [True], 1)
    assert states(clinic) == [("waiting", 0)] * 2
    assert drain().sent == 0, "the other one has it"
    other_process.execute("SELECT pg_advisory_unlock_all()")
    assert drain().sent == 2


def test_a_lock_that_is_lost_in_the_instant_before_the_first_byte_lets_none_leave(
    stub: VendorStub,
    clinic: Clinic,
    key: VendorKey,
    other_process: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handler = REQUESTS[RequestKind.DEVICE_CREATE]

    def killed(request: Request) -> dict[str, Any]:
        body = handler.payload(request)
        kill_lock(other_process)
        assert takes(other_process, key)
        return body

    monkeypatch.setitem(REQUESTS, RequestKind.DEVICE_CREATE, replace(handler, payload=killed))
    order = make_order(make_patient(clinic))
    enqueue(clinic, RequestKind.DEVICE_CREATE, str(order.id), priority=Priority.PERSON)
    enqueue(clinic, RequestKind.PATIENT, "mrn-1")
    drain()
    assert (stub.asked, states(clinic)) == ([], [("waiting", 0)] * 2)
    assert Order.objects.for_clinic(clinic).get().state == OrderState.QUEUED


def test_a_broken_connection_of_the_work_takes_no_lock_with_it(
    stub: VendorStub, clinic: Clinic, key: VendorKey, other_process: psycopg.Connection[Any]
) -> None:
    taken: list[bool] = []
    others = (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid NOT IN (pg_backend_pid(), %s) AND application_name <> %s"
    )
    connection.ensure_connection()
    ours = connection.connection.info.backend_pid

    def broken() -> None:
        other_process.execute(others, [ours, NAME])
        taken.append(takes(other_process, key))

    stub.reply_to_everything(Reply(body={"external_id": "x"}, before=broken))
    enqueue_each(clinic, RequestKind.PATIENT, NAMES[:1])
    drain()
    assert taken == [False]
    Request.objects.for_clinic(clinic).update(not_before=Now())
    stub.reply_to_everything(Reply(body={"external_id": "x"}))
    drain()
    assert not Request.objects.for_clinic(clinic).exists()


def test_a_process_takes_a_key_once_and_leaves_no_connection_behind(
    key: VendorKey, other_process: psycopg.Connection[Any]
) -> None:
    with try_key_lock(key.budget) as first, try_key_lock(key.budget) as second:
        assert (first is not None, second) == (True, None)
        assert not takes(other_process, key)
        with try_key_lock(uuid.uuid4().hex * 2) as another:
            assert another is not None
            assert kill_lock(other_process) == 1, "one connection for all keys"
            assert (first.is_held() if first else None, another.is_held()) == (False, False)
    assert takes(other_process, key)
    other_process.execute("SELECT pg_advisory_unlock_all()")
    with try_key_lock(key.budget) as again:
        assert again is not None and again.is_held()
    open_ones = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
    assert eventually(lambda: other_process.execute(open_ones, [NAME]).fetchone() == (0,), seconds=60)


def test_a_lost_lock_is_logged(
    clinic: Clinic, stub: VendorStub, other_process: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    def killed() -> None:
        kill_lock(other_process)

    stub.reply_to_everything(Reply(body={"external_id": "x"}, before=killed))
    enqueue_each(clinic, RequestKind.PATIENT, NAMES)
    with caplog.at_level(logging.WARNING):
        drain()
    assert "the lock of an API key was lost: this process sends nothing more with it" in caplog.text


@contextmanager
def pooler() -> Iterator[int]:
    """A wire to PostgreSQL that gives out session numbers of its own, as poolers do; its port."""
    database = connection.settings_dict
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            try:
                caller = listener.accept()[0]
            except OSError:  # closed, and nobody has connected
                return
            with caller, socket.socket() as server:
                server.connect((database["HOST"], int(database["PORT"])))
                threading.Thread(target=copy, args=(caller, server), daemon=True).start()
                copy(server, caller, rewrites=True)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


def copy(source: socket.socket, sink: socket.socket, *, rewrites: bool = False) -> None:
    try:
        while data := source.recv(65536):
            place = data.find(b"K\0\0\0\x0c") if rewrites else -1
            if place >= 0:
                data = data[: place + 5] + b"\0\0\0\x07" + data[place + 9 :]
            sink.sendall(data)
    except OSError:
        return


def test_a_pooler_is_refused_and_named_at_the_start(
    stub: VendorStub, clinic: Clinic, key: VendorKey, settings: Settings
) -> None:
    enqueue_each(clinic, RequestKind.PATIENT, NAMES)
    for refused in (True, False):
        with pooler() as port:
            settings.LOCK_DATABASE = {"HOST": "127.0.0.1", "PORT": port} if refused else {}
            if refused:
                with (
                    pytest.raises(key_locks.BehindPooler, match="LOCK_DATABASE_URL"),
                    try_key_lock(key.budget),
                ):
                    pass
        with pooler() as port:
            settings.LOCK_DATABASE = {"HOST": "127.0.0.1", "PORT": port} if refused else {}
            found = checks.key_locks_hold(None, ["default"])
            assert [one.id for one in found] == (["vitaldays.E004"] if refused else [])
    assert drain().sent == 3


def test_without_a_server_for_the_locks_nothing_is_sent_and_work_waits(
    stub: VendorStub, clinic: Clinic, settings: Settings
) -> None:
    enqueue_each(clinic, RequestKind.PATIENT, NAMES)
    settings.LOCK_DATABASE = {"HOST": "127.0.0.1", "PORT": 9}
    assert (drain().sent, stub.asked) == (0, [])
    with pytest.raises(OperationalError), try_key_lock("a" * 64):
        pass
    settings.LOCK_DATABASE = {}
    assert drain().sent == 3
