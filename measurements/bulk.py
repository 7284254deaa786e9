"""Loading a long history at once: the same judgement as a webhook's, written by COPY.

For histories that come from one trustworthy place in one piece (the demo clinic). It leaves what
the store statement would leave, row by row; `tests/measurements/test_bulk.py` holds the two together.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal

from django.db import connection, transaction

from clinics.models import Clinic
from devices.actions import note_gateway_contacts
from devices.hardware import is_gateway_id
from devices.models import Assignment
from devices.queries import known_devices
from measurements.meaning import ProgramOf, row_for
from measurements.models import Measurement
from measurements.reading import Reading
from measurements.recount import derive, lock_patients
from measurements.store import Row
from patients.models import Enrollment

COLUMNS = [field.name for field in dataclasses.fields(Row)]
COPY = f"""
COPY measurements_measurement ({", ".join(COLUMNS)}, clinic_id, source, excluded, received_at, conflict) FROM STDIN
"""
LATER = (
    *("value_1", "value_2", "vendor_created", "context", "estimated", "timezone_offset"),
    *("local_date", "local_date_rule", "sensor_code", "hardware_uuid"),
)
"""What a later upload of a watch bin brings to the row that is there."""

Arrival = tuple[Reading, datetime.datetime]
"""A reading, and when it was received (aware)."""
Key = tuple[int, datetime.datetime, int]
"""Device, time taken and identity; a number for each id, because that is what Python hashes fast."""


@dataclasses.dataclass(slots=True)
class Stored:
    """A row as it will be, and when its reading was first received."""

    row: Row
    received_at: datetime.datetime


@transaction.atomic
def load(clinic: Clinic, arrivals: Collection[Arrival]) -> int:
    """Store readings of registered devices, in the order given; how many are new.

    All of it is held in memory and its devices are locked meanwhile: call it for some patients at a
    time. Readings that are stored already are left alone, and new ones not compared with them.
    """
    named = {reading.hwi_device_id for reading, _ in arrivals}
    held = Assignment.objects.for_clinic(clinic).filter(device__hwi_device_id__in=named)
    lock_patients(clinic, set(held.values_list("patient_id", flat=True)), *named)
    known = _keys_of(clinic, named)
    new = [one for key, one in _kept(_judged(clinic, arrivals)).items() if key not in known]
    _copy(clinic, new)
    _note_contacts(clinic, new)
    derive(clinic, {one.row.patient_id for one in new if one.row.patient_id})
    return len(new)


def _keys_of(clinic: Clinic, hwi_device_ids: Collection[uuid.UUID]) -> set[Key]:
    stored = Measurement.objects.for_clinic(clinic).filter(hwi_device_id__in=hwi_device_ids)
    rows = stored.values_list("hwi_device_id", "taken_at", "identity")
    return {(device.int, taken_at, identity.int) for device, taken_at, identity in rows.iterator()}


def _judged(clinic: Clinic, arrivals: Collection[Arrival]) -> Iterator[Stored]:
    devices = known_devices(clinic, {reading.hwi_device_id for reading, _ in arrivals})
    program_of = _programs(clinic)
    for reading, received_at in arrivals:
        device = devices.get(reading.hwi_device_id)
        yield Stored(row_for(reading, device, program_of, received_at=received_at), received_at)


def _kept(arriving: Iterable[Stored]) -> dict[Key, Stored]:
    """Once per reading: the first copy, or the greatest upload of a watch bin."""
    kept: dict[Key, Stored] = {}
    for one in arriving:
        row = one.row
        first = kept.setdefault((row.hwi_device_id.int, row.taken_at, row.identity.int), one)
        if row.keeps_greatest and _rank(row) > _rank(first.row):
            first.row = dataclasses.replace(first.row, **{name: getattr(row, name) for name in LATER})
    return kept


def _rank(row: Row) -> tuple[datetime.datetime, Decimal, Decimal]:
    never = datetime.datetime.min.replace(tzinfo=datetime.UTC)
    return row.vendor_created or never, row.value_1, row.value_2 or Decimal(0)


def _copy(clinic: Clinic, new: list[Stored]) -> None:
    claims = Counter(_slot_of(one.row) for one in new)
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for one in new:
            row = one.row
            values = [getattr(row, name) for name in COLUMNS]
            values[-1] = json.dumps(row.context)
            conflict = row.slot is not None and claims[_slot_of(row)] > 1
            copy.write_row([*values, clinic.id, "webhook", False, one.received_at, conflict])


def _slot_of(row: Row) -> Key | None:
    return (row.hwi_device_id.int, row.taken_at, row.slot.int) if row.slot else None


def _note_contacts(clinic: Clinic, new: list[Stored]) -> None:
    heard: dict[str, datetime.datetime] = {}
    for one in new:
        hardware = one.row.hardware_uuid
        heard[hardware] = max(one.received_at, heard.get(hardware, one.received_at))
    note_gateway_contacts(clinic, {name: at for name, at in heard.items() if is_gateway_id(name)})


def _programs(clinic: Clinic) -> ProgramOf:
    """`meaning.program_enrolled_in`, answered from memory."""
    enrolled: defaultdict[uuid.UUID, list[Enrollment]] = defaultdict(list)
    for enrollment in Enrollment.objects.for_clinic(clinic):
        enrolled[enrollment.patient_id].append(enrollment)

    def program_of(patient_id: uuid.UUID, date: datetime.date) -> str:
        held = {
            one.program
            for one in enrolled[patient_id]
            if one.starts_on <= date and (one.ends_on is None or date <= one.ends_on)
        }
        return "RTM" if held == {"RTM"} else "RPM"

    return program_of
