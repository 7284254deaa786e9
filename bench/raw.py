"""The least that could serve the same deliveries: a bare WSGI callable and psycopg, running the SQL of the product's webhook view.

It trusts every body: nothing is validated, quarantined, or told apart beyond what storing needs.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import json
import os
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

QUESTION, KEEP, LOCK, KNOWN, STORE, CONTACTS = json.loads(
    Path(os.environ["BENCH_FOLDER"], "statements.json").read_text()
)
here = threading.local()


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    if not hasattr(here, "connection"):
        here.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, prepare_threshold=0)
    with here.connection.cursor() as cursor:
        clinic = clinic_of(cursor, environ)
        counts = stored(cursor, clinic, body, environ["CONTENT_TYPE"])
    answer = json.dumps(counts).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [answer]


def clinic_of(cursor: psycopg.Cursor[Any], environ: dict[str, Any]) -> uuid.UUID:
    slug = environ["PATH_INFO"].split("/")[2]
    cursor.execute(QUESTION, [600.0, slug])
    clinic, *_, salt, digest, _, _ = cursor.fetchall()[0]
    shown = b"basic\0" + base64.b64decode(environ["HTTP_AUTHORIZATION"].removeprefix("Basic "))
    if not hmac.compare_digest(hashlib.sha256(salt + shown).digest(), digest):
        raise PermissionError
    found: uuid.UUID = clinic
    return found


def stored(
    cursor: psycopg.Cursor[Any], clinic: uuid.UUID, body: bytes, content_type: str
) -> dict[str, object]:
    elements = json.loads(body)
    delivery = uuid.uuid4()
    kept = [delivery, clinic, "measurements", body, len(body), content_type, "127.0.0.1", len(elements)]
    cursor.execute("BEGIN")
    cursor.execute(KEEP, [*kept, "settled", False, "2s"])
    received_at = cursor.fetchall()[0][0]
    named = {uuid.UUID(element["hwi_device_id"]) for element in elements}
    cursor.execute(LOCK, [lock_of(clinic, b""), sorted(lock_of(clinic, each.bytes) for each in named)])
    cursor.execute(KNOWN, [clinic, list(named)])
    known = {row[0]: row for row in cursor.fetchall()}
    rows = [row_for(element, known) for element in elements]
    cursor.execute(STORE, [clinic, received_at, "webhook", delivery, json.dumps(rows)])
    new = sum(position is not None and is_new is True for position, is_new, *_ in cursor.fetchall())
    if new:
        gateways = {element["hardware_uuid"] for element in elements}
        cursor.execute(CONTACTS, [list(gateways), [received_at] * len(gateways), clinic])
    cursor.execute("COMMIT")
    return {
        "delivery": str(delivery),
        "received": len(rows),
        "stored": new,
        "updated": 0,
        "duplicates": len(rows) - new,
        "quarantined": 0,
        "pending": 0,
    }


def lock_of(clinic: uuid.UUID, name: bytes) -> int:
    digest = hashlib.blake2b(clinic.bytes + name, digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def row_for(element: dict[str, Any], known: dict[uuid.UUID, tuple[Any, ...]]) -> dict[str, object]:
    metric, value_1, value_2 = element["metric"], element["value_1"], element["value_2"]
    hwi_device_id, device, _, _, _, patient, *_ = known[uuid.UUID(element["hwi_device_id"])]
    taken_at = datetime.datetime.fromisoformat(element["timestamp"])
    index = str(element["filter_params"]["measurement_index"])
    local = taken_at + datetime.timedelta(hours=element["timezone_offset"])
    return {
        "device_id": str(device),
        "hwi_device_id": str(hwi_device_id),
        "patient_id": str(patient),
        "metric": metric,
        "value_1": value_1,
        "value_2": value_2 if metric == "blood_pressure" else None,
        "taken_at": element["timestamp"],
        "identity": hashed("identity", metric, "", index, value_1, value_2),
        "slot": hashed("slot", metric, "", index),
        "keeps_greatest": False,
        "local_date": str(local.date()),
        "local_date_rule": "offset",
        "program": "RPM",
        "vital": True,
        "counts": True,
        "control": False,
        "is_invalid": False,
        "estimated": element["estimated_timestamp"],
        "named_patient": element["patient_id"],
        "sensor_code": element["sensor_code"],
        "hardware_uuid": element["hardware_uuid"],
        "timezone_offset": element["timezone_offset"],
        "vendor_created": element["created"],
        "context": element["filter_params"],
    }


def hashed(*parts: str) -> str:
    return str(uuid.UUID(bytes=hashlib.blake2b("\x1f".join(("1", *parts)).encode(), digest_size=16).digest()))
