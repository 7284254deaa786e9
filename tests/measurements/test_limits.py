"""The limits of a patient's readings: set by page, written down, and told beside what lies beyond."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from clinics.models import AuditEvent, Clinic, Role
from devices.models import Device
from measurements.limits import limited
from measurements.models import Threshold
from patients.models import Patient
from tests.factories import deliver, element, held_device, make_clinic, make_user

pytestmark = pytest.mark.django_db

PRESSURE = {
    "blood_pressure_1_low": "90",
    "blood_pressure_1_high": "130",
    "blood_pressure_2_high": "85",
}
MARCH = "?from=2025-03-01&to=2025-03-31"


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic()


@pytest.fixture
def device(clinic: Clinic) -> Device:
    return held_device(clinic)


@pytest.fixture
def patient(clinic: Clinic, device: Device) -> Patient:
    return Patient.objects.for_clinic(clinic).get()


@pytest.fixture
def page(clinic: Clinic) -> Client:
    client = Client()
    client.force_login(make_user("care@alpha.test", clinic, Role.CARE_MANAGER))
    return client


def where(patient: Patient) -> str:
    return f"/c/alpha/patients/{patient.id}/limits/"


def version(page: Client, patient: Patient) -> str:
    return str(page.get(where(patient)).context["form"]["version"].value())


def keep(page: Client, patient: Patient, **limits: str) -> Any:
    return page.post(where(patient), {**limits, "version": version(page, patient)})


def only(patient: Patient) -> Threshold:
    return Threshold.objects.for_clinic(patient.clinic).get()


def test_limits_are_kept_with_who_set_them_and_what_they_were(page: Client, patient: Patient) -> None:
    assert keep(page, patient, **PRESSURE).status_code == 302
    kept = only(patient)
    assert [kept.low_1, kept.high_1, kept.low_2, kept.high_2] == [90, 130, None, 85]
    assert kept.set_by.email == "care@alpha.test"
    keep(page, patient, **PRESSURE | {"blood_pressure_1_high": "140"})
    details = AuditEvent.objects.filter(action="limits_set").order_by("id").values_list("detail", flat=True)
    assert list(details) == [
        {name: [None, value] for name, value in PRESSURE.items()},
        {"blood_pressure_1_high": ["130.00", "140"]},
    ]


def test_a_limit_that_is_emptied_is_gone(page: Client, patient: Patient) -> None:
    keep(page, patient, pulse_1_low="50")
    keep(page, patient)
    assert not Threshold.objects.for_clinic(patient.clinic).exists()


def test_keeping_what_is_there_is_no_change(page: Client, patient: Patient) -> None:
    keep(page, patient, weight_1_high="180.5")
    before = only(patient).set_at
    keep(page, patient, weight_1_high="180.50")
    assert only(patient).set_at == before
    assert AuditEvent.objects.filter(action="limits_set").count() == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"blood_pressure_1_low": "140"}, "This must be more than the lowest."),
        ({"blood_pressure_1_low": "-1"}, "greater than or equal to 0"),
        ({"spO2_1_high": "101"}, "less than or equal to 100"),
        ({"weight_1_high": "heavy"}, "Enter a number."),
        ({"weight_1_high": "NaN"}, "Enter a number."),
        ({"weight_1_high": "1e9"}, "no more than 8 digits"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(
    page: Client, patient: Patient, wrong: dict[str, str], message: str
) -> None:
    typed = PRESSURE | wrong
    said = keep(page, patient, **typed).content.decode()
    assert message in said
    assert 'aria-invalid="true"' in said
    assert [text for text in typed.values() if f'value="{text}"' not in said] == []
    assert not Threshold.objects.for_clinic(patient.clinic).exists()


def test_two_who_set_limits_learn_of_each_other(page: Client, patient: Patient) -> None:
    seen = version(page, patient)
    keep(page, patient, pulse_1_low="50")
    said = page.post(where(patient), {"pulse_1_low": "60", "version": seen}).content.decode()
    assert "Somebody else set limits" in said
    assert 'value="60"' in said
    assert only(patient).low_1 == 50
    page.post(where(patient), {"pulse_1_low": "60", "version": version(page, patient)})
    assert only(patient).low_1 == 60


def test_the_chart_has_the_limits_and_says_how_many_readings_lie_beyond(
    page: Client, patient: Patient, device: Device
) -> None:
    for minute, (systolic, diastolic) in enumerate([(131, 80), (130, 85), (120, 86), (89, 60), (90, 60)]):
        moment = f"2025-03-04T15:{minute:02}:00Z"
        deliver(patient.clinic, element(device, timestamp=moment, value_1=systolic, value_2=diastolic))
    keep(page, patient, **PRESSURE)
    (chart,) = page.get(f"/c/alpha/patients/{patient.id}/{MARCH}").context["charts"]
    assert chart["limits"] == ["Limits: 90 to 130 / up to 85 mmHg. 3 of 5 beyond."]
    assert chart["layers"][0]["limits"] == "90.00 130.00 - 85.00"
    rows = page.get(f"/c/alpha/patients/{patient.id}/{MARCH}&view=table").context["readings"]["page"]
    assert [row["remarks"] for row in rows] == [[], ["below 90"], ["above 85"], [], ["above 130"]]


def test_the_latest_value_says_which_limit_it_lies_beyond(
    page: Client, patient: Patient, device: Device
) -> None:
    deliver(patient.clinic, element(device, value_1=131, value_2=86))
    shown = f"/c/alpha/patients/{patient.id}/"
    assert page.get(shown).context["card"]["latest"][0]["beyond"] == ""
    keep(page, patient, **PRESSURE)
    assert "above 130, above 85" in page.get(shown).content.decode()


def test_every_number_that_may_have_limits_has_a_field_on_the_page(page: Client, patient: Patient) -> None:
    said = page.get(where(patient)).content.decode()
    assert [one.key for one in limited() if f'name="{one.key}_low"' not in said] == []
    assert len(list(limited())) == 10


@pytest.mark.parametrize("limits", [{}, {"low_1": 9, "high_1": 9}, {"low_2": 9, "high_2": 8}])
def test_the_database_keeps_no_limit_that_makes_no_sense(
    patient: Patient, limits: dict[str, Decimal]
) -> None:
    by = make_user("bob@alpha.test", patient.clinic)
    with pytest.raises(IntegrityError), transaction.atomic():
        Threshold.objects.create(clinic=patient.clinic, patient=patient, metric="pulse", set_by=by, **limits)
