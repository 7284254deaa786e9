"""Look up what the vendor's devices measure and what each value means, from `catalogue.json`.

The facts are the vendor's: its hardware device overview (18 devices), the device names and sensor codes
on its activation page, and its page for the PatchRx PatchCap. Ours are only the digits to show, the
bounds of what is physically possible, the program a device counts for, and which of the documented flags
make a reading invalid.

One metric name means different things on different devices (`low_battery_event` of a Hailie sensor and
of a PatchCap, the second value of `spO2`), so a meaning is always looked up by kind. Pure Python: the
sandbox, which has no Django, reads the same file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

T = TypeVar("T")


def _within(number: Decimal, low: Decimal | None, high: Decimal | None) -> bool:
    return (low is None or number >= low) and (high is None or number <= high)


@dataclass(frozen=True, slots=True)
class Value:
    """Meaning of one of the two numbers of a reading.

    `low` and `high` are the inclusive bounds of what the number can mean (no pressure is negative, a
    percentage ends at 100). `least` and `most` are those of what a body can have. Both in `unit`, None
    without a bound. They are no clinical limits: values that people survived lie within, such as 56.7 and
    115.7 °F, a glucose of 2,656 mg/dL, a weight of 1,400 lb.
    """

    meaning: str
    unit: str
    decimals: int
    low: Decimal | None
    high: Decimal | None
    least: Decimal | None = None
    most: Decimal | None = None

    def allows(self, number: Decimal) -> bool:
        return _within(number, self.low, self.high)

    def can_exist(self, number: Decimal) -> bool:
        return _within(number, self.least, self.most)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric on one kind of device.

    `vital`: whether the vendor's report of days with data counts the row; None where the vendor does not
    say, which does not count. `program` is "RPM", "RTM", or "enrollment" where the patient's enrolment
    decides. With `is_pair` the two values are one, as 131/82: neither means anything alone. With
    `keeps_greatest` a device has one row per start time, which a later and greater one replaces.
    `invalid_when` lists (flag, value) pairs: any of them means that the sensor measured nothing valid.
    """

    name: str
    label: str
    shape: str
    value_1: Value
    value_2: Value | None
    vital: bool | None
    program: str
    is_pair: bool = False
    keeps_greatest: bool = False
    invalid_when: tuple[tuple[str, bool], ...] = ()
    known: bool = True


@dataclass(frozen=True, slots=True)
class DeviceKind:
    """One kind of device. `metrics` is keyed by the case-folded name of the metric.

    `names` are certain, `other_names` newer or likely ones. `sensor_code` is None for devices with a
    cellular connection of their own. `sizes` says whom a name fits, by folded name. It is data because the
    vendor's pages change (the activation page; the extra large cuff has a page of its own).
    """

    slug: str
    label: str
    names: tuple[str, ...]
    other_names: tuple[str, ...]
    sensor_code: str | None
    transport: str
    stores_offline: bool
    transfer: str
    sensor_id: str
    metrics: Mapping[str, Metric]
    properties: tuple[str, ...]
    filter_params: tuple[str, ...]
    sizes: Mapping[str, str]

    def size_of(self, name: str) -> str:
        """Return the size of a device of this name, "" where names do not tell sizes apart."""
        return self.sizes.get(fold_name(name), "")


def kinds() -> tuple[DeviceKind, ...]:
    """Return all kinds, in the order of the vendor's overview page."""
    return _KINDS


def kind(slug: str) -> DeviceKind | None:
    return _BY_SLUG.get(slug)


def kind_for(name: str, sensor_code: str) -> DeviceKind | None:
    """Return the kind of a device of that name, else the first kind with that sensor code.

    All devices of one sensor code send alike, so the code is enough for an unlisted name.
    """
    return _BY_NAME.get(fold_name(name)) or _BY_CODE.get(sensor_code.strip())


def fold_name(name: str) -> str:
    """Fold the spellings of a device name: the vendor prints `Tenovi BPM – L` and sends `Tenovi BPM - L`."""
    return " ".join(_DASH.sub(" - ", name).split()).casefold()


def meaning(metric: str, kind_slug: str, sensor_code: str = "") -> Metric:
    """Return what `metric` means on a device of that kind.

    Without a registered kind, that of the sensor code is used. A metric that the kind does not have gets the
    meaning of the first kind that has it. An unknown metric comes back with `known=False`, labelled as
    received, and counts for nothing.
    """
    key = metric.strip().casefold()
    device = _BY_SLUG.get(kind_slug) or _BY_CODE.get(sensor_code.strip())
    if device is not None and key in device.metrics:
        return device.metrics[key]
    return _DEFAULTS.get(key) or _unknown(metric.strip())


def _unknown(name: str) -> Metric:
    first, second = (Value(f"value {n} as received", "", 2, None, None) for n in (1, 2))
    return Metric(name, name, "measurement", first, second, vital=None, program="RPM", known=False)


def _load() -> tuple[DeviceKind, ...]:
    data = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    values = {meaning: _value(meaning, facts) for meaning, facts in data["values"].items()}
    return tuple(_kind(facts, values) for facts in data["kinds"])


def _value(meaning: str, facts: dict[str, Any]) -> Value:
    bounds = (facts.get(name) for name in ("low", "high", "least", "most"))
    return Value(
        meaning,
        facts["unit"],
        facts["decimals"],
        *(None if bound is None else Decimal(bound) for bound in bounds),
    )


def _kind(facts: dict[str, Any], values: Mapping[str, Value]) -> DeviceKind:
    program = facts.pop("program")
    metrics = {
        entry["name"].casefold(): Metric(
            name=entry["name"],
            label=entry["label"],
            shape=entry["shape"],
            value_1=values[entry["value_1"]],
            value_2=values[entry["value_2"]] if "value_2" in entry else None,
            vital=entry["vital"],
            program=program,
            is_pair=entry.get("is_pair", False),
            keeps_greatest=entry.get("keeps_greatest", False),
            invalid_when=tuple(entry.get("invalid_when", {}).items()),
        )
        for entry in facts.pop("metrics")
    }
    sizes = {fold_name(name): size for name, size in facts.pop("sizes", {}).items()}
    lists: dict[str, Any] = {
        key: tuple(facts.pop(key)) for key in ("names", "other_names", "properties", "filter_params")
    }
    return DeviceKind(**facts, **lists, metrics=MappingProxyType(metrics), sizes=MappingProxyType(sizes))


def _first_wins(pairs: list[tuple[str, T]]) -> dict[str, T]:
    return dict(reversed(pairs))


_DASH = re.compile("\\s*[-\u2010-\u2015\u2212\uff0d]\\s*")
_KINDS = _load()
_BY_SLUG = {item.slug: item for item in _KINDS}
_BY_CODE = _first_wins([(item.sensor_code, item) for item in _KINDS if item.sensor_code])
_BY_NAME = _first_wins(
    [(fold_name(name), item) for item in _KINDS for name in item.names]
    + [(fold_name(name), item) for item in _KINDS for name in item.other_names]
)
_DEFAULTS = _first_wins([(key, metric) for item in _KINDS for key, metric in item.metrics.items()])


@cache
def signal_names() -> frozenset[str]:
    """Return the metrics that show that a device works, not that a patient used it.

    They are battery levels and other status, and events without a vital reading. Of a kind without vital
    metrics (watch, PatchCap) everything but status and `no_measurement_event` shows use.
    """
    used = {metric.name for item in _KINDS for metric in item.metrics.values() if metric.vital}
    for item in _KINDS:
        if not any(metric.vital for metric in item.metrics.values()):
            used |= {metric.name for metric in item.metrics.values() if metric.shape != "status"}
    named = {metric.name for item in _KINDS for metric in item.metrics.values()}
    return frozenset(named - used | {"no_measurement_event"})


@cache
def programs_of(slug: str) -> frozenset[str]:
    """Return the programs that a kind's readings count for: those of its vital metrics, else of all.

    Empty for an unknown kind, and where the enrolment decides.
    """
    device_kind = kind(slug)
    metrics = device_kind.metrics.values() if device_kind else ()
    vital = [metric for metric in metrics if metric.vital]
    return frozenset(metric.program for metric in vital or metrics) - {"enrollment"}
