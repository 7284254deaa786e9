"""Sort readings by the use of a device that brought them, and join those of one row of a table.

The vendor's device overview: a cuff sends a pressure, a pulse and, only when it found one, an irregular
heartbeat. They share the timestamp; `measurement_index` tells two uses of one minute apart. It is not
unique over time, so the timestamp comes first.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from measurements.models import Measurement
from measurements.shown.metrics import METRICS
from measurements.shown.presentation import meaning_of


@dataclass(frozen=True, slots=True)
class TableRow:
    """A reading, and what belongs to it: the pulse and the irregular heartbeat of a pressure."""

    reading: Measurement
    parts: tuple[Measurement, ...] = ()


def uses_of(readings: Iterable[Measurement]) -> list[list[Measurement]]:
    """Split readings into uses, each in the order given. Status, such as a battery level, is no use.

    Without an index a reading belongs to the others of its moment where nothing there is twice and no two
    indexes differ; else it is a use by itself. `reading.device` must be loaded.
    """
    moments: defaultdict[tuple[object, ...], list[Measurement]] = defaultdict(list)
    for reading in readings:
        if meaning_of(reading).shape != "status":
            moments[reading.hwi_device_id, reading.taken_at].append(reading)
    return [use for moment in moments.values() for use in _uses_of_moment(moment)]


def use_of(reading: Measurement, readings: Iterable[Measurement]) -> list[Measurement]:
    """Return the use that `reading` belongs to among `readings`, itself included."""
    for use in uses_of(readings):
        if any(other.id == reading.id for other in use):
            return use
    return [reading]


def table_rows(readings: Sequence[Measurement]) -> list[TableRow]:
    """Join each pressure with its pulse and irregular heartbeat; everything else stands alone, in order.

    Two pressures of one use, or two pulses, are never guessed apart: they stand alone.
    """
    parts: dict[int, tuple[Measurement, ...]] = {}
    for use in uses_of(readings):
        of_metric = {reading.metric: reading for reading in use}
        often = Counter(reading.metric for reading in use)
        for head, names in _parts_of_rows().items():
            if often[head] == 1:
                parts[of_metric[head].id] = tuple(of_metric[name] for name in names if often[name] == 1)
    joined = {part.id for joining in parts.values() for part in joining}
    return [TableRow(reading, parts.get(reading.id, ())) for reading in readings if reading.id not in joined]


def _parts_of_rows() -> dict[str, list[str]]:
    """By metric, those that stand in its row, in the order in which they are read."""
    parts: dict[str, list[str]] = {}
    for entry in METRICS.values():
        if entry.row_of:
            parts.setdefault(entry.row_of, []).append(entry.name)
    return parts


def _uses_of_moment(readings: list[Measurement]) -> list[list[Measurement]]:
    """Split the readings of one device and moment by the use that brought them."""
    indexes = {index for reading in readings if (index := _index(reading))}
    if len(indexes) < 2 and len({reading.metric for reading in readings}) == len(readings):
        return [readings]
    uses: defaultdict[str | int, list[Measurement]] = defaultdict(list)
    for reading in readings:
        uses[_index(reading) or reading.id].append(reading)
    return list(uses.values())


def _index(reading: Measurement) -> str:
    """Return the measurement index as text, "" for none; 412, 412.0 and "412" are the same."""
    value = reading.context.get("measurement_index")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()
