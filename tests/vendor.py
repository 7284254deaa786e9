"""A clinic whose vendor is a stub, and the answers that stub gives."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings

from clinics.models import Clinic
from tests.factories import make_clinic
from tests.sandbox_server import Sandbox
from tests.vendor_stub import DOMAIN, KEY, Reply, VendorStub

DEVICES, PATIENTS = "/hwi/hwi-devices/", "/hwi/hwi-patients/"


@contextlib.contextmanager
def stub_as_vendor(settings: Settings) -> Iterator[VendorStub]:
    """The product speaks to a stub, with a shorter second."""
    settings.TENOVI_SPACING_SECONDS = 0.02
    with VendorStub() as running:
        settings.TENOVI_BASE_URL = running.url
        yield running


@pytest.fixture
def stub(settings: Settings) -> Iterator[VendorStub]:
    with stub_as_vendor(settings) as running:
        yield running


def empty_account(stub: VendorStub) -> None:
    """The lists that the scheduler asks for by itself are there, with nothing in them."""
    for path in (
        DEVICES,
        PATIENTS,
        "/hwi/hwi-device-types/",
        "/hwi/hwi-gateways/",
        "/hwi/hardware-uuid-logs/",
        "/hwi/hwi-replacements/",
        "/hwi/hwi-bulk-orders/",
        "/asr/supply-types/",
        "/devices/supply-requests/",
    ):
        stub.reply(path, Reply(body=[]))


def vendor_clinic(slug: str = "alpha") -> Clinic:
    """A clinic with a key of its own, so with its own line in Redis."""
    clinic = make_clinic(slug, tenovi_domain=DOMAIN)
    clinic.tenovi_api_key = f"{KEY}-{uuid.uuid4()}"
    clinic.save()
    return clinic


def sandbox_clinic(sandbox: Sandbox, settings: Settings) -> Clinic:
    """A clinic whose vendor is the sandbox, with a shorter second at both ends."""
    sandbox.control("settings", {"rate_seconds": 0.0})
    settings.TENOVI_SPACING_SECONDS = 0.02
    settings.TENOVI_BASE_URL = sandbox.url
    clinic = make_clinic(tenovi_domain=sandbox.domain)
    clinic.tenovi_api_key = sandbox.api_key
    clinic.save()
    return clinic


def wire_device(number: int, patient: str = "", **inner: Any) -> dict[str, Any]:
    """A device as the vendor lists it; `inner` changes its nested object."""
    return {
        "id": str(uuid.UUID(int=number)),
        "status": "Connected",
        "device": {
            "name": "Tenovi BPM - L",
            "sensor_code": "10",
            "hardware_uuid": "a1b2-c3d4-e5f6",
            "created": "2025-03-04T15:02:11.204917Z",
            **inner,
        },
        "patient": {"external_id": patient, "name": "Test Person"} if patient else None,
        "patient_id": patient,
    }


def wire_page(*rows: Any, then: int | None = None, total: int | None = None) -> Reply:
    """A page of a list; `then` is the number of the next one, of a list of three unless `total` says more."""
    total = total if total is not None else 3 if then else len(rows)
    link = f"https://api.tenovi.com/x/?page={then}&page_size=500" if then else None
    return Reply(body={"count": total, "next": link, "previous": None, "results": list(rows)})
