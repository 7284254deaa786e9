"""A patient nobody else is called like goes through everything; then log, Redis and mail are searched."""

from __future__ import annotations

import io
import logging
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.core import mail
from django.test import Client
from pytest_django.fixtures import Settings
from redis import Redis
from rest_framework.test import APIClient

from clinics.models import Clinic, Role
from devices.models import Device
from patients.models import Patient
from tenovi.models import Delivery, RequestKind
from tenovi.outbound import enqueue as queue
from tenovi.outbound.sender import drain
from tests.clinics.signing_in import letters_to, try_sign_in
from tests.factories import assign, deliver, element, knock, make_device, make_patient, make_user
from tests.rest import api_client
from tests.test_architecture import ROOT
from tests.vendor import DEVICES, PATIENTS, stub_as_vendor, vendor_clinic, wire_device, wire_page
from tests.vendor_stub import Reply, VendorStub

CANARY = "zanzibarius"
"""In every text of the patient, and in nothing else."""
EXTERNAL_ID = f"mrn-{CANARY}"
OUR_APPS = (
    *("patients", "devices", "measurements", "fulfillment", "billing", "tenovi", "clinics"),
    *("axes", "knox", "sessions"),
)


def test_every_field_is_classified() -> None:
    text = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    table: dict[str, list[str]] = {}
    for model, *columns in re.findall(r"^\| (\w+\.\w+) \|(.*)\|(.*)\|(.*)\|$", text, re.MULTILINE):
        table[model] = [name.strip() for column in columns for name in column.split(",") if name.strip()]
    fields = {
        model._meta.label: sorted(field.name for field in model._meta.concrete_fields)
        for label in OUR_APPS
        for model in apps.get_app_config(label).get_models()
    }
    assert {model: sorted(names) for model, names in table.items()} == fields


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the console's handler writes while everything is told to talk."""
    (console,) = (
        one
        for one in logging.getLogger().handlers
        if isinstance(one, logging.StreamHandler) and one.formatter and one.filters
    )
    written, level = io.StringIO(), logging.getLogger().level
    before = console.setStream(written)
    logging.getLogger().setLevel(logging.INFO)
    yield written
    logging.getLogger().setLevel(level)
    console.setStream(before)


@pytest.fixture
def vendor(settings: Settings) -> Iterator[VendorStub]:
    with stub_as_vendor(settings) as stub:
        yield stub


@pytest.fixture
def clinic(transactional_db: None) -> Clinic:
    return vendor_clinic()


@pytest.fixture
def patient(clinic: Clinic) -> Patient:
    texts = dict.fromkeys(("name", "address", "city", "physician"), f"{CANARY.title()} X")
    return make_patient(clinic, EXTERNAL_ID, **texts)


@pytest.fixture
def device(clinic: Clinic, patient: Patient) -> Device:
    device = make_device(clinic)
    assign(device, patient)
    return device


def send_everything(clinic: Clinic, device: Device) -> None:
    """Good, bad and impossible deliveries that name the patient."""
    named = {"patient_id": EXTERNAL_ID, "patient": CANARY}
    deliver(clinic, element(device, **named))
    deliver(clinic, element(device, **named, value_1=CANARY, timestamp=CANARY))
    deliver(clinic, element(uuid.uuid4(), **named))
    deliver(clinic, f"not json {CANARY}".encode())
    deliver(
        clinic, {"status": CANARY, "patient_id": EXTERNAL_ID, "tracking_link": CANARY}, kind="fulfillment"
    )
    deliver(clinic, {"request_id": CANARY, "contents": CANARY}, kind="special-orders")
    knock("POST", f"/webhooks/{CANARY}/measurements/", f"Basic {CANARY}", CANARY.encode())
    knock("GET", f"/webhooks/alpha/measurements/?{CANARY}", CANARY)


def look_everywhere(clinic: Clinic, patient: Patient) -> None:
    """Pages and API, by those who may and those who may not, with the name in path and query."""
    for role in (Role.CLINIC_ADMIN, Role.BILLING):
        user = make_user(f"{role}@alpha.test", clinic, role)
        browser = Client(raise_request_exception=False)
        browser.force_login(user)
        for caller in (browser, api_client(user), APIClient()):
            for path in (
                f"/c/alpha/patients/?q={CANARY}",
                f"/c/alpha/patients/{patient.id}/",
                f"/c/alpha/billing/vital-days.csv?month=2025-03&x={CANARY}",
                f"/c/alpha/{CANARY}/",
                f"/api/v1/clinics/alpha/patients/{EXTERNAL_ID}/",
                f"/api/v1/clinics/alpha/patients/{EXTERNAL_ID}/measurements/?taken_after={CANARY}",
                f"/api/v1/clinics/alpha/patients/{CANARY}/series/?metric={CANARY}",
            ):
                caller.get(path)
            caller.post(f"/c/alpha/patients/?{CANARY}", {"name": CANARY})
    for delivery in Delivery.objects.for_clinic(clinic):
        api_client(user).get(f"/api/v1/clinics/alpha/deliveries/{delivery.id}/raw/")
    try_sign_in(f"{CANARY}@home.test", CANARY)
    Client().post("/password/", {"email": f"{CANARY}@home.test"})


def ask_the_vendor(clinic: Clinic, vendor: VendorStub) -> None:
    """A good list, and answers that fail while they name the patient."""
    vendor.reply(DEVICES, wire_page(wire_device(7, EXTERNAL_ID), wire_device(8, CANARY)))
    vendor.reply(PATIENTS, Reply(400, body={"external_id": [CANARY], "name": CANARY}))
    for kind in (RequestKind.DEVICES, RequestKind.PATIENTS):
        queue.enqueue(clinic, kind)
    queue.enqueue(clinic, RequestKind.PATIENT, EXTERNAL_ID)
    drain(seconds=60)
    assert EXTERNAL_ID in "".join(vendor.paths())


def in_redis() -> bytes:
    """Every key and value that Redis holds."""

    def value(key: bytes) -> Any:
        readers = {
            b"string": redis.get,
            b"list": lambda key: redis.lrange(key, 0, -1),
            b"hash": redis.hgetall,
            b"set": redis.smembers,
            b"zset": lambda key: redis.zrange(key, 0, -1),
        }
        return readers[redis.type(key)](key)

    with Redis.from_url(django_settings.REDIS_URL) as redis:
        return repr([(key, value(key)) for key in redis.scan_iter()]).encode()


def test_a_patients_name_is_in_no_log_no_broker_and_no_letter(
    clinic: Clinic, patient: Patient, device: Device, vendor: VendorStub, log: io.StringIO
) -> None:
    send_everything(clinic, device)
    look_everywhere(clinic, patient)
    ask_the_vendor(clinic, vendor)
    written = log.getvalue()
    assert written.count('"route"') > 50, "The log was on"
    assert [line for line in written.splitlines() if CANARY in line.casefold()] == []
    assert CANARY.encode() not in in_redis().lower()
    assert letters_to(f"{CANARY}@home.test") == []
    assert CANARY not in repr([letter.message().as_string() for letter in mail.outbox]).casefold()


def test_a_failure_in_our_code_tells_where_and_not_of_whom(
    clinic: Clinic, device: Device, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError(f"Key (external_id)=({EXTERNAL_ID}) already exists.")

    user = make_user("alice@alpha.test", clinic)
    monkeypatch.setattr("patients.api.patient_with_external_id", fail)
    caller = Client(raise_request_exception=False)
    caller.force_login(user)
    answer = caller.get(f"/api/v1/clinics/alpha/patients/{EXTERNAL_ID}/")
    assert answer.status_code == 500
    assert CANARY.encode() not in answer.content
    logging.getLogger("celery.app.trace").error(
        "Task %(name)s[%(id)s] %(description)s: %(exc)s",
        {"name": "tenovi.drain", "id": "1", "description": "raised unexpected", "exc": EXTERNAL_ID},
    )
    written = log.getvalue()
    assert '"error": "RuntimeError"' in written
    assert "patients/api.py:" in written
    assert "Task tenovi.drain[1] raised unexpected" in written
    assert CANARY not in written


def test_nobody_forges_a_line_of_the_log(log: io.StringIO) -> None:
    logging.getLogger("vitaldays").warning("%s", 'x\n{"level": "INFO"}\u2028\x1b[2J')
    (line,) = log.getvalue().splitlines()
    assert line.isascii()
    assert line.isprintable()


@pytest.mark.django_db
def test_a_request_leaves_one_line_that_says_who_where_and_how_it_ended(log: io.StringIO) -> None:
    user = make_user("alice@alpha.test", vendor_clinic())
    client = Client()
    client.force_login(user)
    answer = client.get("/c/alpha/patients/?q=somebody")
    (line,) = (line for line in log.getvalue().splitlines() if '"request"' in line)
    for part in (
        f'"request": "{answer["X-Request-ID"]}"',
        f'"actor": "{user.id}"',
        '"clinic": "alpha"',
        '"route": "/c/<slug:clinic>/patients/"',
        '"status": 200',
    ):
        assert part in line
    assert "somebody" not in line


@pytest.mark.django_db
def test_a_script_is_named_in_its_lines_too(log: io.StringIO) -> None:
    user = make_user("script@alpha.test", vendor_clinic())
    api_client(user).get("/api/v1/clinics/alpha/patients/")
    (line,) = (line for line in log.getvalue().splitlines() if '"request"' in line)
    assert f'"actor": "{user.id}", "clinic": "alpha"' in line
