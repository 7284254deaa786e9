"""How a patient's devices are doing, in one shape and a few words."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from common.templatetags.common import STATE_ICONS
from dashboard.devices.state import WORST_FIRST, DeviceState, device_states
from dashboard.patients.devices import devices_of
from devices.models import Device, Gateway
from patients.models import Patient
from tests.factories import (
    GATEWAY_ID,
    assign,
    deliver,
    element,
    make_clinic,
    make_device,
    make_gateway,
    make_patient,
    settled,
    vendor_time,
)

pytestmark = [pytest.mark.django_db, pytest.mark.clock]

NOW = datetime.datetime(2025, 11, 19, 15, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def patient() -> Patient:
    return make_patient(make_clinic("alpha", timezone="UTC"))


def held(patient: Patient, *, since: datetime.timedelta = 90 * DAY, **fields: Any) -> Device:
    device = make_device(patient.clinic, name=fields.pop("name", "Cuff"), **fields)
    assign(device, patient, NOW - since)
    return device


def sent(device: Device, days_ago: float, metric: str = "pulse", value: float = 70) -> None:
    at = vendor_time(NOW - DAY * days_ago)
    reading = element(
        device, metric=metric, value_1=value, value_2=0, timestamp=at, hardware_uuid=device.hardware_uuid
    )
    assert settled(deliver(device.clinic, reading)) == {"stored": 1}


def state(patient: Patient, now: datetime.datetime = NOW) -> DeviceState | None:
    return device_states(patient.clinic, [patient.id], now).get(patient.id)


def test_a_device_in_use_needs_nobody(patient: Patient) -> None:
    sent(held(patient), 1)
    assert state(patient) == DeviceState("fine", "in use")
    sent(held(patient), 1)
    assert state(patient) == DeviceState("fine", "2 in use")


@pytest.mark.parametrize(("days", "words"), [(3.1, "silent 3 days"), (12, "silent 12 days")])
def test_a_device_without_readings_for_days_is_silent(patient: Patient, days: float, words: str) -> None:
    sent(held(patient), days)
    assert state(patient) == DeviceState("silent", words)


def test_a_device_that_never_sent_anything(patient: Patient) -> None:
    held(patient)
    assert state(patient) == DeviceState("silent", "never used")


def test_a_new_device_is_waited_for(patient: Patient) -> None:
    held(patient, since=DAY)
    assert state(patient) == DeviceState("waiting", "no reading yet")


def test_a_battery_that_runs_out_is_told_with_its_percent(patient: Patient) -> None:
    device = held(patient)
    sent(device, 0.5)
    sent(device, 1, "battery_percentage", 12)
    assert state(patient) == DeviceState("battery-low", "battery 12 %")


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("hailie-sensor", 1, "battery critical"),
        ("hailie-sensor", 0, "battery low"),
        ("patchrx-patchcap", 1, "battery low"),
    ],
)
def test_a_device_without_percent_warns_of_its_battery_for_two_weeks(
    patient: Patient, kind: str, value: int, words: str
) -> None:
    device = held(patient, kind=kind)
    sent(device, 13, "low_battery_event", value)
    sent(device, 0.5, "a_dose")
    assert state(patient) == DeviceState("battery-low", words)
    beside_patient = devices_of(patient, NOW)[0]["state"]
    assert beside_patient and beside_patient.words == words
    assert state(patient, NOW + 2 * DAY) == DeviceState("fine", "in use")


def test_a_silent_gateway_is_named_rather_than_the_device_behind_it(patient: Patient) -> None:
    sent(held(patient, hardware_uuid=GATEWAY_ID), 5)
    Gateway.objects.for_clinic(patient.clinic).delete()
    make_gateway(patient.clinic, last_seen_at=NOW - 4 * DAY)
    assert state(patient) == DeviceState("gateway-silent", "gateway silent 4 days")


def test_a_weak_signal_is_told_of_a_device_that_is_in_use(patient: Patient) -> None:
    sent(held(patient, hardware_uuid=GATEWAY_ID), 1)
    make_gateway(patient.clinic, last_seen_at=NOW, signal_strength=8)
    assert state(patient) == DeviceState("gateway-weak", "weak signal")


def test_of_several_devices_the_worst_is_told_by_name(patient: Patient) -> None:
    sent(held(patient), 1)
    sent(held(patient, name="Scale"), 6)
    assert state(patient) == DeviceState("silent", "silent 6 days", "Scale")


def test_a_device_that_was_returned_is_nobodys(patient: Patient) -> None:
    device = make_device(patient.clinic)
    assign(device, patient, NOW - 9 * DAY, NOW - DAY)
    assert state(patient) is None


def test_every_state_has_its_shape() -> None:
    assert {*WORST_FIRST, "no-device"} <= STATE_ICONS.keys()
