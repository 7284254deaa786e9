"""Readings in words, the same on chart, table and day."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from measurements.models import Measurement
from measurements.shown.presentation import (
    Readout,
    marks_of,
    metric_of,
    number_text,
    readout_of,
    remarks_of,
    second_text,
    value_text,
)
from tenovi import catalogue

SATURDAY = datetime.date(2025, 3, 8)
NOON = datetime.datetime(2025, 3, 8, 12, tzinfo=datetime.UTC)


def reading(metric: str, value_1: str = "1", value_2: str | None = None, **fields: object) -> Measurement:
    values = {"value_1": Decimal(value_1), "value_2": Decimal(value_2) if value_2 else None}
    defaults = {"taken_at": NOON, "received_at": NOON, "local_date": SATURDAY, "context": {}}
    return Measurement(metric=metric, **(defaults | values | fields))


@pytest.mark.parametrize(
    ("value", "decimals", "words"),
    [
        ("190.05", 1, "190.1"),
        ("190.15", 1, "190.2"),
        ("138.50", 0, "139"),
        ("-0.25", 1, "-0.3"),
        ("-0.04", 1, "0.0"),
        ("12345.5", 0, "12,346"),
    ],
)
def test_a_number_is_rounded_half_up_and_easy_to_read(value: str, decimals: int, words: str) -> None:
    assert number_text(Decimal(value), decimals) == words


@pytest.mark.parametrize(
    ("kind", "metric", "values", "words", "second"),
    [
        ("tenovi-bpm", "blood_pressure", ("131", "82"), "131/82", ""),
        ("tenovi-bpm", "irregular_heartbeat", ("1", None), "detected", ""),
        ("tenovi-pulse-ox", "spO2", ("95", "0.41"), "95", "± 0.41"),
        ("nonin-pulse-ox", "spO2", ("95", None), "95", ""),
        ("tenovi-watch", "heart_rate_statistics", ("71", "95"), "71", "maximum 95 bpm"),
        ("tenovi-pillbox", "pillbox_opened", ("2", "1"), "Monday AM", ""),
        ("tenovi-pillbox", "pillbox_refilled", ("7", "2"), "Saturday PM", ""),
        ("tenovi-pillbox", "pillbox_refill_initiated", ("1", "0"), "started", ""),
        ("hailie-sensor", "hailie_medication_event", ("1", None), "dose", ""),
        ("hailie-sensor", "hailie_respiratory_flow_log", ("58.21", "36.1"), "58.2", "mean 36.1 L/min"),
        ("hailie-sensor", "hailie_respiratory_timing_log", ("2.4", "0.65"), "2.40", "peak after 0.65 s"),
        ("hailie-sensor", "hailie_shake_detection_event", ("0", "2.3"), "not valid", "shaken for 2.30 s"),
        ("hailie-sensor", "low_battery_event", ("0", None), "low", ""),
        ("patchrx-patchcap", "low_battery_event", ("1", None), "low", ""),
        ("patchrx-patchcap", "patchcap_open_close_event", ("0", None), "closed", ""),
        ("", "gait_speed", ("1.20", "0.00"), "1.2", ""),
        ("", "gait_speed", ("1.20", "3.00"), "1.2 / 3", ""),
    ],
)
def test_a_value_reads_as_what_it_is(
    kind: str, metric: str, values: tuple[str, str | None], words: str, second: str
) -> None:
    means = metric_of(metric, kind)
    value_1, value_2 = Decimal(values[0]), Decimal(values[1]) if values[1] else None
    assert (value_text(means, value_1, value_2), second_text(means, value_2)) == (words, second)


@pytest.mark.parametrize(
    ("kind", "metric", "readout"),
    [
        ("tenovi-bpm", "blood_pressure", Readout("{1}/{2} mmHg")),
        ("tenovi-scale", "weight", Readout("{1} lb")),
        ("tenovi-pulse-ox", "pulse", Readout("{1} bpm", second="± {2}")),
        ("tenovi-pillbox", "pillbox_opened", Readout("opened")),
        ("patchrx-patchcap", "patchcap_open_close_event", Readout("opened", zero="closed")),
        ("hailie-sensor", "hailie_respiratory_flow_log", Readout("{1} L/min", second="mean {2} L/min")),
        ("", "gait_speed", Readout("{1}", second="second value {2}")),
    ],
)
def test_a_chart_words_a_reading_the_same_way(kind: str, metric: str, readout: Readout) -> None:
    assert readout_of(metric_of(metric, kind)) == readout


def test_every_metric_of_the_catalogue_can_be_worded() -> None:
    for kind in catalogue.kinds():
        for metric in kind.metrics.values():
            assert value_text(metric, Decimal(1), Decimal(1)) and readout_of(metric).value


def test_a_compartment_of_another_day_is_remarked() -> None:
    opened = metric_of("pillbox_opened", "tenovi-pillbox")
    assert remarks_of(reading("pillbox_opened", "7", "1"), opened) == []
    assert remarks_of(reading("pillbox_opened", "1", "1"), opened) == ["not on its own day"]


def test_what_was_said_when_measuring_is_remarked() -> None:
    glucose = metric_of("glucose", "tenovi-glucometer")
    assert remarks_of(reading("glucose", context={"meal_context": "fasting"}), glucose) == ["fasting"]
    assert remarks_of(reading("glucose", control=True), glucose) == ["control solution"]


@pytest.mark.parametrize(
    ("keeps_greatest", "hours", "marks"), [(False, 24.5, ["late"]), (True, 24.5, []), (True, 25.5, ["late"])]
)
def test_an_hour_of_a_watch_is_late_a_day_after_it_was_over(
    keeps_greatest: bool, hours: float, marks: list[str]
) -> None:
    received_at = NOON + datetime.timedelta(hours=hours)
    assert marks_of(reading("steps", keeps_greatest=keeps_greatest, received_at=received_at)) == marks
