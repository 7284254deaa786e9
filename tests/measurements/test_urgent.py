"""A reading that must not be lost sight of stands before a person until somebody has seen it."""

from __future__ import annotations

import datetime
import json
import logging
import uuid
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from clinics.models import AuditEvent, Clinic, Role, User
from devices.models import Device
from measurements.actions.exclusion import exclude_reading, restore_reading
from measurements.actions.reassignment import hand_over
from measurements.elements import settle
from measurements.models import Measurement
from measurements.reclassify import claim_readings
from measurements.urgent import SAFE
from patients.models import Alert, AlertKind
from tenovi import catalogue
from tenovi.strict_json import value_of
from tests.factories import (
    assign,
    deliver,
    element,
    held_device,
    make_clinic,
    make_device,
    make_patient,
    make_user,
    settled,
    vendor_time,
)
from tests.pages import signed_in, text_of

pytestmark = pytest.mark.django_db

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha", timezone="UTC")


@pytest.fixture
def cuff(clinic: Clinic) -> Device:
    return held_device(clinic)


@pytest.fixture
def meter(clinic: Clinic) -> Device:
    return held_device(clinic, "tenovi-glucometer")


@pytest.fixture
def nurse(clinic: Clinic) -> User:
    return make_user("nurse@alpha.test", clinic)


def pressure(
    cuff: Device, upper: int, lower: int, ago: datetime.timedelta = HOUR, **more: Any
) -> dict[str, Any]:
    at = vendor_time(NOW - ago)
    return element(cuff, value_1=upper, value_2=lower, timestamp=at, created=at, timezone_offset=0, **more)


def glucose(meter: Device, value: float, ago: datetime.timedelta = HOUR, **params: Any) -> dict[str, Any]:
    at = vendor_time(NOW - ago)
    return element(
        meter, metric="glucose", value_1=value, value_2=0, timestamp=at, created=at, filter_params=params
    )


def unseen(clinic: Clinic) -> list[str]:
    return list(
        Alert.objects.for_clinic(clinic).unseen().order_by("taken_at").values_list("words", flat=True)
    )


@pytest.mark.parametrize(
    ("upper", "lower", "why"),
    [
        (181, 80, "systolic above 180"),
        (150, 121, "diastolic above 120"),
        (190, 125, "systolic above 180, diastolic above 120"),
        (180, 120, ""),
    ],
)
def test_a_pressure_beyond_180_or_120_is_urgent(
    clinic: Clinic, cuff: Device, upper: int, lower: int, why: str
) -> None:
    deliver(clinic, pressure(cuff, upper, lower))
    assert unseen(clinic) == ([f"Blood pressure {upper}/{lower} mmHg: {why}"] if why else [])


@pytest.mark.parametrize(
    ("value", "params", "why"),
    [
        (401, {}, "above 400"),
        (400, {}, ""),
        (53.9, {}, "below 54"),
        (54, {}, ""),
        (600, {"alert": "sensor_result_above_range"}, "above 400, above what the meter can measure"),
        (300, {"alert": "Sensor-Result-Above-Range"}, "above what the meter can measure"),
        (70, {"alert": "sensor_result_below_range"}, "below what the meter can measure"),
        (70, {"alert": "sensor_result_out_of_range"}, "out of range by the meter"),
        (70, {"alert": None}, ""),
        (600, {"measurement_location": "control solution"}, ""),
    ],
)
def test_a_glucose_out_of_54_to_400_or_flagged_by_the_meter_is_urgent(
    clinic: Clinic, meter: Device, value: float, params: dict[str, Any], why: str
) -> None:
    deliver(clinic, glucose(meter, value, **params))
    assert unseen(clinic) == ([f"Blood glucose {round(value)} mg/dL: {why}"] if why else [])


def test_it_stands_whatever_comes_later_and_however_often_it_comes(clinic: Clinic, cuff: Device) -> None:
    high = pressure(cuff, 190, 125)
    assert settled(deliver(clinic, [high, pressure(cuff, 120, 80, ago=HOUR / 2)])) == {"stored": 2}
    deliver(clinic, high)
    deliver(clinic, pressure(cuff, 118, 79, ago=HOUR / 4))
    settle(clinic, [value_of(_bytes(high))], received_at=NOW, source="fetch")
    assert len(unseen(clinic)) == 1


def test_one_that_comes_weeks_late_or_by_fetch_stands_too(clinic: Clinic, cuff: Device) -> None:
    deliver(clinic, pressure(cuff, 120, 80))
    deliver(clinic, pressure(cuff, 190, 125, ago=90 * 24 * HOUR))
    fetched = [pressure(cuff, 191, 125, ago=3 * 24 * HOUR), pressure(cuff, 192, 125, ago=90 * 24 * HOUR)]
    settle(clinic, [value_of(_bytes(one)) for one in fetched], received_at=NOW, source="fetch")
    assert [words.split()[2] for words in unseen(clinic)] == ["190/125", "191/125"]  # old fetched: history


def test_list_and_header_say_it_until_a_person_has_seen_it(
    clinic: Clinic, cuff: Device, client: Client, nurse: User
) -> None:
    deliver(clinic, [pressure(cuff, 190, 125), pressure(cuff, 120, 80, ago=HOUR / 2)])
    client.force_login(nurse)
    alert = Alert.objects.for_clinic(clinic).get()
    patients, page = "/c/alpha/patients/", reverse("patient", args=["alpha", alert.patient_id])
    words = "Blood pressure 190/125 mmHg: systolic above 180, diastolic above 120"
    for address in (patients, f"{patients}?show=attention", page):
        assert words in text_of(client.get(address)), address
    client.post(reverse("alert-seen", args=["alpha", alert.patient_id, alert.id]))
    for address in (patients, f"{patients}?show=attention", page):
        assert words not in text_of(client.get(address)), address
    day = Measurement.objects.for_clinic(clinic).get(value_1=190).local_date
    told = text_of(client.get(reverse("patient-day", args=["alpha", alert.patient_id, day])))
    assert "urgent, seen by nurse@alpha.test" in told
    deliver(clinic, pressure(cuff, 190, 125))  # once more: somebody has seen it
    assert unseen(clinic) == []
    event = AuditEvent.objects.get(action="alert_acknowledged")
    assert event.detail == {"alert": str(alert.id), "kind": "urgent_reading"}


def test_the_alert_keeps_its_copy_of_value_and_time(clinic: Clinic, cuff: Device) -> None:
    deliver(clinic, pressure(cuff, 190, 125))
    alert, reading = Alert.objects.for_clinic(clinic).get(), Measurement.objects.for_clinic(clinic).get()
    assert (alert.reading_id, alert.value_1, alert.value_2) == (reading.id, reading.value_1, reading.value_2)
    assert (alert.taken_at, alert.metric, alert.kind) == (
        reading.taken_at,
        "blood_pressure",
        "urgent_reading",
    )


def test_an_excluded_reading_ends_it_and_a_restored_one_raises_it_again(
    clinic: Clinic, cuff: Device, nurse: User
) -> None:
    deliver(clinic, pressure(cuff, 190, 125))
    reading = Measurement.objects.for_clinic(clinic).select_related("clinic").get()
    exclude_reading(reading=reading, by=nurse, reason="somebody else")
    assert unseen(clinic) == []
    assert Alert.objects.for_clinic(clinic).get().resolution == "the reading was excluded"
    restore_reading(reading=reading, by=nurse, reason="a mistake")
    assert len(unseen(clinic)) == 1
    assert Alert.objects.for_clinic(clinic).get().resolution == ""


def test_it_goes_with_the_reading_to_another_patient(clinic: Clinic, cuff: Device, nurse: User) -> None:
    deliver(clinic, pressure(cuff, 190, 125))
    bob = make_patient(clinic, "bob")
    hand_over(cuff, bob, NOW - 2 * HOUR, nurse)
    assert [alert.patient for alert in Alert.objects.for_clinic(clinic).unseen()] == [bob]
    ended = Alert.objects.for_clinic(clinic).exclude(patient=bob).get()
    assert ended.resolution == "the reading is another patient’s"


def test_one_that_belonged_to_nobody_is_raised_once_it_has_a_patient(clinic: Clinic) -> None:
    cuff = make_device(clinic)
    deliver(clinic, pressure(cuff, 190, 125))
    assert unseen(clinic) == []
    assign(cuff, make_patient(clinic))
    claim_readings()
    assert len(unseen(clinic)) == 1


def test_billing_staff_and_operators_see_no_urgent_value(clinic: Clinic, cuff: Device) -> None:
    deliver(clinic, pressure(cuff, 190, 125))
    alert = Alert.objects.for_clinic(clinic).get()
    for role in (Role.BILLING, "operator"):  # the operator opens no day of a patient either
        person = signed_in(clinic, role)
        assert person.get("/c/alpha/patients/").status_code == 403
        assert (
            person.post(reverse("alert-seen", args=["alpha", alert.patient_id, alert.id])).status_code == 403
        )
        for place in ("/c/alpha/billing/", f"/c/alpha/billing/{alert.patient_id}/{alert.taken_at:%Y-%m-%d}/"):
            answer = person.get(place, follow=True)
            assert b"190/125" not in answer.content and b"urgent" not in answer.content.lower()


def test_no_log_names_the_value_or_the_patient(
    clinic: Clinic, cuff: Device, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="measurements"):
        deliver(clinic, pressure(cuff, 197, 126))
    assert len(unseen(clinic)) == 1 and "197" not in caplog.text


def test_the_limits_are_in_the_units_of_every_device_that_measures_them() -> None:
    for kind in catalogue.kinds():
        for metric, limits in SAFE.items():
            meant = kind.metrics.get(metric)
            for value, within in zip((meant.value_1, meant.value_2) if meant else (), limits, strict=False):
                assert within is None or (value and value.unit == within.unit), (kind.slug, metric)


def test_nothing_refers_to_a_reading_by_a_foreign_key() -> None:
    """Whoever needs one keeps its number and a copy: readings may be partitioned one day."""
    keys = [field for model in apps.get_models() for field in model._meta.get_fields() if field.is_relation]
    pointing = [str(key) for key in keys if key.related_model is Measurement and key.concrete]
    assert pointing == []


def test_the_database_holds_one_alert_for_a_reading_and_only_whole_ones(clinic: Clinic, cuff: Device) -> None:
    deliver(clinic, pressure(cuff, 190, 125))
    alert = Alert.objects.for_clinic(clinic).get()
    alert.id = uuid.uuid4()
    with pytest.raises(IntegrityError), transaction.atomic():
        alert.save(force_insert=True)
    alert.reading_id, alert.kind = None, AlertKind.URGENT_READING
    with pytest.raises(IntegrityError), transaction.atomic():
        alert.save(force_insert=True)


def _bytes(fact: Any) -> bytes:
    return json.dumps(fact).encode()
