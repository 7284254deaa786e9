"""A device that reports its battery works; whether somebody measures with it is another question."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from clinics.models import Clinic
from dashboard.devices.state import keeps_words
from devices.models import Device
from patients.models import Patient
from tenovi import catalogue
from tests.factories import deliver, element, held_device, make_clinic, make_user, settled, vendor_time
from tests.pages import text_of

pytestmark = pytest.mark.django_db

NOW = datetime.datetime(2026, 11, 7, 15, tzinfo=datetime.UTC)
LAST = "9 days ago Thu, Oct 29, 3:00 PM UTC signal 14 h ago"


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha", timezone="UTC")


@pytest.fixture
def nurse(clinic: Clinic, client: Client) -> Client:
    client.force_login(make_user("nurse@alpha.test", clinic))
    return client


def sent(device: Device, metric: str, value: float, ago: datetime.timedelta) -> None:
    at = vendor_time(NOW - ago)
    row = element(device, metric=metric, value_1=value, value_2=0, timestamp=at, created=at, filter_params={})
    assert settled(deliver(device.clinic, row)) == {"stored": 1}


@pytest.fixture
def scale(clinic: Clinic) -> Device:
    """Somebody stood on it nine days ago; its battery was told 14 hours ago."""
    scale = held_device(clinic, "tenovi-scale")
    sent(scale, "weight", 180, datetime.timedelta(days=9))
    sent(scale, "battery_percentage", 80, datetime.timedelta(hours=14))
    return scale


def test_a_scale_that_only_tells_its_battery_is_silent_and_works(
    clinic: Clinic, scale: Device, nurse: Client
) -> None:
    patient = Patient.objects.for_clinic(clinic).get()
    listed = text_of(nurse.get(reverse("patients", args=["alpha"]) + "?show=quiet"))
    assert "works, nobody measures 9 days" in listed
    assert LAST in listed
    page = text_of(nurse.get(reverse("patient", args=["alpha", patient.id])))
    assert "last reading 9 days ago Thu, Oct 29, 3:00 PM UTC , last signal 14 h ago" in page
    devices = text_of(nurse.get(reverse("devices", args=["alpha"]) + "?show=silent"))
    assert LAST in devices
    device = text_of(nurse.get(reverse("device", args=["alpha", scale.id])))
    assert "No reading for 9 days. It works, its last signal is of" in device
    assert "Last reading 9 days ago Thu, Oct 29, 3:00 PM UTC , last signal 14 h ago" in device


@pytest.mark.parametrize(
    ("kind", "metric", "words"),
    [
        ("tenovi-scale", "weight", "It keeps no readings: what is measured while it cannot send is lost."),
        (
            "tenovi-bpm",
            "pulse",
            "It keeps readings: what was measured meanwhile comes once it can send again.",
        ),
    ],
)
def test_a_silent_device_says_whether_its_readings_are_lost(
    clinic: Clinic, nurse: Client, kind: str, metric: str, words: str
) -> None:
    device = held_device(clinic, kind)
    sent(device, metric, 70, datetime.timedelta(days=9))
    patient = Patient.objects.for_clinic(clinic).get()
    for address in (
        reverse("device", args=["alpha", device.id]),
        reverse("patient", args=["alpha", patient.id]),
    ):
        assert words in text_of(nurse.get(address))


@pytest.mark.parametrize(
    ("kind", "metric", "value"),
    [("tenovi-watch", "steps", 200), ("patchrx-patchcap", "patchcap_open_close_event", 1)],
)
def test_a_device_without_vital_metrics_is_used_by_what_it_sends_of_its_patient(
    clinic: Clinic, nurse: Client, kind: str, metric: str, value: float
) -> None:
    device = held_device(clinic, kind)
    sent(device, metric, value, datetime.timedelta(hours=5))
    assert "works, nobody" not in text_of(nurse.get(reverse("patients", args=["alpha"])))
    assert "No device here" in text_of(nurse.get(reverse("devices", args=["alpha"]) + "?show=silent"))


def test_control_solution_is_no_use_by_the_patient(clinic: Clinic, nurse: Client) -> None:
    meter = held_device(clinic, "tenovi-glucometer")
    at = vendor_time(NOW - datetime.timedelta(hours=2))
    params = {"measurement_location": "control solution"}
    row = element(meter, metric="glucose", value_1=120, value_2=0, timestamp=at, filter_params=params)
    assert settled(deliver(clinic, row)) == {"stored": 1}
    assert "works, nobody measures" in text_of(nurse.get(reverse("patients", args=["alpha"])))


def test_every_metric_is_either_a_use_or_a_signal_and_every_kind_says_what_it_keeps() -> None:
    signals = catalogue.signal_names()
    for kind in catalogue.kinds():
        assert any(metric.name not in signals for metric in kind.metrics.values()), kind.slug
        assert not any(metric.vital and metric.name in signals for metric in kind.metrics.values()), kind.slug
        assert "keeps" in keeps_words(kind.slug)
