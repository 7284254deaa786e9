"""Readings in words: value, remarks, and why one counts or not. The same on chart, table and day."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from measurements.models import LocalDateRule, Measurement
from measurements.shown.flags import MEALS
from measurements.shown.metrics import display_of
from tenovi import catalogue

LATE_AFTER = datetime.timedelta(hours=24)
BIN = datetime.timedelta(hours=1)  # a watch uploads once a day, and its time is the start of the hour
WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
HALVES = {1: "AM", 2: "PM"}
MEAL_CONTEXTS = {name.replace("_", "-"): flag.word for name, flag in MEALS.items()}
SENT_WITH = {
    "alert": "the meter’s alert",
    "angle": "angle in degrees",
    "average_heart_rate": "average heart rate",
    "compartment": "compartment",
    "device_log_index": "entry in the device’s log",
    "exhalation_detected": "exhalation detected",
    "flags": "flags",
    "flow_error": "flow error",
    "inhalation_valid": "inhalation valid",
    "max_heart_rate": "maximum heart rate",
    "meal_context": "meal",
    "measurement_index": "number of the measurement",
    "measurement_location": "measured at",
    "min_heart_rate": "minimum heart rate",
    "orientation_enabled": "orientation enabled",
    "orientation_stored": "orientation stored",
    "orientation_valid": "orientation valid",
    "period": "minutes covered",
    "respiration_enabled": "respiration enabled",
    "serial_number": "serial number",
    "shake_intensity": "intensity of the shake",
    "wearable_code": "code of the wearable",
}
"""Words for the members that the vendor sends beside the values."""
UNITS = {"beats/min": "bpm"}
FLAG_WORDS = {
    "open": "opened",
    "close": "closed",
    "valid shake": "valid",
    "not": "not valid",
    "cap on": "on",
    "cap off": "off",
}
"""Better words than the vendor's own for the two values of a flag."""


def metric_of(name: str, kind: str, sensor_code: str = "") -> catalogue.Metric:
    return catalogue.meaning(name, kind, sensor_code)


def meaning_of(reading: Measurement) -> catalogue.Metric:
    """Return the meaning of a reading by its device's kind. `reading.device` must be loaded."""
    return catalogue.meaning(
        reading.metric, reading.device.kind, reading.sensor_code or reading.device.sensor_code
    )


def number_text(value: Decimal, decimals: int) -> str:
    """Round half up, as the charts do: plain formatting makes 190.05 and 190.15 end in 0 and 2."""
    return f"{value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP) + 0:,}"


def value_text(metric: catalogue.Metric, value_1: Decimal, value_2: Decimal | None) -> str:
    """Word a value without its unit: `131/82`, `98.6`, `Monday AM`, `installed`."""
    display = display_of(metric.name)
    if metric.is_pair and value_2 is not None:
        return "/".join(number_text(value, metric.value_1.decimals) for value in (value_1, value_2))
    if display.compartment:
        return f"{WEEKDAYS[int(value_1) - 1]} {HALVES.get(int(value_2 or 0), '')}".strip()
    if metric.value_1.meaning == "always 1":
        return display.happened
    if named := flag_words(metric).get(str(int(value_1))):
        return named
    if not metric.known:
        given = (value_1, value_2) if value_2 else (value_1,)
        return " / ".join(f"{value.normalize():f}" for value in given)
    return number_text(value_1, metric.value_1.decimals)


def second_text(metric: catalogue.Metric, value_2: Decimal | None) -> str:
    """Word a second value that the first does not hold: `± 0.41`, `mean 36.1 L/min`."""
    words = display_of(metric.name).second
    if not words or value_2 is None or not metric.value_2:
        return ""
    return words.format(number_text(value_2, metric.value_2.decimals))


@dataclass(frozen=True)
class Readout:
    """How a chart words a reading; `{1}` and `{2}` stand for its numbers.

    `zero` is for flags, whose 0 means something else; `second` is left out where the reading has
    no second number. The compartment of a pillbox is put in front by the chart.
    """

    value: str
    zero: str = ""
    second: str = ""


def readout_of(metric: catalogue.Metric) -> Readout:
    display = display_of(metric.name)
    if display.compartment:
        return Readout(display.compartment)
    if metric.value_1.meaning == "always 1":
        return Readout(display.happened)
    if named := flag_words(metric):
        return Readout(named["1"], named["0"])
    if not metric.known:
        return Readout("{1}", second="second value {2}")
    value = "{1}/{2}" if metric.is_pair else "{1}"
    second = display.second.format("{2}") if metric.value_2 else ""
    return Readout(f"{value} {unit_text(metric)}".strip(), second=second)


def unit_text(metric: catalogue.Metric) -> str:
    return unit_word(metric.value_1)


def unit_word(value: catalogue.Value) -> str:
    return UNITS.get(value.unit, value.unit)


def received_by_vendor(reading: Measurement) -> datetime.datetime | None:
    """Return when the vendor received the reading, None where it does not say.

    Its webhooks may repeat the time taken as `created`, for compatibility: that says nothing.
    """
    return None if reading.vendor_created == reading.taken_at else reading.vendor_created


def marks_of(reading: Measurement) -> list[str]:
    """Return the marks of an unusual reading: keys of `measurements.shown.flags.MARKS`."""
    arrived = received_by_vendor(reading) or reading.received_at
    marks = {
        "estimated": reading.estimated,
        "late": arrived - reading.taken_at > LATE_AFTER + BIN * reading.keeps_greatest,
        "delayed": reading.received_at - arrived > LATE_AFTER,
        "excluded": reading.excluded,
        "conflict": reading.conflict,
        "above_range": reading.context.get("alert") == "sensor_result_above_range",
    }
    return [mark for mark, present in marks.items() if present]


def remarks_of(reading: Measurement, metric: catalogue.Metric) -> list[str]:
    """Return what a reading says beside its value: the second value, `before meal`, `control solution`.

    Clinical, as values are.
    """
    stray = display_of(metric.name).has_own_day and reading.value_1 != reading.local_date.isoweekday() % 7 + 1
    meal = MEAL_CONTEXTS.get(str(reading.context.get("meal_context", "")), "")
    remarks = (
        second_text(metric, reading.value_2),
        "not on its own day" if stray else "",
        "control solution" if reading.control else meal,
        "not valid by the sensor" if reading.is_invalid else "",
    )
    return [remark for remark in remarks if remark]


def sent_with(reading: Measurement) -> list[str]:
    """Return everything the vendor sent beside the values (`filter_params`): `angle: 0 to 22.5`.

    Members that the catalogue knows have a name in words; all others stand as they came. Clinical, as values are.
    """
    return [f"{words}: {value}" for words, value in _sent(reading.context)]


def _sent(context: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in sorted(context.items()):
        if isinstance(value, Mapping) and name in SENT_WITH:
            for flag, state in _sent(value):
                yield flag, {"0": "no", "1": "yes"}.get(state, state)
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield SENT_WITH.get(name, name), text.replace("_", " ") if name == "alert" else text


def rule_text(reading: Measurement) -> str:
    """Say in words which clock placed the reading on its date."""
    label = LocalDateRule(reading.local_date_rule).label
    if reading.local_date_rule == LocalDateRule.OFFSET and reading.timezone_offset is not None:
        minutes = int(reading.timezone_offset * 60)
        sign = "−" if minutes < 0 else "+"
        return f"{label} (UTC{sign}{abs(minutes) // 60}:{abs(minutes) % 60:02})"
    return label


def why_text(reading: Measurement, metric: catalogue.Metric) -> str:
    """Say why this reading counts toward a day, or why it does not."""
    if reading.counts:
        return "vital reading"
    if reading.excluded:
        return "excluded by a person"
    if reading.is_repeat:
        return "the device sent this entry of its log before"
    if reading.is_invalid:
        return "the sensor marks it as not valid"
    if reading.control:
        return "control solution tests the meter, not the patient"
    if not metric.known:
        return "a metric we do not know is never counted"
    if reading.vital is None:
        return "the vendor does not say that it is vital"
    return display_of(metric.name).not_vital


def flag_words(metric: catalogue.Metric) -> dict[str, str]:
    """Return the words for `0` and `1` of a flag, which the vendor writes as `1 installed, 0 removed`.

    Empty for a metric that is no flag.
    """
    words: dict[str, str] = dict(re.findall(r"(?:^|, )([01]) ([^,0-9]+)", metric.value_1.meaning))
    return {value: FLAG_WORDS.get(word, word) for value, word in words.items()} if len(words) == 2 else {}
