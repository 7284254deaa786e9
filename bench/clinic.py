"""The clinic that receives the load, and bodies as the vendor would send them to it."""

from __future__ import annotations

import base64
import datetime
import json
import random
import uuid

from clinics import webhook_secrets
from clinics.models import Clinic
from devices.from_vendor import add_gateways
from devices.models import Assignment, Device
from patients.models import Patient

SLUG = "load"
PATH = f"/webhooks/{SLUG}/measurements/"
_CREDENTIALS = "tenovi", "a secret for measuring"
AUTHORIZATION = "Basic " + base64.b64encode(":".join(_CREDENTIALS).encode()).decode()
LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
FIRST_MINUTE = datetime.datetime(2025, 1, 1, 12, tzinfo=datetime.UTC)
MINUTES = 300 * 24 * 60
"""Readings are taken in any of this many minutes from the first."""

Element = dict[str, object]
"""One reading as the vendor sends it."""


def patient_id(number: int) -> uuid.UUID:
    """Our own ids are counted here, so that plain SQL can name them too."""
    return uuid.UUID(int=(1 << 64) + number)


def device_id(number: int) -> uuid.UUID:
    return uuid.UUID(int=(2 << 64) + number)


def hwi_device_id(number: int) -> uuid.UUID:
    return uuid.UUID(int=(3 << 64) + number)


def gateway_id(number: int) -> str:
    return f"{number:012X}"


def create(patients: int) -> Clinic:
    """Patients numbered from 1, each with a cuff behind a gateway."""
    clinic = Clinic.objects.create(slug=SLUG, name="Load", timezone="America/New_York")
    webhook_secrets.add_basic(clinic, *_CREDENTIALS)
    numbers = range(1, patients + 1)
    Patient.objects.bulk_create(
        [
            Patient(id=patient_id(n), clinic=clinic, external_id=f"P-{n:05}", timezone="America/New_York")
            for n in numbers
        ]
    )
    Device.objects.bulk_create(
        [
            Device(
                id=device_id(n),
                clinic=clinic,
                hwi_device_id=hwi_device_id(n),
                kind="tenovi-bpm",
                sensor_code="10",
                hardware_uuid=gateway_id(n),
            )
            for n in numbers
        ]
    )
    Assignment.objects.bulk_create(
        [
            Assignment(clinic=clinic, device_id=device_id(n), patient_id=patient_id(n), starts_at=LONG_AGO)
            for n in numbers
        ]
    )
    add_gateways(clinic, [gateway_id(n) for n in numbers])
    return clinic


def bodies(count: int, dice: random.Random, patients: int, *, repeated: float = 0.0) -> list[bytes]:
    """Webhook bodies of three readings each; this share of them repeats one sent shortly before."""
    made: list[bytes] = []
    for _ in range(count):
        if made and dice.random() < repeated:
            made.append(dice.choice(made[-200:]))
        else:
            taken = FIRST_MINUTE + datetime.timedelta(minutes=dice.randrange(MINUTES))
            made.append(json.dumps(readings(dice.randint(1, patients), taken, dice)).encode())
    return made


def readings(number: int, taken: datetime.datetime, dice: random.Random) -> list[Element]:
    """What the cuff of one patient sends for one measurement."""
    values = {
        "blood_pressure": (dice.randint(100, 180), dice.randint(60, 95)),
        "pulse": (dice.randint(50, 110), 0),
        "irregular_heartbeat": (1, 0),
    }
    shared: Element = {
        "device_name": "Tenovi BPM - L",
        "hwi_device_id": str(hwi_device_id(number)),
        "patient_id": f"P-{number:05}",
        "hardware_uuid": gateway_id(number),
        "sensor_code": "10",
        "created": f"{taken:%Y-%m-%dT%H:%M}:22.291640Z",
        "timestamp": f"{taken:%Y-%m-%dT%H:%M}:00.000000Z",
        "timezone_offset": -5,
        "estimated_timestamp": False,
        "filter_params": {"measurement_index": dice.randrange(10_000)},
    }
    return [
        {"metric": metric, "value_1": f"{first:.2f}", "value_2": f"{second:.2f}", **shared}
        for metric, (first, second) in values.items()
    ]
