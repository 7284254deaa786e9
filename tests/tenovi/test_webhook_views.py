"""The measurement door: every row of the public table of answers, in its order."""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test import Client
from pytest_django import Settings

from clinics.models import Clinic
from measurements.models import Measurement
from tenovi.models import Delivery
from tests.database import database_read_only
from tests.factories import (
    JSON,
    credentials,
    deliver,
    element,
    held_device,
    knock,
    make_clinic,
    settled,
    vendor_time,
)

MIB = 1024 * 1024

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


def deliveries(clinic: Clinic) -> list[Delivery]:
    return list(Delivery.objects.for_clinic(clinic))


# 405, 413, 415.


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FROB"])
def test_only_post_is_let_in(clinic: Clinic, method: str) -> None:
    path = "/webhooks/alpha/measurements/"
    assert knock(method, path, None).status_code == 401
    answer = knock(method, path, credentials(clinic))
    assert answer.status_code == 405
    assert answer["Allow"] == "POST"
    assert deliveries(clinic) == []


def test_a_wrong_method_is_told_before_a_wrong_size(clinic: Clinic) -> None:
    answer = knock("PUT", "/webhooks/alpha/measurements/", credentials(clinic), b" " * (MIB + 1))
    assert answer.status_code == 405


def test_one_mebibyte_is_taken_and_a_byte_more_is_not(clinic: Clinic) -> None:
    body = json.dumps(element(held_device(clinic))).encode()
    assert settled(deliver(clinic, body.ljust(MIB))) == {"stored": 1}
    answer = deliver(clinic, body.ljust(MIB + 1), content_type="multipart/form-data")
    assert answer.status_code == 413
    kept = Delivery.objects.for_clinic(clinic).get(id=answer.json()["delivery"])
    assert (kept.state, kept.reason, bytes(kept.raw), kept.size) == ("rejected", "too_large", b"", MIB + 1)


@pytest.mark.parametrize("declared", ["2147483648", "9" * 19])
def test_an_absurd_declared_length_is_too_large_too(clinic: Clinic, declared: str) -> None:
    assert deliver(clinic, b"{}", CONTENT_LENGTH=declared).status_code == 413


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "Multipart/Form-Data; boundary=x", "multipart/mixed"],
)
def test_forms_are_refused_and_kept(clinic: Clinic, content_type: str) -> None:
    body = json.dumps(element(held_device(clinic))).encode()
    answer = deliver(clinic, body, content_type=content_type)
    assert answer.status_code == 415
    kept = Delivery.objects.for_clinic(clinic).get(id=answer.json()["delivery"])
    assert (kept.state, kept.reason, bytes(kept.raw)) == ("rejected", "form_body", body)
    assert not Measurement.objects.for_clinic(clinic).exists()


@pytest.mark.parametrize("encoding", ["gzip", "br", "GZIP", "deflate, identity"])
def test_compressed_bodies_are_refused_and_kept_as_they_are(clinic: Clinic, encoding: str) -> None:
    answer = deliver(clinic, b"\x1f\x8b\x08\x00", headers={"Content-Encoding": encoding})
    assert answer.status_code == 415
    [kept] = deliveries(clinic)
    assert (kept.reason, bytes(kept.raw)) == ("compressed_body", b"\x1f\x8b\x08\x00")


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/octet-stream",
        "application/vnd.api+json",
        "APPLICATION/JSON",
        "nonsense",
    ],
)
def test_any_other_content_type_is_read_as_json(clinic: Clinic, content_type: str) -> None:
    device = held_device(clinic)
    headers = {"Content-Encoding": "Identity"}
    assert settled(deliver(clinic, element(device), content_type=content_type, headers=headers)) == {
        "stored": 1
    }


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("?format=xml", {}),
        ("?format=api&unknown=1", {}),
        ("", {"Accept": "text/html"}),
        ("", {"Accept": "nonsense"}),
        ("", {"Accept": "application/xml;q=0.9, application/json;q=0"}),
        ("", {"Cookie": "sessionid=0123456789abcdef0123456789abcdef; csrftoken=x"}),
        ("", {"X-Forwarded-For": "not an address, " * 100}),
        ("", {"Origin": "https://elsewhere.example", "Referer": "https://elsewhere.example/"}),
        ("", {"X-HTTP-Method-Override": "DELETE"}),
    ],
)
def test_nothing_around_the_body_costs_a_reading(clinic: Clinic, query: str, headers: dict[str, str]) -> None:
    body = json.dumps(element(held_device(clinic))).encode()
    headers = {"Authorization": credentials(clinic)} | headers
    path = f"/webhooks/alpha/measurements/{query}"
    answer = Client(enforce_csrf_checks=True).generic("POST", path, body, JSON, headers=headers)
    assert settled(answer) == {"stored": 1}
    assert answer["Content-Type"] == JSON


# 400: nothing in it could be an element.


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_json"),
        (b"   ", "not_json"),
        (b"{", "not_json"),
        (b"{} {}", "not_json"),
        (b'{"metric": NaN}', "not_json"),
        (b'{"value_1": -Infinity}', "not_json"),
        (b'{"metric": "pulse",}', "not_json"),
        (b"{'metric': 'pulse'}", "not_json"),
        (b'{"metric": "a\nb"}', "not_json"),
        (b'{"value_1": 01}', "not_json"),
        (b'{"device_name": "\xff\xfe"}', "not_json"),
        ('{"metric": "pulse"}'.encode("utf-16"), "not_json"),
        ('{"metric": "pulse"}'.encode("utf-16-le"), "not_json"),
        (b"\xef\xbb\xbf\xef\xbb\xbf{}", "not_json"),
        (b"null", "no_object"),
        (b"true", "no_object"),
        (b'"text"', "no_object"),
        (b"5", "no_object"),
        (b"[]", "no_object"),
        (b"{}", "no_object"),
        (b"[{}, {}]", "no_object"),
        (b'[[{"metric": "pulse"}]]', "no_object"),
        (b'{"value_1": ' + b"9" * 5000 + b"}", "number_too_long"),
        (b'{"a": ' + b"[" * 64 + b"]" * 64 + b"}", "too_deep"),
        (b'[{"metric": "pulse"}' + b", {}" * 10_000 + b"]", "too_many_elements"),
        (b'{"metric": [' + b"{}," * 50_000 + b"{}]}", "too_many_elements"),
        (b"[" * 500_000, "too_deep"),
        (b'{"a":' * 100_000, "too_deep"),
    ],
    ids=lambda value: value[:24] if isinstance(value, bytes) else value,
)
def test_a_body_without_elements_is_refused_and_kept(clinic: Clinic, body: bytes, reason: str) -> None:
    answer = deliver(clinic, body)
    assert answer.status_code == 400
    assert set(answer.json()) == {"delivery", "error"}
    kept = Delivery.objects.for_clinic(clinic).get(id=answer.json()["delivery"])
    assert (kept.state, kept.reason, bytes(kept.raw), kept.size) == ("rejected", reason, body, len(body))


def test_a_byte_order_mark_outer_blanks_and_64_levels_are_tolerated(clinic: Clinic) -> None:
    device = held_device(clinic)
    nested: Any = []
    for _ in range(62):
        nested = [nested]
    body = json.dumps(element(device, extra=nested)).encode()
    assert settled(deliver(clinic, b"\xef\xbb\xbf \r\n" + body + b"\t\n")) == {"stored": 1}


# 200: committed.


def test_the_answer_counts_each_element_once_and_tells_nothing_about_anybody(clinic: Clinic) -> None:
    device = held_device(clinic)
    deliver(clinic, element(device))
    body = [
        element(device),
        element(device, metric="pulse"),
        element(device, value_1="high"),
        {},
        None,
        element(device, metric="steps", value_1=5),
        element(device, metric="steps", value_1=9),
    ]
    answer = deliver(clinic, body)
    counts = answer.json()
    assert uuid.UUID(counts.pop("delivery")) in {each.id for each in deliveries(clinic)}
    assert counts == {
        "received": 7,
        "stored": 2,
        "updated": 0,
        "duplicates": 2,
        "quarantined": 3,
        "pending": 0,
    }
    assert settled(deliver(clinic, element(device, metric="steps", value_1=10))) == {"updated": 1}


def test_what_came_in_is_kept_byte_for_byte(clinic: Clinic) -> None:
    body = b' {"metric" :\t"pulse", "hwi_device_id": "\\ud800\\u0000", "v": 1.0e0}\r\n'
    assert settled(deliver(clinic, body, content_type="text/weird; x=" + "y" * 300)) == {"quarantined": 1}
    [kept] = deliveries(clinic)
    assert bytes(kept.raw) == body
    assert (kept.size, kept.elements, kept.state) == (len(body), 1, "quarantined")
    assert (kept.address, len(kept.content_type)) == ("127.0.0.1", 200)


def test_the_bytes_that_came_in_are_never_changed(clinic: Clinic) -> None:
    deliver(clinic, b"not json")
    with pytest.raises(ProgrammingError, match="keeps its bytes"), transaction.atomic():
        Delivery.objects.for_clinic(clinic).update(raw=b"something else")
    assert Delivery.objects.for_clinic(clinic).update(reason="not_json") == 1


def test_both_spellings_of_the_address_work_and_nothing_redirects(clinic: Clinic) -> None:
    body = json.dumps(element(held_device(clinic))).encode()
    authorization = credentials(clinic)
    answers = [knock("POST", f"/webhooks/alpha/measurements{end}", authorization, body) for end in ("", "/")]
    assert [settled(answer) for answer in answers] == [{"stored": 1}, {"duplicates": 1}]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_behind_a_tls_proxy_nothing_redirects_either(clinic: Clinic, settings: Settings, scheme: str) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    for path in ("/webhooks/alpha/measurements", "/webhooks/alpha/measurements/"):
        for authorization, expected in ((credentials(clinic), 400), (None, 401)):
            answer = knock("POST", path, authorization, HTTP_X_FORWARDED_PROTO=scheme)
            assert answer.status_code == expected


@pytest.mark.parametrize(
    "path",
    [
        "/webhooks/alpha//measurements/",
        "/webhooks//measurements/",
        "/webhooks/alpha/measurements//",
        "/webhooks/alpha/measurements/%0A",
        "/webhooks/alpha/measurements%0A",
        "/webhooks/alpha/Measurements/",
        "/webhooks/alpha/elsewhere/",
    ],
)
def test_other_spellings_are_not_found(clinic: Clinic, path: str) -> None:
    assert knock("POST", path, credentials(clinic)).status_code == 404


def test_an_unknown_host_is_refused_by_the_framework(clinic: Clinic) -> None:
    answer = knock(
        "POST", "/webhooks/alpha/measurements/", credentials(clinic), HTTP_HOST="elsewhere.example"
    )
    assert answer.status_code == 400
    assert deliveries(clinic) == []


def test_a_thousand_elements_are_stored_at_once(clinic: Clinic) -> None:
    device = held_device(clinic)
    start = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
    body = [
        element(device, timestamp=vendor_time(start + n * datetime.timedelta(minutes=1)), note="x" * 600)
        for n in range(1000)
    ]
    assert settled(deliver(clinic, body)) == {"stored": 1000}
    assert Measurement.objects.for_clinic(clinic).count() == 1000


# 503: the database cannot keep it.


@contextmanager
def database_gone() -> Iterator[None]:
    port = connection.settings_dict["PORT"]
    connection.close()
    connection.settings_dict["PORT"] = 1
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["PORT"] = port


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("body", [b"{}", b"not json", None], ids=["empty", "unreadable", "reading"])
@pytest.mark.parametrize("trouble", [database_gone, database_read_only])
def test_when_nothing_can_be_kept_the_sender_is_told_to_come_back(trouble: Any, body: bytes | None) -> None:
    clinic = make_clinic("alpha")
    sent = element(held_device(clinic)) if body is None else body
    with trouble():
        answer = deliver(clinic, sent)
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert deliveries(clinic) == []
    assert deliver(clinic, sent).status_code in (200, 400)  # the next call gets a fresh connection
