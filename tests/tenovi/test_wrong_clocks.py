"""Promise 23: a host whose clock is wrong corrupts nothing. Moments of ours are the database's."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from clinics.models import Clinic
from devices.models import Device
from measurements.models import Cause, Measurement, Reconciliation, VitalDay
from measurements.reconcile import start
from tenovi.clock import database_now
from tenovi.models import Delivery
from tests.factories import deliver, element, held_device, make_clinic, settled, vendor_time

pytestmark = [pytest.mark.django_db, pytest.mark.clock]

TEN_MINUTES = datetime.timedelta(minutes=10)
CLOSE = datetime.timedelta(minutes=2)


@pytest.fixture
def device() -> Device:
    return held_device(make_clinic(timezone="UTC"))


@pytest.fixture(params=[TEN_MINUTES, -TEN_MINUTES], ids=["ahead", "behind"])
def wrong_clock(request: Any) -> Any:
    with time_machine.travel(timezone.now() + request.param):
        yield


def read_at(device: Device, moment: datetime.datetime) -> None:
    at = vendor_time(moment)
    assert settled(deliver(device.clinic, element(device, timestamp=at, created=at, timezone_offset=0))) == {
        "stored": 1
    }


def test_what_is_received_bears_the_databases_time(device: Device, wrong_clock: None) -> None:
    read_at(device, database_now())
    delivery = Delivery.objects.for_clinic(device.clinic).get()
    reading = Measurement.objects.for_clinic(device.clinic).get()
    assert abs(delivery.received_at - database_now()) < CLOSE
    assert reading.received_at == delivery.received_at


def test_a_day_counts_the_same_whatever_our_clock_says(device: Device, wrong_clock: None) -> None:
    midnight = database_now().replace(hour=0, minute=0, second=0, microsecond=0)
    for minutes in (-9, -1, 0, 9):
        read_at(device, midnight + datetime.timedelta(minutes=minutes))
    days = VitalDay.objects.for_clinic(device.clinic).order_by("local_date")
    yesterday = midnight.date() - datetime.timedelta(days=1)
    assert list(days.values_list("local_date", "readings")) == [(yesterday, 2), (midnight.date(), 2)]


def test_a_comparison_never_claims_what_has_not_happened_yet(device: Device, wrong_clock: None) -> None:
    clinic: Clinic = device.clinic
    start(clinic=clinic, cause=Cause.PERSON, since=database_now(), by=None)
    until = Reconciliation.objects.for_clinic(clinic).get().until
    assert abs(until - database_now()) < CLOSE
