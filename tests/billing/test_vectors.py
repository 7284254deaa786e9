"""The day counts of the published billing examples, from payloads at the door to the report.

The period is 2026-03-01 to 2026-03-30; readings carry the offset −7.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

import pytest

from billing.report import ReportRow, vital_days
from billing.windows import Window
from clinics.models import Clinic
from devices.models import Device
from measurements.models import Measurement
from tests.factories import deliver, element, held_device, make_clinic, settled

PERIOD = Window(datetime.date(2026, 3, 1), datetime.date(2026, 3, 30))
NEXT_PERIOD = Window(datetime.date(2026, 3, 31), datetime.date(2026, 4, 29))
LATER = datetime.datetime(2026, 5, 1, tzinfo=datetime.UTC)
HOURS_FROM_UTC = -7

pytestmark = [pytest.mark.django_db, pytest.mark.clock]


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha", timezone="America/Phoenix")


def taken(day: int, time: str = "08:00", month: int = 3) -> str:
    """A local date and time of 2026 as the vendor writes it."""
    local = datetime.datetime.fromisoformat(f"2026-{month:02}-{day:02}T{time}")
    return f"{local - datetime.timedelta(hours=HOURS_FROM_UTC):%Y-%m-%dT%H:%M:%S.000000Z}"


def send(device: Device, timestamps: Iterable[str], **changes: Any) -> None:
    elements = [
        element(device, timestamp=each, timezone_offset=HOURS_FROM_UTC, **changes) for each in timestamps
    ]
    assert set(settled(deliver(device.clinic, elements))) <= {"stored", "duplicates"}


def dates(first: int, last: int) -> list[str]:
    return [taken(day) for day in range(first, last + 1)]


def the_row(clinic: Clinic, window: Window = PERIOD, now: datetime.datetime = LATER) -> ReportRow:
    [row] = vital_days(clinic, window, now=now)
    return row


@pytest.mark.parametrize(("vector", "count"), [(1, 16), (2, 15), (3, 2)])
def test_1_to_3_distinct_dates_are_days(clinic: Clinic, vector: int, count: int) -> None:
    send(held_device(clinic), dates(2, 1 + count))
    row = the_row(clinic)
    assert (row.program, row.days, row.vendor_days) == ("RPM", count, count)
    assert row.dates[0] == datetime.date(2026, 3, 2)


def test_4_forty_readings_on_one_date_are_one_day(clinic: Clinic) -> None:
    send(held_device(clinic), [taken(5, f"08:{minute:02}") for minute in range(40)])
    assert Measurement.objects.for_clinic(clinic).count() == 40
    assert the_row(clinic).dates == (datetime.date(2026, 3, 5),)


def test_5_the_days_of_two_devices_add_up(clinic: Clinic) -> None:
    send(held_device(clinic), dates(1, 8))
    send(held_device(clinic, "tenovi-scale"), dates(9, 16), metric="weight", value_1=181.4)
    assert the_row(clinic).days == 16


def test_6_the_same_dates_of_two_devices_count_once(clinic: Clinic) -> None:
    send(held_device(clinic), dates(1, 16))
    send(held_device(clinic, "tenovi-scale"), dates(1, 16), metric="weight", value_1=181.4)
    assert the_row(clinic).days == 16


def test_7_battery_earns_no_day(clinic: Clinic) -> None:
    send(held_device(clinic), dates(1, 16), metric="battery_percentage", value_1=80)
    row = the_row(clinic)
    assert (row.days, row.vendor_days) == (0, 0)


def test_9_and_10_the_local_date_decides_the_period(clinic: Clinic) -> None:
    device = held_device(clinic)
    send(device, [taken(30, "23:30")])
    send(device, [taken(31, "00:10")])
    assert the_row(clinic).dates == (datetime.date(2026, 3, 30),)
    assert the_row(clinic, NEXT_PERIOD).dates == (datetime.date(2026, 3, 31),)


def test_11_the_date_on_which_clocks_change_is_one_day() -> None:
    clinic = make_clinic("denver", timezone="America/Denver")
    before, after = "2026-03-08T08:30:00Z", "2026-03-09T05:30:00Z"  # 01:30 at −7, 23:30 at −6
    device = held_device(clinic)
    for timestamp, offset in ((before, -7), (after, -6), (before, None), (after, None)):
        deliver(
            clinic, element(device, timestamp=timestamp, timezone_offset=offset, value_1=100 + (offset or 0))
        )
    assert Measurement.objects.for_clinic(clinic).count() == 4
    assert the_row(clinic).dates == (datetime.date(2026, 3, 8),)


def test_13_a_payload_delivered_three_times_is_one_reading(clinic: Clinic) -> None:
    device = held_device(clinic)
    for _ in range(3):
        send(device, [taken(5)])
    assert Measurement.objects.for_clinic(clinic).count() == 1
    assert the_row(clinic).days == 1


def test_22_shakes_and_caps_earn_no_day(clinic: Clinic) -> None:
    sensor = held_device(clinic, "hailie-sensor")
    for metric in ("hailie_shake_detection_event", "hailie_medication_cap_event"):
        send(sensor, dates(1, 9), metric=metric, value_1=1, value_2=0)
    row = the_row(clinic)
    assert (row.program, row.days) == ("RTM", 0)
    send(sensor, dates(3, 4), metric="hailie_medication_event", value_1=1, value_2=0)
    assert the_row(clinic).days == 2


def test_24_control_solution_earns_no_day_though_the_vendor_counts_it(clinic: Clinic) -> None:
    meter = held_device(clinic, "tenovi-glucometer")
    control = {"measurement_location": "control solution"}
    send(meter, dates(1, 13), metric="glucose", filter_params={"measurement_location": "finger"})
    send(meter, dates(14, 16), metric="glucose", filter_params=control)
    send(meter, dates(1, 1), metric="glucose", filter_params=control, value_1=99)
    row = the_row(clinic)
    assert (row.days, row.vendor_days) == (13, 16)


def test_a_date_that_has_not_begun_where_the_patient_lives_does_not_count_yet(clinic: Clinic) -> None:
    send(held_device(clinic), dates(9, 12))
    midnight = datetime.datetime(2026, 3, 11, 7, tzinfo=datetime.UTC)  # in Phoenix
    moment_before = midnight - datetime.timedelta(seconds=1)
    assert the_row(clinic, now=moment_before).days == 2
    assert the_row(clinic, now=midnight).days == 3


def test_days_that_rest_on_estimated_times_are_named(clinic: Clinic) -> None:
    device = held_device(clinic)
    send(device, dates(1, 3), estimated_timestamp=True)
    send(device, [taken(2, "20:00")])
    row = the_row(clinic)
    assert row.days == 3
    assert [date.day for date in row.estimated_only] == [1, 3]


def test_a_watch_alone_earns_nothing_and_still_has_its_row(clinic: Clinic) -> None:
    send(held_device(clinic, "tenovi-watch"), dates(1, 16), metric="steps", value_1=4000)
    row = the_row(clinic)
    assert (row.program, row.days, row.vendor_days) == ("RPM", 0, 0)
