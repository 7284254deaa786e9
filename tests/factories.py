"""What tests start from: clinics, people, devices, and readings as the vendor sends them."""

from __future__ import annotations

import base64
import datetime
import functools
import itertools
import json
import uuid
from collections.abc import Mapping
from typing import Any

import pyotp
from django.contrib.auth.hashers import make_password
from django.test import Client

from clinics import webhook_secrets
from clinics.models import Clinic, Membership, Role, SecondFactor, User
from common.encryption import encrypt
from devices.models import Assignment, Device, Gateway
from fulfillment.models import Order
from patients.models import Enrollment, Patient

WEBHOOK_USER = "tenovi"
PASSWORD = "correct-horse-battery"
LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
JSON = "application/json"
GATEWAY_ID = "A1B2C3D4E5F6"
_numbers = itertools.count(1)


def make_clinic(slug: str = "alpha", *, timezone: str = "America/New_York", **fields: Any) -> Clinic:
    """A clinic whose doors open to `credentials(clinic)`."""
    clinic = Clinic.objects.create(
        slug=slug,
        name=fields.pop("name", slug.title()),
        timezone=timezone,
        judged_timezone=timezone,
        **fields,
    )
    webhook_secrets.add_basic(clinic, WEBHOOK_USER, f"secret of {slug}")
    return clinic


_hashed = functools.cache(make_password)
"""Hashing is slow on purpose: once a run is enough."""


def make_user(email: str, clinic: Clinic | None = None, role: str = Role.CARE_MANAGER, **fields: Any) -> User:
    """A person with the password `PASSWORD`, in `clinic` with `role` when a clinic is given."""
    user = User.objects.create(email=email, password=_hashed(PASSWORD), **fields)
    if clinic:
        Membership.objects.create(user=user, clinic=clinic, role=role)
    if user.is_operator or (clinic and role == Role.CLINIC_ADMIN):
        add_second_factor(user)
    return user


def add_second_factor(user: User) -> str:
    """An authenticator app for this person, already confirmed; its secret."""
    secret = pyotp.random_base32()
    SecondFactor.objects.create(
        user=user, secret_encrypted=encrypt(secret), confirmed_at=datetime.datetime.now(datetime.UTC)
    )
    return secret


def make_patient(clinic: Clinic, external_id: str = "mrn-7781", **fields: Any) -> Patient:
    return Patient.objects.create(clinic=clinic, external_id=external_id, **fields)


def make_device(
    clinic: Clinic, kind: str = "tenovi-bpm", hwi_device_id: uuid.UUID | None = None, **fields: Any
) -> Device:
    hwi_device_id = hwi_device_id or uuid.UUID(int=next(_numbers), version=4)
    return Device.objects.create(clinic=clinic, kind=kind, hwi_device_id=hwi_device_id, **fields)


def make_gateway(clinic: Clinic, gateway_id: str = GATEWAY_ID, **fields: Any) -> Gateway:
    return Gateway.objects.create(clinic=clinic, gateway_id=gateway_id, **fields)


def assign(
    device: Device,
    patient: Patient,
    starts_at: datetime.datetime = LONG_AGO,
    ends_at: datetime.datetime | None = None,
    **fields: Any,
) -> Assignment:
    return Assignment.objects.create(
        clinic=device.clinic, device=device, patient=patient, starts_at=starts_at, ends_at=ends_at, **fields
    )


def enroll(patient: Patient, program: str, **fields: Any) -> Enrollment:
    fields.setdefault("starts_on", LONG_AGO.date())
    return Enrollment.objects.create(clinic=patient.clinic, patient=patient, program=program, **fields)


def held_device(clinic: Clinic, kind: str = "tenovi-bpm", external_id: str = "mrn-7781") -> Device:
    """A device that the patient of that id has had since long ago."""
    patient = Patient.objects.for_clinic(clinic).filter(external_id=external_id).first()
    device = make_device(clinic, kind)
    assign(device, patient or make_patient(clinic, external_id))
    return device


def make_order(patient: Patient, by: User | None = None, **fields: Any) -> Order:
    """An order as a row, without a request: nothing sends it."""
    clinic = patient.clinic
    by = by or make_user(f"who-orders-{next(_numbers)}@{clinic.slug}.test", clinic, Role.CLINIC_ADMIN)
    fields = {
        "device_name": "Tenovi Scale",
        "sensor_code": "13",
        "ship_by": "tenovi",
        "idempotency_key": str(uuid.uuid4()),
        **fields,
    }
    return Order.objects.create(clinic=clinic, patient=patient, placed_by=by, **fields)


ABSENT = object()


def element(device: Device | uuid.UUID, **changes: Any) -> dict[str, Any]:
    """A blood-pressure element of a webhook. `changes` replace members; `ABSENT` leaves one out."""
    members = {
        "metric": "blood_pressure",
        "device_name": "Tenovi BPM - L",
        "hwi_device_id": str(device.hwi_device_id if isinstance(device, Device) else device),
        "hardware_uuid": GATEWAY_ID,
        "value_1": 131.00,
        "value_2": 82.00,
        "created": "2025-03-04T15:10:22.291640Z",
        "timestamp": "2025-03-04T15:09:00.000000Z",
        "timezone_offset": -5,
        "estimated_timestamp": False,
        "filter_params": {"measurement_index": 412},
    }
    return {name: value for name, value in (members | changes).items() if value is not ABSENT}


def vendor_time(moment: datetime.datetime) -> str:
    """A moment as the vendor writes it: UTC, six decimals, `Z`."""
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def credentials(clinic: Clinic) -> str:
    """The `Authorization` header that opens the doors of a clinic made here."""
    return basic(WEBHOOK_USER, f"secret of {clinic.slug}")


def deliver(
    clinic: Clinic,
    body: Any,
    *,
    kind: str = "measurements",
    content_type: str = JSON,
    headers: Mapping[str, str] = {},
    **extra: Any,
) -> Any:
    """POST `body` (bytes as they are, anything else as JSON) at a door of the clinic."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    extra.setdefault("CONTENT_LENGTH", str(len(raw)))
    return Client(enforce_csrf_checks=True).generic(
        "POST",
        f"/webhooks/{clinic.slug}/{kind}/",
        raw,
        content_type=content_type,
        headers={"Authorization": credentials(clinic)} | dict(headers),
        **extra,
    )


def knock(method: str, path: str, authorization: str | None, body: bytes = b"{}", **extra: Any) -> Any:
    """One request exactly as given, through the whole stack."""
    headers = {} if authorization is None else {"Authorization": authorization}
    return Client(enforce_csrf_checks=True).generic(method, path, body, JSON, headers=headers, **extra)


def settled(answer: Any) -> dict[str, int]:
    """The counts of a 200 answer that are not zero."""
    assert answer.status_code == 200, answer.content
    counts: dict[str, Any] = json.loads(answer.content)
    assert counts["received"] == sum(counts[name] for name in counts.keys() - {"delivery", "received"})
    return {name: count for name, count in counts.items() if name not in ("delivery", "received") and count}
