"""`sync_vendor`: what the vendor knows about a clinic, through the queue."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from clinics.models import Clinic
from devices.models import Device, DeviceType, Gateway
from devices.sync import KINDS
from measurements.models import Measurement
from patients.models import Patient
from tenovi.models import Request
from tests.factories import deliver, element, make_clinic, settled
from tests.vendor import DEVICES, PATIENTS, stub_as_vendor, vendor_clinic, wire_device, wire_page
from tests.vendor_stub import Reply, VendorStub

DEVICE_TYPES, GATEWAYS = "/hwi/hwi-device-types/", "/hwi/hwi-gateways/"
HARDWARE_LOG = "/hwi/hardware-uuid-logs/"
PARCEL_LISTS = (
    "/hwi/hwi-replacements/",
    "/hwi/hwi-bulk-orders/",
    "/asr/supply-types/",
    "/devices/supply-requests/",
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stub(settings: Settings) -> Iterator[VendorStub]:
    with stub_as_vendor(settings) as running:
        running.reply(PATIENTS, wire_page({"external_id": "mrn-1"}, {"name": "No id"}))
        running.reply(
            DEVICES,
            wire_page(wire_device(1, "mrn-1"), then=2),
            wire_page(wire_device(2, "mrn-2"), wire_device(3)),
        )
        running.reply(DEVICE_TYPES, wire_page({"name": "Tenovi Scale"}))
        running.reply(GATEWAYS, wire_page({"gateway_uuid": "a1b2c3d4e5f6", "last_signal_strength": 24}))
        for path in (HARDWARE_LOG, *PARCEL_LISTS):
            running.reply(path, wire_page())
        yield running


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    return vendor_clinic()


def sync(*options: str) -> str:
    out = io.StringIO()
    call_command("sync_vendor", "--clinic", "alpha", *options, stdout=out)
    return out.getvalue()


def last_line(output: str) -> Any:
    return json.loads(output.splitlines()[-1])


def test_it_waits_until_devices_and_patients_are_here_even_without_a_worker(clinic: Clinic) -> None:
    counts = last_line(sync("--wait", "--json"))
    stored = {"devices": 3, "patients": 1, "gateways": 1, "device_types": 1}
    assert counts == {**stored, "requests": 10, "failed": 1}
    assert Gateway.objects.for_clinic(clinic).get().signal_strength == 24
    assert DeviceType.objects.for_clinic(clinic).get().name == "Tenovi Scale"
    assert Device.objects.for_clinic(clinic).count() == 3
    assert Patient.objects.for_clinic(clinic).count() == 2
    assert not Request.objects.for_clinic(clinic).exists()


def test_twice_is_the_same_as_once(stub: VendorStub, clinic: Clinic) -> None:
    sync("--wait")
    stub.reply(DEVICES, wire_page(wire_device(1, "mrn-1"), wire_device(2, "MRN-2"), wire_device(3)))
    sync("--wait")
    assert Device.objects.for_clinic(clinic).count() == 3
    assert Patient.objects.for_clinic(clinic).count() == 2


def test_readings_that_waited_for_their_device_are_stored_with_it(clinic: Clinic) -> None:
    assert settled(deliver(clinic, element(uuid.UUID(int=1), patient_id="mrn-1"))) == {"quarantined": 1}
    sync("--wait")
    reading = Measurement.objects.for_clinic(clinic).select_related("patient").get()
    assert reading.patient is not None
    assert reading.patient.external_id == "mrn-1"


def test_without_wait_it_only_asks(stub: VendorStub, clinic: Clinic) -> None:
    assert last_line(sync("--json"))["requests"] == len(KINDS)
    assert Request.objects.for_clinic(clinic).unanswered().count() == len(KINDS)
    assert stub.asked == []


@pytest.mark.parametrize(
    ("reply", "words"), [(Reply(403, {}), "refuses the API key"), (Reply(404, {}), "client domain")]
)
def test_a_refused_key_is_one_line_and_the_work_stays(
    stub: VendorStub, clinic: Clinic, reply: Reply, words: str
) -> None:
    stub.reply_to_everything(reply)
    with pytest.raises(CommandError, match=words):
        sync("--wait")
    assert Request.objects.for_clinic(clinic).unanswered().count() == len(KINDS)


def test_a_list_the_vendor_refuses_is_one_line_after_the_counts(stub: VendorStub, clinic: Clinic) -> None:
    stub.reply(DEVICES, Reply(400, {}))
    with pytest.raises(CommandError, match=r"List of devices: Tenovi refused the request \(400\)"):
        sync("--wait")
    assert Patient.objects.for_clinic(clinic).count() == 1


def test_without_redis_it_says_so_and_the_work_stays(
    stub: VendorStub, clinic: Clinic, settings: Settings
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    with pytest.raises(CommandError, match="Redis is away"):
        sync("--wait")
    assert Request.objects.for_clinic(clinic).unanswered().count() == len(KINDS)


def test_a_clinic_that_is_not_there_or_has_no_key_is_one_line() -> None:
    with pytest.raises(CommandError, match="no clinic"):
        sync()
    make_clinic("alpha")
    with pytest.raises(CommandError, match="No Tenovi API key"):
        sync()
