"""A history loaded at once leaves the rows that webhooks would have left."""

from __future__ import annotations

import datetime
import itertools
import json
import uuid
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from clinics.models import Clinic
from dashboard import demo
from measurements.actions.exclusion import exclude_reading
from measurements.bulk_load import load
from measurements.elements import settle
from measurements.models import LatestReading, Measurement, VitalDay
from measurements.payload import read
from measurements.recount import drifted_patients
from patients.models import Alert
from tenovi.sandbox import simulation
from tenovi.strict_json import elements_of
from tests.commands import manage
from tests.factories import (
    assign,
    deliver,
    element,
    held_device,
    make_clinic,
    make_device,
    make_patient,
    make_user,
)

pytestmark = pytest.mark.django_db

NOW = datetime.datetime(2026, 3, 20, 12, tzinfo=datetime.UTC)
CUFF, WATCH = uuid.UUID(int=1), uuid.UUID(int=2)
OURS = {"id", "clinic_id", "device_id", "patient_id", "delivery_id", "received_at"}
"""Columns that may differ between two clinics with the same devices."""


@pytest.fixture
def clinics() -> tuple[Clinic, Clinic]:
    return make_clinic("loaded"), make_clinic("told")


def rows(model: Any, clinic: Clinic) -> list[tuple[Any, ...]]:
    """What is stored, with the names of patients and devices for their ids."""
    names = [field.attname for field in model._meta.concrete_fields if field.attname not in OURS]
    names += [name for name in ("patient__external_id", "device__hwi_device_id") if hasattr(model, name[:6])]
    return sorted(model.objects.for_clinic(clinic).values_list(*names), key=repr)


def assert_same(loaded: Clinic, told: Clinic) -> None:
    for model in (Measurement, VitalDay, LatestReading):
        assert rows(model, loaded), model
        assert rows(model, loaded) == rows(model, told), model
    assert not drifted_patients(loaded)


def test_a_simulated_history_is_stored_as_webhooks_would_bring_it(clinics: tuple[Clinic, Clinic]) -> None:
    account = simulation.Clinic(demo.SEED, 24, 9, NOW)
    for clinic in clinics:
        demo.add_account(clinic, account)
    assert sum(demo.add_history(clinics[0], account)) > 900
    for device in account.devices:
        for _, together in itertools.groupby(account.rows_of(device), key=lambda row: row.created.date()):
            arriving = list(together)
            body = json.dumps([row.wire() for row in arriving]).encode()
            settle(clinics[1], elements_of(body), received_at=arriving[-1].created, source="webhook")
    assert_same(*clinics)


def test_a_history_in_disorder_is_stored_as_webhooks_would_bring_it(clinics: tuple[Clinic, Clinic]) -> None:
    watched = {"metric": "steps", "filter_params": {}, "timezone_offset": 0}
    for clinic in clinics:
        patient = make_patient(clinic)
        cuff, watch = (
            make_device(clinic, hwi_device_id=CUFF),
            make_device(clinic, "tenovi-watch", hwi_device_id=WATCH),
        )
        assign(cuff, patient)
        assign(watch, patient)
        hours = [f"2026-03-10T{hour:02}:00:00.000000Z" for hour in range(10, 15)]
        elements = [
            element(cuff, timestamp=hours[0], value_1="131"),
            element(cuff, timestamp=hours[0], value_1="131", hardware_uuid="0011AABBCCDD"),  # a repeat
            element(cuff, timestamp=hours[1], value_1="140"),
            element(cuff, timestamp=hours[1], value_1="150"),  # the same slot with another value
            element(watch, timestamp=hours[2], created=hours[3], value_1="900", **watched),
            element(watch, timestamp=hours[2], created=hours[4], value_1="1000", **watched),  # a later upload
            element(watch, timestamp=hours[2], created=hours[3], value_1="800", **watched),
        ]
        told = elements_of(json.dumps(elements).encode())
        if clinic == clinics[0]:
            assert load(clinic, [(read(one, received_at=NOW), NOW) for one in told]) == 4
        else:
            for one in told:
                settle(clinic, [one], received_at=NOW, source="webhook")
    assert [row.conflict for row in Measurement.objects.for_clinic(clinics[0])].count(True) == 2
    assert_same(*clinics)


def test_what_is_stored_already_is_left_alone(clinics: tuple[Clinic, Clinic]) -> None:
    account = simulation.Clinic(demo.SEED, range(2), 4, NOW)
    demo.add_account(clinics[0], account)
    new = sum(demo.add_history(clinics[0], account))
    before = rows(Measurement, clinics[0])
    assert new == len(before)
    assert sum(demo.add_history(clinics[0], account)) == 0
    assert rows(Measurement, clinics[0]) == before


def history(clinic: Clinic, *elements: dict[str, Any]) -> int:
    told = elements_of(json.dumps(elements).encode())
    return load(clinic, [(read(one, received_at=NOW), NOW) for one in told])


def test_a_loaded_copy_of_an_excluded_reading_is_excluded_like_it() -> None:
    clinic = make_clinic("alpha")
    nurse, meter = make_user("nurse@alpha.test", clinic), held_device(clinic, "tenovi-glucometer")
    glucose = {"metric": "glucose", "value_1": 600, "value_2": 0}
    deliver(clinic, element(meter, **glucose))
    exclude_reading(reading=Measurement.objects.for_clinic(clinic).get(), by=nurse, reason="somebody else")
    same_in_other_words = element(meter, **glucose, filter_params={"serial_number": "SN-1"})
    assert history(clinic, same_in_other_words, element(meter, **glucose | {"value_1": 99})) == 2
    told = (
        Measurement.objects.for_clinic(clinic)
        .order_by("-value_1")
        .values_list("excluded", "exclusion_reason")
    )
    assert list(told) == [(True, "somebody else"), (True, "somebody else"), (False, None)]
    assert LatestReading.objects.for_clinic(clinic).get().value_1 == 99
    assert not drifted_patients(clinic)


@pytest.mark.parametrize("serial", [{}, {"serial_number": "SN-1"}], ids=["the same", "in other words"])
def test_a_reading_that_a_history_calls_control_solution_stops_counting(serial: dict[str, str]) -> None:
    clinic = make_clinic("alpha")
    meter = held_device(clinic, "tenovi-glucometer")
    glucose = {"metric": "glucose", "value_1": 600, "value_2": 0}
    deliver(clinic, element(meter, **glucose, filter_params={}))
    assert Alert.objects.for_clinic(clinic).unseen().exists()
    said = {"measurement_location": "control solution", **serial}
    assert history(clinic, element(meter, **glucose, filter_params=said)) == len(serial)
    assert {one.control for one in Measurement.objects.for_clinic(clinic)} == {True}
    assert not LatestReading.objects.for_clinic(clinic).exists()
    assert Alert.objects.for_clinic(clinic).get().resolution == "it was control solution"
    assert not drifted_patients(clinic)


@pytest.mark.django_db(transaction=True)
def test_the_rows_do_not_depend_on_how_many_processes_load_them(clinics: tuple[Clinic, Clinic]) -> None:
    patients = 2 * demo.SHARE + 1
    arguments = ["seed_demo", f"--patients={patients}", "--days=2", f"--until={NOW.isoformat()}"]
    call_command(*arguments, "--clinic=loaded", "--workers=1", stdout=StringIO())
    ended = manage(*arguments, "--clinic=told", "--workers=3")
    assert ended.returncode == 0, ended.stderr
    assert_same(*clinics)
