"""Live readings reach a receiver as the vendor would post them, and outlive its absence."""

from __future__ import annotations

import base64
import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, NamedTuple

import pytest

from tests.sandbox_server import Sandbox, end, start_sandbox

pytestmark = pytest.mark.clock


class Post(NamedTuple):
    path: str
    authorization: str
    body: bytes
    answered: int


class Receiver:
    """An HTTP server that keeps what is posted; `status` is what it answers."""

    def __init__(self, port: int = 0) -> None:
        self.posts: queue.Queue[Post] = queue.Queue()
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.status
                receiver.posts.put(Post(self.path, self.headers["Authorization"], body, status))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def next(self) -> Post:
        return self.posts.get(timeout=120)

    def after_one_answered(self, status: int) -> Post:
        """The post that follows one answered `status`: by then its sender has dealt with that answer."""
        while self.next().answered != status:
            pass
        return self.next()

    def all(self) -> list[Any]:
        return [json.loads(self.posts.get_nowait().body) for _ in range(self.posts.qsize())]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def pushing(sandbox: Sandbox, receiver: Receiver) -> Sandbox:
    url = f"http://127.0.0.1:{receiver.port}/hook/"
    sandbox.control("webhook", {"url": url, "header": "Authorization", "value": "Basic abc"})
    return sandbox


def cuff(sandbox: Sandbox) -> str:
    found = sandbox.call("/hwi/hwi-devices/", search="Tenovi BPM").json()
    return str(found[0]["id"])


def test_a_reading_is_one_list_of_rows_with_numbers_as_the_vendor_prints_them(
    pushing: Sandbox, receiver: Receiver
) -> None:
    device = cuff(pushing)
    answer = pushing.control("live", {"device": device})
    assert answer["statuses"] == [200]
    post = receiver.next()
    rows = json.loads(post.body)
    assert [row["metric"] for row in rows][:2] == ["blood_pressure", "pulse"]
    assert f'"value_1": {answer["rows"][0]["value_1"]},'.encode() in post.body
    assert len({row["timestamp"] for row in rows}) == 1


def test_what_was_pushed_is_found_in_the_list_of_measurements(pushing: Sandbox) -> None:
    device = cuff(pushing)
    pushing.control("settings", {"rate_seconds": 0})
    pushed = pushing.control("live", {"device": device})["rows"]
    listed = pushing.call(f"/hwi/hwi-devices/{device}/measurements/", page=1).json()["results"]
    assert all(row in listed for row in pushed)
    assert pushing.call(f"/hwi/hwi-devices/{device}/").json()["last_measurement"] == pushed[-1]["created"]


def test_rows_may_come_one_by_one_as_text_and_with_the_time_of_the_device(
    pushing: Sandbox, receiver: Receiver
) -> None:
    pushing.control("settings", {"push": "single", "values": "strings", "created_equals_timestamp": True})
    count = len(pushing.control("live", {"device": cuff(pushing)})["rows"])
    rows = receiver.all()
    assert len(rows) == count
    assert all(isinstance(row["value_1"], str) and row["created"] == row["timestamp"] for row in rows)


def test_webhooks_can_be_withheld_and_are_still_in_the_list(pushing: Sandbox, receiver: Receiver) -> None:
    device = cuff(pushing)
    pushing.control("settings", {"withhold": 1, "rate_seconds": 0})
    answer = pushing.control("live", {"device": device})
    assert (answer["statuses"], receiver.all()) == ([], [])
    assert (
        answer["rows"][0]
        in pushing.call(f"/hwi/hwi-devices/{device}/measurements/", page=1).json()["results"]
    )


def test_webhooks_can_come_twice_and_out_of_order(pushing: Sandbox, receiver: Receiver) -> None:
    pushing.control("settings", {"duplicate": 1})
    pushing.control("live")
    first, second = receiver.all()
    assert first == second
    pushing.control("settings", {"duplicate": 0, "disorder": 1})
    held_back = pushing.control("live")["rows"]
    assert receiver.all() == []
    pushing.control("settings", {"disorder": 0})
    at_once = pushing.control("live")["rows"]
    assert [[row["created"] for row in rows] for rows in receiver.all()] == [
        [row["created"] for row in at_once],
        [row["created"] for row in held_back],
    ]


def test_a_reading_of_a_device_activated_just_now(pushing: Sandbox, receiver: Receiver) -> None:
    pushing.control("settings", {"rate_seconds": 0})
    before = pushing.call("/hwi/hwi-devices/", page=1).json()["count"]
    device = pushing.control("devices", {"patient": 3, "name": "Tenovi Scale"})
    assert pushing.call("/hwi/hwi-devices/", page=1).json()["count"] == before + 1
    pushing.control("live", {"device": device["id"]})
    (rows,) = receiver.all()
    assert [(row["metric"], row["patient_id"]) for row in rows] == [("weight", "P-0004")]


def test_the_process_goes_on_pushing_when_the_receiver_was_away() -> None:
    receiver = Receiver()
    process, sandbox = start_sandbox(
        "--live-seconds=0.02",
        f"--clinic-url=http://127.0.0.1:{receiver.port}",
        "--clinic=north",
        "--webhook-user=vendor",
        "--webhook-password=secret",
    )
    try:
        post = receiver.next()
        assert post.path == "/webhooks/north/measurements/"
        assert post.authorization == f"Basic {base64.b64encode(b'vendor:secret').decode()}"
        receiver.status = 503
        receiver.after_one_answered(503)
        receiver.close()
        # Nobody listens now: more readings are made, and they are lost as the vendor would lose them.
        assert None in sandbox.control("live", {"count": 2})["statuses"]
        receiver = Receiver(receiver.port)
        assert receiver.after_one_answered(200).path == post.path
    finally:
        receiver.close()
        code, said = end(process)
    assert code == 0
    away = [line for line in said.splitlines() if "The receiver" in line]
    assert "answers 503" in away[0], "an outage is told when it begins, not at every reading"
    assert any("is back" in line for line in away)
