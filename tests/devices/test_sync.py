"""Reading the vendor's whole account: when it is connected, every night, and gateways one by one."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from clinics.models import Clinic
from devices import sync
from devices.models import DeviceType, Gateway, GatewaySample, HardwareChange
from devices.properties import VENDOR_KEYS
from patients.models import Patient
from tenovi.models import Request, RequestKind
from tenovi.outbound.enqueue import enqueue
from tenovi.outbound.sender import drain
from tests.factories import make_clinic, make_device, make_gateway
from tests.sandbox_server import Sandbox
from tests.vendor import vendor_clinic, wire_page
from tests.vendor_stub import Reply, VendorStub

pytestmark = pytest.mark.django_db(transaction=True)

AFTERNOON = datetime.datetime(2026, 3, 4, 20, 0, tzinfo=datetime.UTC)  # 15:00 at the clinic
TYPES = "/hwi/hwi-device-types/"


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    return vendor_clinic()


EVERYTHING = sorted([*sync.KINDS, *[RequestKind.DEVICES_WITH_PROPERTY] * len(VENDOR_KEYS)])


def asked(clinic: Clinic) -> list[str]:
    return sorted(Request.objects.for_clinic(clinic).values_list("kind", flat=True))


def forget_requests(clinic: Clinic) -> None:
    Request.objects.for_clinic(clinic).delete()


def test_a_clinic_is_read_at_once_when_it_is_connected_and_then_every_night(clinic: Clinic) -> None:
    with time_machine.travel(AFTERNOON, tick=False) as clock:
        assert sync.start_due() == 1
        assert asked(clinic) == EVERYTHING
        forget_requests(clinic)
        for hours in (1, 10):  # 16:00, then 2:00 of the next day
            clock.shift(datetime.timedelta(hours=hours))
            sync.start_due()
        assert asked(clinic) == EVERYTHING


def test_two_schedulers_and_a_day_without_any_ask_once(clinic: Clinic) -> None:
    with time_machine.travel(AFTERNOON, tick=False) as clock:
        sync.start_due()
        forget_requests(clinic)
        clock.shift(datetime.timedelta(days=3))
        assert [sync.start_due() for _ in range(3)] == [1, 0, 0]


def test_a_clinic_without_a_key_is_not_asked_about() -> None:
    clinic = make_clinic()
    assert sync.start_due() == 0
    assert sync.poll_gateways() == 0
    assert asked(clinic) == []


def polled(clinic: Clinic) -> list[str]:
    forget_requests(clinic)
    sync.poll_gateways()
    return sorted(Request.objects.for_clinic(clinic).values_list("target", flat=True))


def test_gateways_are_asked_about_daily_and_troubled_ones_more_often(clinic: Clinic) -> None:
    now = timezone.now()
    ago = {hours: now - datetime.timedelta(hours=hours) for hours in (1, 5, 23, 40)}
    cases: dict[str, dict[str, Any]] = {
        "AAAAAAAAAAA0": {"polled_at": None},
        "AAAAAAAAAAA1": {"polled_at": ago[23], "signal_strength": 25},
        "AAAAAAAAAAA2": {"polled_at": ago[5], "signal_strength": 25},
        "AAAAAAAAAAA3": {"polled_at": ago[5], "signal_strength": 7},
        "AAAAAAAAAAA4": {"polled_at": ago[5], "signal_strength": 25, "last_seen_at": ago[40]},
        "AAAAAAAAAAA5": {"polled_at": ago[1], "signal_strength": 7},
    }
    for gateway_id, fields in cases.items():
        make_gateway(clinic, gateway_id, **fields)
        make_device(clinic, hardware_uuid=gateway_id)
    make_gateway(clinic, "BBBBBBBBBBBB")  # nobody uses it
    assert [gateway_id[-1] for gateway_id in polled(clinic)] == ["0", "1", "3", "4"]


def test_what_the_account_no_longer_has_is_no_longer_offered(stub: VendorStub, clinic: Clinic) -> None:
    scale, watch = {"name": "Tenovi Scale", "monthly_cost": "5.00"}, {"name": "Tenovi Watch"}
    stub.reply(TYPES, wire_page(scale, watch), wire_page({**scale, "deprecated": True}))
    offered = DeviceType.objects.for_clinic(clinic).filter(is_offered=True).order_by("name")
    for names in (["Tenovi Scale", "Tenovi Watch"], []):
        enqueue(clinic, "device_types.list")
        drain()
        assert [one.name for one in offered.all()] == names
    assert str(DeviceType.objects.for_clinic(clinic).get(name="Tenovi Scale").monthly_cost) == "5.00"


def test_a_list_with_an_unreadable_row_takes_nothing_away(stub: VendorStub, clinic: Clinic) -> None:
    stub.reply(TYPES, wire_page({"name": "Tenovi Scale"}), wire_page({"title": "?"}))
    for _ in range(2):
        enqueue(clinic, "device_types.list")
        drain()
    assert DeviceType.objects.for_clinic(clinic).get().is_offered


def test_a_gateways_own_page_is_a_sample_and_its_list_takes_nothing_from_it(
    stub: VendorStub, clinic: Clinic
) -> None:
    own = {
        "gateway_uuid": "a1b2c3d4e5f6",
        "firmware_version": "2.1.7",
        "last_signal_strength": 7,
        "last_checkin_time": "2026-03-04T15:40:00.000000Z",
    }
    stub.reply("/hwi/gateway-info/A1B2C3D4E5F6/", Reply(body=own))
    listed = {"gateway_uuid": "a1b2c3d4e5f6", "last_signal_strength": 9, "last_measurement": None}
    stub.reply("/hwi/hwi-gateways/", wire_page(listed, {"gateway_uuid": "not a gateway"}))
    for kind, target in (("gateways.read", "A1B2C3D4E5F6"), ("gateways.list", "")):
        enqueue(clinic, kind, target)
        drain()
    gateway = Gateway.objects.for_clinic(clinic).get()
    assert (gateway.signal_strength, gateway.firmware_version) == (9, "2.1.7")
    assert gateway.last_seen_at == datetime.datetime(2026, 3, 4, 15, 40, tzinfo=datetime.UTC)
    assert [one.signal_strength for one in GatewaySample.objects.for_clinic(clinic)] == [7]


def test_an_account_is_read_from_the_played_vendor(
    sandbox: Sandbox, settings: Settings, clinic: Clinic
) -> None:
    sandbox.control("settings", {"rate_seconds": 0.0})
    clinic.tenovi_domain, clinic.tenovi_api_key = sandbox.domain, sandbox.api_key
    clinic.save()
    settings.TENOVI_BASE_URL = sandbox.url
    device = sandbox.call("/hwi/hwi-devices/").json()[0]["id"]
    sandbox.call(f"/hwi/unlink-gateway/{device}/")
    sync.start_due()
    drain()
    for _ in range(2):
        enqueue(clinic, "hardware_log.list")  # twice is once
        drain()
    sync.poll_gateways()
    drain(seconds=60)  # returns once nothing is due
    assert asked(clinic) == []
    assert Patient.objects.for_clinic(clinic).exists()
    assert DeviceType.objects.for_clinic(clinic).filter(is_offered=True).count() > 5
    change = HardwareChange.objects.for_clinic(clinic).get()
    assert (str(change.hwi_device_id), change.new_hardware_uuid) == (device, "")
    in_use = Gateway.objects.for_clinic(clinic).filter(polled_at__isnull=False)
    assert in_use.count() == GatewaySample.objects.for_clinic(clinic).count() > 0
