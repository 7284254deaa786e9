"""Alerts about gateways: raised and resolved by themselves, seen by a person, shown where one looks."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from clinics.models import AuditEvent, Clinic, Role, User
from dashboard.devices.gateway_alerts import watch_gateways
from dashboard.tasks import watch_every_gateway
from devices.models import Device, Gateway, GatewaySample
from patients.actions.alerts import acknowledge_alert
from patients.models import Alert, Patient
from tests.factories import (
    GATEWAY_ID,
    assign,
    deliver,
    element,
    make_clinic,
    make_device,
    make_gateway,
    make_patient,
    make_user,
    settled,
    vendor_time,
)

pytestmark = [pytest.mark.django_db, pytest.mark.clock]

NOW = datetime.datetime(2026, 11, 7, 15, 0, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


@pytest.fixture(autouse=True)
def seventh_of_november() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic(timezone="UTC")


@pytest.fixture
def device(clinic: Clinic) -> Device:
    """Behind the gateway, at the home of Ann."""
    device = make_device(clinic, hardware_uuid=GATEWAY_ID)
    assign(device, make_patient(clinic, "P-1", name="Ann Ferncastle"))
    return device


def heard(clinic: Clinic, *signals: int | None, seen: datetime.datetime = NOW) -> Gateway:
    """Ann's gateway, asked about once a day with these answers, the last one today."""
    gateway = make_gateway(clinic, last_seen_at=seen, polled_at=NOW, signal_strength=signals[-1])
    for ago, strength in enumerate(reversed(signals)):
        GatewaySample.objects.create(
            clinic=clinic, gateway=gateway, taken_at=NOW - ago * DAY, signal_strength=strength
        )
    return gateway


def read_on(device: Device, *days: int) -> None:
    for day in days:
        at = vendor_time(NOW.replace(day=day, hour=9))
        answer = deliver(
            device.clinic,
            element(device, created=at, timestamp=at, timezone_offset=0, hardware_uuid="0" * 12),
        )
        assert settled(answer) == {"stored": 1}


def words(clinic: Clinic) -> list[str]:
    watch_every_gateway()
    return list(Alert.objects.for_clinic(clinic).standing().values_list("words", flat=True))


def page(clinic: Clinic, path: str) -> str:
    browser = Client()
    care = User.objects.filter(email="care@alpha.test").first()
    browser.force_login(care or make_user("care@alpha.test", clinic, Role.CARE_MANAGER))
    return " ".join(browser.get(f"/c/alpha/{path}").content.decode().split())


def test_a_weak_signal_says_how_many_days_it_cost(clinic: Clinic, device: Device) -> None:
    heard(clinic, 27, 26, 8, 9, None, 7, 8)  # weak since the third
    read_on(device, 1, 2, 4)
    assert words(clinic) == ["Signal 8 since Nov 3, 3 days without a reading since"]


def test_a_weak_signal_that_loses_nothing_calls_nobody(clinic: Clinic, device: Device) -> None:
    heard(clinic, 27, 8, 9)
    read_on(device, 6)
    assert words(clinic) == []


def test_what_a_device_says_of_its_battery_is_no_reading(clinic: Clinic, device: Device) -> None:
    heard(clinic, 27, 8, 9)
    at = vendor_time(NOW - DAY)
    battery = element(device, metric="battery_percentage", value_1=80, value_2=None, created=at, timestamp=at)
    assert settled(deliver(clinic, battery)) == {"stored": 1}
    assert words(clinic) == ["Signal 9 since Nov 6, 1 day without a reading since"]


@pytest.mark.parametrize(("signal", "stands"), [(13, True), (15, False)])
def test_a_signal_that_wanders_about_the_limit_stays_weak(
    clinic: Clinic, device: Device, signal: int, stands: bool
) -> None:
    heard(clinic, 27, 8, signal)
    assert bool(words(clinic)) == stands


def test_a_silent_gateway_says_since_when_and_what_it_cost(clinic: Clinic, device: Device) -> None:
    heard(clinic, 25, seen=NOW - 4 * DAY)
    assert words(clinic) == ["Gateway silent since Nov 3, 4 days without a reading since"]


def test_silence_is_not_believed_before_the_vendor_was_asked(clinic: Clinic, device: Device) -> None:
    gateway = heard(clinic, 25, seen=NOW - 4 * DAY)
    Gateway.objects.for_clinic(clinic).update(polled_at=gateway.last_seen_at)  # we were away since
    assert words(clinic) == []


def test_nobody_is_called_about_a_gateway_that_nobody_has(clinic: Clinic) -> None:
    heard(clinic, 25, seen=NOW - 4 * DAY)
    assert words(clinic) == []


def test_an_alert_disappears_by_itself_and_comes_back_unseen(clinic: Clinic, device: Device) -> None:
    gateway = heard(clinic, 25, seen=NOW - 4 * DAY)
    assert len(words(clinic)) == 1
    Gateway.objects.for_clinic(clinic).update(last_seen_at=NOW)
    assert words(clinic) == []
    assert Alert.objects.for_clinic(clinic).get().resolved_at == NOW
    Gateway.objects.for_clinic(clinic).update(last_seen_at=gateway.last_seen_at)
    assert len(words(clinic)) == 1
    assert Alert.objects.for_clinic(clinic).unseen().count() == 1


def test_watching_twice_raises_nothing_twice_and_keeps_the_words_current(
    clinic: Clinic, device: Device
) -> None:
    heard(clinic, 25, seen=NOW - 4 * DAY)
    words(clinic)
    with time_machine.travel(NOW + DAY, tick=False):
        assert words(clinic) == ["Gateway silent since Nov 3, 5 days without a reading since"]
    assert Alert.objects.for_clinic(clinic).count() == 1


def test_two_alerts_never_stand_for_the_same_cause(clinic: Clinic, device: Device) -> None:
    heard(clinic, 25, seen=NOW - 4 * DAY)
    words(clinic)
    alert = Alert.objects.for_clinic(clinic).get()
    with pytest.raises(IntegrityError, match="alert_stands_once"), transaction.atomic():
        Alert.objects.create(
            clinic=clinic, patient=alert.patient, kind=alert.kind, about=alert.about, words="twice"
        )


def test_what_one_person_has_seen_asks_nobody_else(clinic: Clinic, device: Device) -> None:
    heard(clinic, 25, seen=NOW - 4 * DAY)
    words(clinic)
    alert = Alert.objects.for_clinic(clinic).get()
    nurse = make_user("nurse@alpha.test", clinic, Role.CARE_MANAGER)
    browser = Client()
    browser.force_login(nurse)
    for _ in range(2):
        browser.post(f"/c/alpha/patients/{alert.patient_id}/alerts/{alert.id}/seen/")
    alert.refresh_from_db()
    assert (alert.acknowledged_by, alert.acknowledged_at, alert.resolved_at) == (nurse, NOW, None)
    assert AuditEvent.objects.filter(action="alert_acknowledged").count() == 1
    assert "seen by nurse@alpha.test" in page(clinic, f"patients/{alert.patient_id}/")
    assert "Ann Ferncastle" not in page(clinic, "patients/?show=attention")


def test_the_words_stand_wherever_somebody_looks(clinic: Clinic, device: Device) -> None:
    gateway = heard(clinic, 27, 8, 9)
    (said,) = words(clinic)
    alert = Alert.objects.for_clinic(clinic).get()
    for path in (f"patients/{alert.patient_id}/", "gateways/?show=attention", f"gateways/{gateway.id}/"):
        assert said in page(clinic, path), path
    assert "Ann Ferncastle" in page(clinic, "patients/?show=attention")


def test_an_open_page_learns_of_an_alert_and_that_it_was_seen(clinic: Clinic, device: Device) -> None:
    heard(clinic, 25, seen=NOW - 4 * DAY)
    patient = Patient.objects.for_clinic(clinic).get()
    versions = [page(clinic, f"patients/{patient.id}/news/")]
    words(clinic)
    versions.append(page(clinic, f"patients/{patient.id}/news/"))
    alert = Alert.objects.for_clinic(clinic).get()
    acknowledge_alert(alert=alert, by=make_user("nurse@alpha.test", clinic))
    versions.append(page(clinic, f"patients/{patient.id}/news/"))
    assert len(set(versions)) == 3


def test_watching_many_takes_as_few_queries_as_watching_one(clinic: Clinic, device: Device) -> None:
    heard(clinic, 25, seen=NOW - 4 * DAY)

    def queries() -> int:
        Alert.objects.for_clinic(clinic).delete()
        with CaptureQueriesContext(connection) as seen:
            watch_gateways(clinic, NOW)
        return len(seen)

    one = queries()
    for number in range(6):
        gateway_id = f"{number:012X}"
        other = make_device(clinic, hardware_uuid=gateway_id)
        assign(other, make_patient(clinic, f"P-1{number}"))
        make_gateway(clinic, gateway_id, last_seen_at=NOW - 3 * DAY, polled_at=NOW)
    assert queries() == one
    assert Alert.objects.for_clinic(clinic).unseen().count() == 7
