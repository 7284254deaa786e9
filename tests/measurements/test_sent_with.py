"""What the vendor sends beside the values is seen, and a breath that is not valid counts for nothing."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from clinics.models import Clinic
from devices.models import Device
from measurements.models import LatestReading, Measurement, VitalDay
from measurements.shown.presentation import SENT_WITH
from measurements.shown.series import series_of
from patients.models import Patient
from tenovi import catalogue
from tests.factories import deliver, element, held_device, make_clinic, make_user, settled
from tests.pages import text_of

pytestmark = pytest.mark.django_db

DAY = datetime.date(2025, 3, 4)


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha", timezone="UTC")


@pytest.fixture
def nurse(clinic: Clinic, client: Client) -> Client:
    client.force_login(make_user("nurse@alpha.test", clinic))
    return client


def flow(device: Device, value: int, minute: int, **flags: Any) -> dict[str, Any]:
    params = {"flags": flags, "serial_number": "A1B2C3", "device_log_index": minute + 1, "angle": "0 to 22.5"}
    return element(
        device,
        metric="hailie_respiratory_flow_log",
        value_1=value,
        value_2=value,
        timestamp=f"2025-03-04T15:{minute:02}:00Z",
        timezone_offset=0,
        filter_params=params,
    )


@pytest.mark.parametrize("flags", [{"flow_error": 1}, {"inhalation_valid": 0}, {"flow_error": "1"}], ids=str)
def test_an_invalid_flow_is_no_value_and_earns_no_day(
    clinic: Clinic, nurse: Client, flags: dict[str, Any]
) -> None:
    inhaler = held_device(clinic, "hailie-sensor")
    patient = Patient.objects.for_clinic(clinic).get()
    assert settled(deliver(clinic, flow(inhaler, 3, 9, **flags))) == {"stored": 1}
    (day,) = VitalDay.objects.for_clinic(clinic).values_list("readings", "vendor_readings")
    told = text_of(nurse.get(reverse("patient-day", args=["alpha", patient.id, DAY])))
    assert "the sensor marks every reading as not valid" in told
    assert day == (0, 1) and not LatestReading.objects.for_clinic(clinic).exists()
    deliver(clinic, flow(inhaler, 60, 5, inhalation_valid=1, flow_error=0))
    assert series_of(patient, "hailie_respiratory_flow_log").v1 == "[60]"
    assert LatestReading.objects.for_clinic(clinic).get().value_1 == 60
    page = text_of(nurse.get(reverse("patient-day", args=["alpha", patient.id, DAY])))
    assert "the sensor marks it as not valid" in page and "not valid by the sensor" in page
    call_command("rebuild_vital_days", "--clinic", "alpha", "--check")


def test_the_day_shows_all_that_was_sent_beside_the_values(clinic: Clinic, nurse: Client) -> None:
    inhaler = held_device(clinic, "hailie-sensor")
    row = flow(inhaler, 60, 5, inhalation_valid=1, flow_error=0)
    row["filter_params"] |= {"never_heard_of": {"a": [1, 2]}, "note": "<b>"}
    deliver(clinic, row)
    patient = Patient.objects.for_clinic(clinic).get()
    page = text_of(nurse.get(reverse("patient-day", args=["alpha", patient.id, DAY])))
    for words in (
        "angle in degrees: 0 to 22.5",
        "inhalation valid: yes",
        "flow error: no",
        "serial number: A1B2C3",
        "entry in the device’s log: 6",
        'never_heard_of: {"a": [1, 2]}',
        "note: <b>",
    ):
        assert words in page


def test_everything_the_catalogue_says_is_sent_has_words() -> None:
    for kind in catalogue.kinds():
        assert set(kind.filter_params) <= SENT_WITH.keys(), kind.slug
        flags = {name for metric in kind.metrics.values() for name, _ in metric.invalid_when}
        assert flags <= SENT_WITH.keys() and (not flags or "flags" in kind.filter_params), kind.slug


def test_what_makes_a_reading_invalid_is_the_catalogues_word_on_its_metric(clinic: Clinic) -> None:
    named = {
        metric.name for kind in catalogue.kinds() for metric in kind.metrics.values() if metric.invalid_when
    }
    assert named == {"hailie_respiratory_flow_log", "hailie_respiratory_timing_log"}
    breath, dose = (
        flow(held_device(clinic, "hailie-sensor"), 1, 9, flow_error=1, inhalation_valid=0),
        "hailie_medication_event",
    )
    weight = element(held_device(clinic, "tenovi-scale"), metric="weight", value_1=180, value_2=0)
    weight["filter_params"] = {"flags": {"flow_error": 1}}
    rows = [breath, breath | {"metric": "hailie_respiratory_timing_log"}, breath | {"metric": dose}, weight]
    assert settled(deliver(clinic, rows)) == {"stored": 4}
    counts = dict(Measurement.objects.for_clinic(clinic).values_list("metric", "counts"))
    assert {name for name, counted in counts.items() if counted} == {dose, "weight"}


def used(cuff: Device, minute: int, *, irregular: bool) -> None:
    time = {"timestamp": f"2025-03-04T15:{minute:02}:00Z", "timezone_offset": 0}
    rows = [element(cuff, **time), element(cuff, metric="pulse", value_1=70, value_2=0, **time)]
    if irregular:
        rows.append(element(cuff, metric="irregular_heartbeat", value_1=1, value_2=0, **time))
    assert settled(deliver(cuff.clinic, rows)) == {"stored": len(rows)}


def test_an_irregular_heartbeat_of_the_latest_pressure_is_in_words_on_the_list(
    clinic: Clinic, nurse: Client
) -> None:
    cuff = held_device(clinic)
    patient = Patient.objects.for_clinic(clinic).get()
    words = "Irregular heartbeat detected with the latest blood pressure"
    used(cuff, 1, irregular=False)
    assert "rregular" not in text_of(nurse.get(reverse("patients", args=["alpha"])))
    used(cuff, 5, irregular=True)
    assert words in text_of(nurse.get(reverse("patients", args=["alpha"])))
    assert "Irregular heartbeat detected" in text_of(
        nurse.get(reverse("patient", args=["alpha", patient.id]))
    )
    used(cuff, 3, irregular=False)  # uploaded late: not the latest
    assert words in text_of(nurse.get(reverse("patients", args=["alpha"])))
    used(cuff, 9, irregular=False)
    listed = text_of(nurse.get(reverse("patients", args=["alpha"])))
    assert words not in listed and "Irregular heartbeat detected" in listed


def test_an_irregular_heartbeat_of_another_cuff_is_not_of_this_pressure(
    clinic: Clinic, nurse: Client
) -> None:
    used(held_device(clinic), 5, irregular=True)
    other = held_device(clinic, external_id="mrn-2")
    used(other, 5, irregular=False)
    (row,) = [
        row
        for row in nurse.get(reverse("patients", args=["alpha"])).context["page"]
        if row["external_id"] == "mrn-2"
    ]
    assert row["irregular_at"] is None
