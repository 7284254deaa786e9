"""The client against a vendor over real HTTP, well-behaved and broken."""

from __future__ import annotations

import datetime
import json
import socket
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tenovi.client import errors
from tenovi.client.endpoints import SIZE_CAP, CallRecord, TenoviClient
from tenovi.client.gate import NoLimit
from tests.vendor_stub import DOMAIN, KEY, Reply, VendorStub

PAYLOADS = Path(__file__).parent.parent / "payloads" / "api"
DEVICE = uuid.UUID("0b7c1f5e-6a0d-4b1e-9a55-2f4d7a1c9e01")
DEVICES = "/hwi/hwi-devices/"


def payload(name: str) -> Any:
    return json.loads((PAYLOADS / name).read_text())


@pytest.fixture
def stub() -> Iterator[VendorStub]:
    with VendorStub() as running:
        yield running


@pytest.fixture
def client(stub: VendorStub) -> TenoviClient:
    return TenoviClient(stub.url, DOMAIN, KEY, gate=NoLimit(), deadline=60)


def failure_of(call: Callable[[], object]) -> errors.VendorError:
    with pytest.raises(errors.VendorError) as caught:
        call()
    return caught.value


def test_a_request_carries_the_key_and_asks_by_page_on_a_path_with_its_slash(
    stub: VendorStub, client: TenoviClient
) -> None:
    stub.reply(DEVICES, Reply(body=[]))
    client.devices()
    (asked,) = stub.asked
    assert asked.path == f"/clients/{DOMAIN}/hwi/hwi-devices/"
    assert asked.query == "page=1&page_size=500"
    assert asked.headers["Authorization"] == f"Api-Key {KEY}"


@pytest.mark.parametrize("name", ["device-page.json", "device-array.json"])
def test_both_list_shapes_are_read(stub: VendorStub, client: TenoviClient, name: str) -> None:
    stub.reply(DEVICES, Reply(body=payload(name)))
    device = client.devices().results[0]
    assert (device.hwi_device_id, device.name, device.sensor_code) == (DEVICE, "Tenovi BPM - L", "10")
    assert device.patient is not None
    assert device.patient.external_id == "mrn-7781"
    assert device.created == datetime.datetime(2025, 3, 4, 15, 2, 11, 204917, tzinfo=datetime.UTC)


def test_the_next_page_is_asked_of_our_host_whatever_host_the_link_names(
    stub: VendorStub, client: TenoviClient
) -> None:
    stub.reply(DEVICES, Reply(body=payload("device-page.json")), Reply(body=payload("device-array.json")))
    first = client.devices()
    assert first.total == 240
    client.devices(first.next)
    assert [asked.query for asked in stub.asked] == ["page=1&page_size=500", "page=2&page_size=100"]


def test_a_page_that_names_itself_as_the_next_is_an_error(stub: VendorStub, client: TenoviClient) -> None:
    link = f"{stub.url}/x/?page=1&page_size=500"
    stub.reply(DEVICES, Reply(body={"count": 1, "next": link, "previous": None, "results": []}))
    assert isinstance(failure_of(client.devices), errors.UnreadableAnswer)


def test_a_list_that_became_shorter_ends_where_its_page_is_gone(
    stub: VendorStub, client: TenoviClient
) -> None:
    assert client.devices("page=9&page_size=500").results == ()


def test_a_row_without_its_id_is_counted_and_costs_no_other_row(
    stub: VendorStub, client: TenoviClient
) -> None:
    rows = [{"status": "Delivered"}, payload("device.json"), "text", {"id": "not-a-uuid"}]
    stub.reply(DEVICES, Reply(body=rows))
    page = client.devices()
    assert [device.hwi_device_id for device in page.results] == [DEVICE]
    assert page.unusable == 3


def test_a_device_without_patient_and_one_with_unknown_keys(stub: VendorStub, client: TenoviClient) -> None:
    stub.reply(f"{DEVICES}{DEVICE}/", *(Reply(body=payload(f"device-{case}.json")) for case in CASES))
    bare, full = client.device(DEVICE), client.device(DEVICE)
    assert bare.patient is None
    assert full.last_measurement == datetime.datetime(2025, 3, 4, 15, 10, 22, 318204, tzinfo=datetime.UTC)


CASES = ["without-patient", "with-further-keys"]


def test_patients_and_device_types_are_read(stub: VendorStub, client: TenoviClient) -> None:
    stub.reply("/hwi/hwi-patients/", Reply(body=payload("patient-page.json")))
    stub.reply("/hwi/hwi-device-types/", Reply(body=payload("device-types.json")))
    page = client.patients()
    assert (page.results[0].external_id, page.results[0].zip_code, page.next) == (
        "patient-001",
        "92614",
        "page=2",
    )
    assert client.device_types().results[0].name == "Tenovi Scale"


def test_an_external_id_cannot_leave_its_place_in_the_path(stub: VendorStub, client: TenoviClient) -> None:
    failure_of(lambda: client.patient("a/../b?c#d"))
    assert stub.paths() == ["/hwi/hwi-patients/a%2F..%2Fb%3Fc%23d/"]


REFUSALS: list[tuple[Reply, type[errors.VendorError]]] = [
    (Reply(403, {"detail": "no"}), errors.KeyRefused),
    (Reply(401, {"detail": "no"}), errors.KeyRefused),
    (Reply(404, {"detail": "no"}), errors.DomainUnknown),
    (Reply(400, {"page": ["no"]}), errors.Invalid),
    (Reply(429, {}), errors.TooManyRequests),
    (Reply(500, b"<html>"), errors.ServerFailed),
    (Reply(301, b"", {"Location": "http://127.0.0.1:9/elsewhere/"}), errors.Redirected),
    (Reply(200, b"<html>sign in</html>", {"Content-Type": "text/html"}), errors.UnreadableAnswer),
    (Reply(200, b'{"results": [{"id"'), errors.UnreadableAnswer),
    (Reply(200, b""), errors.UnreadableAnswer),
    (Reply(200, {"results": "none"}), errors.UnreadableAnswer),
    (Reply(200, 7), errors.UnreadableAnswer),
    (Reply(200, b"[" * 100_000), errors.UnreadableAnswer),
    (Reply(200, b"[]", {"Content-Encoding": "gzip"}), errors.UnreadableAnswer),
    (Reply(200, b"[]", {"Content-Length": "900"}), errors.NoAnswer),
    (Reply(200, b" " * (SIZE_CAP + 1)), errors.TooLarge),
    (Reply(raw=b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (SIZE_CAP + 1)), errors.TooLarge),
    (Reply(raw=b"SSH-2.0-OpenSSH_9.2\r\n"), errors.NoAnswer),
    (Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", pause=3), errors.NoAnswer),
    (Reply(raw=b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 9000, pause=0.02), errors.NoAnswer),
]


@pytest.mark.parametrize(("reply", "expected"), REFUSALS)
def test_every_bad_answer_is_one_error_in_words_within_the_deadline(
    stub: VendorStub, reply: Reply, expected: type[errors.VendorError]
) -> None:
    """An answer that comes byte by byte would take minutes."""
    stub.reply(DEVICES, reply)
    client = TenoviClient(stub.url, DOMAIN, KEY, gate=NoLimit(), deadline=1 if reply.pause else 60)
    started = time.monotonic()
    error = failure_of(client.devices)
    assert type(error) is expected
    assert time.monotonic() - started < 60
    assert len(stub.asked) == 1
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(client)
    assert KEY not in shown
    assert "html" not in error.sentence


def test_a_vendor_that_is_not_there_was_sent_nothing() -> None:
    client = TenoviClient("http://127.0.0.1:9", DOMAIN, KEY, gate=NoLimit())
    error = failure_of(client.devices)
    assert type(error) is errors.Unreachable
    assert error.effect is errors.Effect.RETRYABLE


def test_a_tls_handshake_that_never_ends_is_cut_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"https://127.0.0.1:{silent.getsockname()[1]}"
        client = TenoviClient(address, DOMAIN, KEY, gate=NoLimit(), deadline=0.3)
        assert type(failure_of(client.devices)) is errors.Unreachable


@pytest.mark.parametrize(("text", "seconds"), [("7", 7.0), ("soon", None), ("-3", None)])
def test_the_time_a_429_asks_for(
    stub: VendorStub, client: TenoviClient, text: str, seconds: float | None
) -> None:
    stub.reply(DEVICES, Reply(429, {}, {"Retry-After": text}))
    error = failure_of(client.devices)
    assert isinstance(error, errors.TooManyRequests)
    assert error.retry_after == seconds


def test_a_429_may_ask_for_a_time_of_day(stub: VendorStub, client: TenoviClient) -> None:
    at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=60)
    stub.reply(DEVICES, Reply(429, {}, {"Retry-After": at.strftime("%a, %d %b %Y %H:%M:%S GMT")}))
    error = failure_of(client.devices)
    assert isinstance(error, errors.TooManyRequests)
    assert error.retry_after == pytest.approx(60, abs=3)


def test_each_exchange_is_told_to_the_log_without_ids(stub: VendorStub) -> None:
    records: list[CallRecord] = []
    client = TenoviClient(stub.url, DOMAIN, KEY, gate=NoLimit(), log=records.append)
    stub.reply(f"{DEVICES}{DEVICE}/", Reply(body=payload("device.json")), Reply(500))
    client.device(DEVICE)
    failure_of(lambda: client.device(DEVICE))
    assert [(record.path, record.status) for record in records] == [
        ("/hwi/hwi-devices/{id}/", 200),
        ("/hwi/hwi-devices/{id}/", 500),
    ]
    assert [type(record.error) for record in records] == [type(None), errors.ServerFailed]


def test_a_closed_gate_lets_no_byte_through(stub: VendorStub) -> None:
    class Closed(NoLimit):
        def confirm(self) -> None:
            raise errors.LimiterAway("closed")

    client = TenoviClient(stub.url, DOMAIN, KEY, gate=Closed())
    assert type(failure_of(client.devices)) is errors.LimiterAway
    assert stub.asked == []
