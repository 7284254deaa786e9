"""A month of one metric as a line the size of a word, and the battery's beside a device."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.template import Context, Template
from django.test import Client
from django.urls import reverse

from clinics.models import Clinic
from dashboard.patients.sparklines import Sparkline, sparklines
from devices.models import Device
from measurements.actions.exclusion import exclude_reading
from measurements.models import Measurement
from patients.models import Patient
from tests.factories import deliver, element, held_device, make_clinic, make_user, settled, vendor_time

pytestmark = [pytest.mark.django_db, pytest.mark.clock]

NOW = datetime.datetime(2025, 11, 19, 15, tzinfo=datetime.UTC)
TODAY = NOW.date()


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha", timezone="UTC")


def sent(device: Device, metric: str, days_ago: float, value_1: float, value_2: float | None = None) -> None:
    at = vendor_time(NOW - datetime.timedelta(days=days_ago))
    values = {"metric": metric, "value_1": value_1, "value_2": value_2, "timestamp": at}
    reading = element(device, timezone_offset=0, filter_params={"measurement_index": value_1}, **values)
    assert settled(deliver(device.clinic, reading)) == {"stored": 1}


def trend(clinic: Clinic, metric: str) -> Sparkline:
    patient = Patient.objects.for_clinic(clinic).get()
    return sparklines(clinic, {patient.id: metric}, TODAY)[patient.id]


def test_a_day_is_its_last_reading_and_pressure_a_range(clinic: Clinic) -> None:
    cuff = held_device(clinic)
    sent(cuff, "blood_pressure", 1.2, 140, 90)
    sent(cuff, "blood_pressure", 1, 120, 80)
    sent(cuff, "blood_pressure", 0, 130, 85)
    found = trend(clinic, "blood_pressure")
    assert found.points == ((28, 120.0, 80.0), (29, 130.0, 85.0))
    assert found.words == "Blood pressure, 30 days: 120/80 to 130/85 mmHg on 2 days"


def test_only_thirty_days_and_what_counts_as_the_patients_own(clinic: Clinic) -> None:
    meter = held_device(clinic, "tenovi-glucometer")
    for days_ago, value in ((30, 90), (29, 100), (3, 400)):
        sent(meter, "glucose", days_ago, value)
    wrong = Measurement.objects.for_clinic(clinic).select_related("clinic").get(value_1=400)
    exclude_reading(reading=wrong, by=make_user("bob@alpha.test"), reason="not hers")
    assert trend(clinic, "glucose").points == ((0, 100.0, None),)


@pytest.mark.parametrize(
    ("kind", "metric", "rows", "point", "words"),
    [
        ("tenovi-watch", "steps", [(0.3, 100, None), (0.2, 250, None)], 350, "350 to 350 steps a day"),
        ("tenovi-watch", "heart_rate_statistics", [(0.3, 60, 90), (0.2, 70, 95)], 65, "65 to 65 bpm on average"),
        ("tenovi-pillbox", "pillbox_opened", [(0.3, 4, 1), (0.2, 4, 2)], 2, "2 to 2 openings a day"),
        ("patchrx-patchcap", "patchcap_open_close_event", [(0.3, 1, None), (0.2, 0, None)], 1, "1 to 1 openings a day"),
    ],
)  # fmt: skip
def test_what_happens_during_a_day_is_summed_up(
    clinic: Clinic, kind: str, metric: str, rows: list[Any], point: float, words: str
) -> None:
    device = held_device(clinic, kind)
    for row in rows:
        sent(device, metric, *row)
    found = trend(clinic, metric)
    assert found.points == ((29, float(point), None),)
    assert words in found.words


def drawn(points: list[tuple[int, float, float | None]], **fields: Any) -> str:
    facts: dict[str, Any] = {"bars": False, "low": 0, "high": 10, "words": "told"} | fields
    line = Sparkline(tuple(points), **facts)
    source = Template("{% load sparklines %}{% sparkline trend %}").render(Context({"trend": line}))
    assert 'role="img" aria-label="told"' in source
    found = re.search(r' d="([^"]+)"', source)
    assert found
    return found[1]


def test_a_line_is_broken_by_days_without_readings() -> None:
    assert drawn([(0, 0, None), (2, 5, None), (5, 10, None)]) == "M3.0 25.0h.01L10.9 14.0M22.7 3.0h.01"


def test_bars_stand_on_the_ground_and_ranges_do_not() -> None:
    assert drawn([(0, 10, None)], bars=True) == "M3.0 25V3.0"
    assert drawn([(0, 10, 5)]) == "M3.0 14.0V3.0"


def test_a_flat_month_is_a_line_in_the_middle() -> None:
    assert drawn([(0, 4, None)], low=4, high=4).startswith("M3.0 25.0")


def test_a_quiet_week_does_not_look_like_a_storm(clinic: Clinic) -> None:
    scale = held_device(clinic, "tenovi-scale")
    sent(scale, "weight", 1, 180.0)
    sent(scale, "weight", 0, 181.0)
    found = trend(clinic, "weight")
    assert (found.low, found.high) == (178.5, 182.5)


def test_a_device_shows_how_its_battery_went(clinic: Clinic, client: Client) -> None:
    cuff = held_device(clinic)
    for days_ago, percent in ((8, 64), (4, 60), (4.1, 99), (40, 70)):
        sent(cuff, "battery_percentage", days_ago, percent)
    client.force_login(make_user("alice@alpha.test", clinic))
    patient = Patient.objects.for_clinic(clinic).get()
    (device,) = client.get(reverse("patient", args=["alpha", patient.id])).context["devices"]
    assert device["battery"] == "60 %"
    assert device["battery_trend"].points == ((21, 64.0, None), (25, 60.0, None))
    assert device["battery_trend"].words == "Battery, 30 days: 60 to 64 %"
