"""What a person or the meter said of a reading holds for its copies, and a device's log counts once."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.core.management import call_command

from clinics.models import Clinic
from devices.models import Device
from measurements.actions.exclusion import exclude_reading, restore_reading
from measurements.models import LatestReading, Measurement, VitalDay
from patients.models import Alert, Patient
from tests.factories import deliver, element, held_device, make_clinic, make_user, settled, vendor_time
from tests.rest import token_of

pytestmark = pytest.mark.django_db

NOON = datetime.datetime(2025, 3, 4, 12, tzinfo=datetime.UTC)
SPELLINGS: list[dict[str, Any]] = [
    {"measurement_location": "control solution"},
    {"measurement_location": "control_solution"},
    {"measurement_location": "Control-Solution"},
    {"measurement_location": "ControlSolution"},
    {"control_solution": True},
    {"control-solution": "true"},
    {"ControlSolution": 1},
]


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def meter(clinic: Clinic) -> Device:
    return held_device(clinic, "tenovi-glucometer")


@pytest.fixture
def inhaler(clinic: Clinic) -> Device:
    return held_device(clinic, "hailie-sensor")


def glucose(meter: Device, value: int = 140, **params: Any) -> dict[str, Any]:
    return element(
        meter, metric="glucose", value_1=value, value_2=0, timestamp=vendor_time(NOON), filter_params=params
    )


def dose(inhaler: Device, seconds: int, serial: str = "A1B2C3", index: Any = 7) -> dict[str, Any]:
    return element(
        inhaler,
        metric="hailie_medication_event",
        value_1=1,
        value_2=0,
        timestamp=vendor_time(NOON + datetime.timedelta(seconds=seconds)),
        filter_params={"serial_number": serial, "device_log_index": index},
    )


def days(clinic: Clinic) -> list[tuple[int, int]]:
    return list(VitalDay.objects.for_clinic(clinic).values_list("readings", "vendor_readings"))


def stored(clinic: Clinic) -> list[Measurement]:
    return list(Measurement.objects.for_clinic(clinic).select_related("clinic").order_by("taken_at", "id"))


@pytest.mark.parametrize("spelling", SPELLINGS, ids=str)
def test_control_solution_is_known_however_it_is_spelled(
    clinic: Clinic, meter: Device, spelling: dict[str, Any]
) -> None:
    deliver(clinic, glucose(meter, **spelling))
    assert [(one.control, one.counts) for one in stored(clinic)] == [(True, False)]


@pytest.mark.parametrize("said", [{"control_solution": False}, {"measurement_location": "finger"}], ids=str)
def test_what_is_no_control_solution_counts(clinic: Clinic, meter: Device, said: dict[str, Any]) -> None:
    deliver(clinic, glucose(meter, **said))
    assert [(one.control, one.counts) for one in stored(clinic)] == [(False, True)]


@pytest.mark.parametrize("serial", [{}, {"serial_number": "SN-1"}], ids=["the same", "in other words"])
def test_a_reading_later_sent_as_control_solution_stops_counting(
    clinic: Clinic, meter: Device, serial: dict[str, str]
) -> None:
    deliver(clinic, [glucose(meter, 600), element(meter, metric="glucose", value_1=99, value_2=0)])
    assert Alert.objects.for_clinic(clinic).unseen().exists()
    deliver(clinic, glucose(meter, 600, measurement_location="control solution", **serial))
    assert days(clinic) == [(1, 2 + bool(serial))]
    assert LatestReading.objects.for_clinic(clinic).get().value_1 == 99
    assert Alert.objects.for_clinic(clinic).get().resolution == "it was control solution"
    call_command("rebuild_vital_days", "--clinic", "alpha", "--check")


def test_a_copy_of_control_solution_is_control_solution(clinic: Clinic, meter: Device) -> None:
    deliver(clinic, glucose(meter, measurement_location="control solution"))
    deliver(clinic, glucose(meter, serial_number="SN-1"))
    assert [(one.control, one.counts) for one in stored(clinic)] == [(True, False)] * 2
    assert not LatestReading.objects.for_clinic(clinic).exists()


def test_a_copy_of_an_excluded_reading_is_excluded_for_the_same_reason(clinic: Clinic, meter: Device) -> None:
    nurse = make_user("nurse@alpha.test", clinic)
    deliver(clinic, glucose(meter, 600))
    exclude_reading(reading=stored(clinic)[0], by=nurse, reason="somebody else")
    deliver(clinic, glucose(meter, 600, serial_number="SN-1"))
    told = [(one.excluded, one.excluded_by, one.exclusion_reason, one.counts) for one in stored(clinic)]
    assert told == [(True, nurse, "somebody else", False)] * 2
    assert days(clinic) == [(0, 2)] and not Alert.objects.for_clinic(clinic).unseen().exists()
    assert not LatestReading.objects.for_clinic(clinic).exists()
    restore_reading(reading=stored(clinic)[1], by=nurse, reason="a mistake")
    assert [one.excluded for one in stored(clinic)] == [False, False]
    exclude_reading(reading=stored(clinic)[1], by=nurse, reason="somebody else")
    assert [one.excluded for one in stored(clinic)] == [True, True]
    call_command("rebuild_vital_days", "--clinic", "alpha", "--check")


def test_an_excluded_reading_says_nothing_of_another_value(clinic: Clinic, meter: Device) -> None:
    deliver(clinic, glucose(meter, 140))
    exclude_reading(reading=stored(clinic)[0], by=make_user("nurse@alpha.test", clinic), reason="a test")
    deliver(clinic, glucose(meter, 141))
    assert sorted((int(one.value_1), one.excluded) for one in stored(clinic)) == [(140, True), (141, False)]


@pytest.mark.parametrize("order", [(0, 1, 60), (60, 1, 0), (1, 60, 0)], ids=str)
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
def test_one_entry_of_the_log_is_one_event_at_the_earliest_time(
    clinic: Clinic, inhaler: Device, order: tuple[int, ...], at_once: bool
) -> None:
    sent = [dose(inhaler, seconds) for seconds in order]
    for delivery in [sent] if at_once else [[one] for one in sent]:
        deliver(clinic, delivery)
    assert days(clinic) == [(1, 1)]
    assert [one.counts for one in stored(clinic)] == [True, False, False]
    assert LatestReading.objects.for_clinic(clinic).get().taken_at == NOON
    patient = Patient.objects.for_clinic(clinic).get()
    assert Measurement.objects.of_patient(patient).events().get().taken_at == NOON
    call_command("rebuild_vital_days", "--clinic", "alpha", "--check")


def test_a_repeat_is_told_in_the_answer_and_left_out_of_the_api(
    clinic: Clinic, inhaler: Device, client: Any
) -> None:
    assert settled(deliver(clinic, dose(inhaler, 0))) == {"stored": 1}
    assert settled(deliver(clinic, dose(inhaler, 1, index="7"))) == {"duplicates": 1}
    token = token_of(make_user("nurse@alpha.test", clinic))
    address = "/api/v1/clinics/alpha/patients/mrn-7781/measurements/"
    answer = client.get(address, headers={"Authorization": token}).json()
    assert len(answer["results"]) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"seconds": 61},
        {"seconds": 1, "serial": ""},
        {"seconds": 1, "serial": "Z9"},
        {"seconds": 1, "index": 8},
    ],
    ids=str,
)
def test_another_entry_serial_number_or_minute_is_another_event(
    clinic: Clinic, inhaler: Device, other: dict[str, Any]
) -> None:
    serial = "" if other.get("serial") == "" else "A1B2C3"
    deliver(clinic, [dose(inhaler, 0, serial), dose(inhaler, **other)])
    assert days(clinic) == [(2, 2)]


def test_cuffs_use_their_numbers_again(clinic: Clinic) -> None:
    cuff = held_device(clinic)
    params = {"measurement_index": 5, "serial_number": "SN-1"}
    times = (vendor_time(NOON + datetime.timedelta(seconds=seconds)) for seconds in (0, 30))
    deliver(clinic, [element(cuff, timestamp=at, filter_params=params) for at in times])
    assert days(clinic) == [(2, 2)]
