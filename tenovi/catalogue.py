"""What the vendor's devices measure and what each value means, as data (`catalogue.json`).

The facts are the vendor's: its hardware device overview (18 devices), the list of device names
and sensor codes on its activation page, and its page for the PatchRx PatchCap. Ours are only the
digits worth showing, the bounds of the physically possible, the program a device counts for, and which
of the documented flags make a reading invalid.

The same metric name means different things on different devices (`low_battery_event` of a Hailie
sensor and of a PatchCap, the second value of `spO2`), so a meaning is always asked for by kind.
Pure Python: the sandbox, which has no Django, reads the same file.
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
    percentage ends at 100), `least` and `most` those of what a body can have, in `unit`; None where there
    is none. They are no clinical limits: an extreme reading that can exist is within them. What
    somebody survived lies within: 56.7 and 115.7 °F, a glucose of 2,656 mg/dL, a weight of 1,400 lb.
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
    """One metric as one kind of device means it.

    `vital` is the vendor's word on whether its report of days with data counts the row; None
    where the vendor does not say, which does not count. `program` is "RPM", "RTM", or
    "enrollment" where the patient's enrolment decides. The two values of a pair are one, as 131/82: neither
    means anything alone. With `keeps_greatest` a device has one row
    per start time, and what comes later replaces it when greater. `invalid_when` names flags sent
    with a reading and what each says where the sensor measured nothing valid: any one of them is enough.
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
    """One kind of device; `metrics` is keyed by the case-folded name of the metric.

    `names` are certain, `other_names` newer or likely ones. `sensor_code` is None for devices
    with a cellular connection of their own. `sizes` says what a name fits, by folded name: the vendor's
    pages do not agree for ever, so they are data (the activation page; the extra large cuff has one of its own).
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
        """Whom a device of this name fits, "" where names do not tell sizes apart."""
        return self.sizes.get(fold_name(name), "")


def kinds() -> tuple[DeviceKind, ...]:
    """All kinds, in the order of the vendor's overview page."""
    return _KINDS


def kind(slug: str) -> DeviceKind | None:
    return _BY_SLUG.get(slug)


def kind_for(name: str, sensor_code: str) -> DeviceKind | None:
    """The kind of a device of that name, else the first kind with that sensor code.

    All devices of one sensor code send alike, so the code is enough for a name nobody has listed.
    """
    return _BY_NAME.get(fold_name(name)) or _BY_CODE.get(sensor_code.strip())


def fold_name(name: str) -> str:
    """One spelling for a device name: the vendor prints `Tenovi BPM – L` and sends `Tenovi BPM - L`."""
    return " ".join(_DASH.sub(" - ", name).split()).casefold()


def meaning(metric: str, kind_slug: str, sensor_code: str = "") -> Metric:
    """What `metric` means on a device of that kind.

    Without a registered kind the sensor code's kind is taken. A metric that kind does not have
    gets the meaning of the first kind that has it; one the catalogue has never heard of comes back
    with `known=False`, labelled as received, and counts for nothing.
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
    bounds = (facts.get(bound) for bound in ("low", "high", "least", "most"))
    return Value(
        meaning, facts["unit"], facts["decimals"], *(None if one is None else Decimal(one) for one in bounds)
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
_BY_SLUG = {each.slug: each for each in _KINDS}
_BY_CODE = _first_wins([(each.sensor_code, each) for each in _KINDS if each.sensor_code])
_BY_NAME = _first_wins(
    [(fold_name(name), each) for each in _KINDS for name in each.names]
    + [(fold_name(name), each) for each in _KINDS for name in each.other_names]
)
_DEFAULTS = _first_wins([(key, metric) for each in _KINDS for key, metric in each.metrics.items()])


@cache
def signal_names() -> frozenset[str]:
    """Metrics that show that a device works, not that somebody measured something: battery levels and
    other status, events without a vital reading. Of a kind without vital metrics (watch, PatchCap)
    everything but status and `no_measurement_event` shows that it is used."""
    used = {metric.name for each in _KINDS for metric in each.metrics.values() if metric.vital}
    for each in _KINDS:
        if not any(metric.vital for metric in each.metrics.values()):
            used |= {metric.name for metric in each.metrics.values() if metric.shape != "status"}
    named = {metric.name for each in _KINDS for metric in each.metrics.values()}
    return frozenset(named - used | {"no_measurement_event"})


@cache
def programs_of(slug: str) -> frozenset[str]:
    """Programs that a kind's readings count for: those of its vital metrics, or of all when it has
    none. Empty for an unknown kind, and where the enrolment decides."""
    found = kind(slug)
    metrics = found.metrics.values() if found else ()
    vital = [metric for metric in metrics if metric.vital]
    return frozenset(metric.program for metric in vital or metrics) - {"enrollment"}
