"""What storing readings means, in plain Python: the twin of `measurements/store.py`.

Written from the rules, not from the statement. Readings are kept in a dictionary; days and latest
values are never moved along but counted again from all readings, which is what they must equal.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from measurements.row import Row

Key = tuple[Any, ...]
BEFORE_ALL_TIMES = ""
ONE_EVENT = datetime.timedelta(minutes=1)


def key_of(row: Row) -> Key:
    return row.hwi_device_id, row.taken_at, row.identity


def size_of(row: Row) -> Key:
    """A watch sends an hour again when it knows more; the greatest upload stays."""
    created = row.vendor_created.isoformat() if row.vendor_created else BEFORE_ALL_TIMES
    return created, row.value_1, row.value_2 or 0


def content_of(row: Row) -> Key:
    """What copies of a reading have in common, in whatever other words they come."""
    return row.hwi_device_id, row.taken_at, row.metric, row.value_1, row.value_2


class Twin:
    def __init__(self) -> None:
        self.readings: dict[Key, Row] = {}
        self.controls: set[Key] = set()
        self.repeated = 0

    def store(self, rows: Sequence[Row]) -> list[str]:
        before = set(self.readings)
        kept: dict[Key, int] = {}
        for position, row in enumerate(rows):
            held = self.readings.get(key_of(row))
            if held is None or (row.keeps_greatest and size_of(row) > size_of(held)):
                self.readings[key_of(row)] = row
                kept[key_of(row)] = position
            if row.control and not row.keeps_greatest:
                self.controls.add(content_of(row))
        repeats = self.repeats()
        self.repeated = len([key for key in kept if key not in before and key in repeats])
        new_or_not = {
            position: "updated" if key in before else "duplicate" if key in repeats else "stored"
            for key, position in kept.items()
        }
        return [new_or_not.get(position, "duplicate") for position in range(len(rows))]

    def rows(self) -> dict[Key, Row]:
        """What is stored: once the meter has said control solution, it holds for every copy."""
        repeats, found = self.repeats(), {}
        for key, row in self.readings.items():
            control = row.control or (not row.keeps_greatest and content_of(row) in self.controls)
            counts = row.counts and not control and key not in repeats
            found[key] = replace(row, control=control, counts=counts)
        return found

    def repeats(self) -> set[Key]:
        """Readings that the log of their device sent before, each up to a minute after another."""
        entries = [row for row in self.readings.values() if row.log_entry]
        return {
            key_of(row)
            for row in entries
            for other in entries
            if (other.hwi_device_id, other.log_entry) == (row.hwi_device_id, row.log_entry)
            and (other.taken_at, other.identity) < (row.taken_at, row.identity)
            and row.taken_at - other.taken_at <= ONE_EVENT
        }

    def conflicts(self) -> set[Key]:
        """Readings whose device filed another reading under the same index at the same moment."""
        places = Counter((row.hwi_device_id, row.taken_at, row.slot) for row in self.readings.values())
        return {
            key
            for key, row in self.readings.items()
            if row.slot and places[row.hwi_device_id, row.taken_at, row.slot] > 1
        }

    def days(self) -> dict[Key, tuple[int, int, int]]:
        """Per patient, program and date: readings that count, those of estimated time, all vital ones."""
        found: dict[Key, tuple[int, int, int]] = {}
        repeats = self.repeats()
        for key, row in self.rows().items():
            if row.patient_id and row.vital and key not in repeats:
                day = row.patient_id, row.program, row.local_date
                counted, estimated, vital = found.get(day, (0, 0, 0))
                found[day] = counted + row.counts, estimated + (row.counts and row.estimated), vital + 1
        return found

    def latest(self) -> dict[Key, Row]:
        """Per patient and metric the newest reading; of two at the same moment, always the same one."""
        found: dict[Key, Row] = {}
        repeats = self.repeats()
        for row in sorted(self.rows().values(), key=lambda row: (row.taken_at, row.identity, row.device_id)):
            if row.patient_id and not row.control and not row.is_invalid and key_of(row) not in repeats:
                found[row.patient_id, row.metric] = row
        return found
