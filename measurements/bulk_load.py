"""Loading a long history at once: the same judgement as a webhook's, written by COPY.

For histories that come from one trustworthy place in one piece (the demo clinic). It leaves what
the store statement would leave, row by row; `tests/measurements/twin.py` is the same in plain Python of both.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from decimal import Decimal

from django.db import connection, transaction

from clinics.models import Clinic
from devices.from_vendor import note_gateway_contacts
from devices.hardware import is_gateway_id
from devices.models import Assignment
from devices.queries import registered_devices
from measurements.interpretation import ProgramOf, interpret
from measurements.models import Measurement
from measurements.payload import Reading
from measurements.recount import derive, lock_patients
from measurements.row import Row
from measurements.store import ONE_EVENT, store
from measurements.urgent import follow_numbers
from patients.models import Enrollment

COLUMNS = [field.name for field in dataclasses.fields(Row)]
COPY = f"""
COPY measurements_measurement ({", ".join(COLUMNS)}, clinic_id, source, excluded, received_at, conflict) FROM STDIN
"""
MEET = f"""
WITH met AS (
    SELECT id, id > %(before)s AS is_new,
           slot IS NOT NULL AND count(*) OVER (PARTITION BY hwi_device_id, taken_at, slot) > 1 AS has_rival,
           NOT keeps_greatest AND bool_or(control) OVER copies AS is_control,
           log_entry IS NOT NULL
               AND lag(taken_at) OVER (PARTITION BY hwi_device_id, log_entry ORDER BY taken_at, identity)
                   >= taken_at - {ONE_EVENT} AS again,
           least(CASE WHEN NOT keeps_greatest THEN min(id) FILTER (WHERE excluded) OVER copies END,
                 CASE WHEN log_entry IS NOT NULL THEN min(id) FILTER (WHERE excluded) OVER entry END) AS like_id
    FROM measurements_measurement
    WHERE clinic_id = %(clinic)s AND hwi_device_id = ANY(%(devices)s::uuid[])
    WINDOW copies AS (PARTITION BY hwi_device_id, taken_at, metric, value_1, value_2, keeps_greatest),
           entry AS (PARTITION BY hwi_device_id, log_entry ORDER BY taken_at
                     RANGE BETWEEN {ONE_EVENT} PRECEDING AND {ONE_EVENT} FOLLOWING)
)
UPDATE measurements_measurement m SET
    conflict = m.conflict OR has_rival,
    control = m.control OR is_control,
    is_repeat = m.is_repeat OR coalesce(again, false),
    excluded = m.excluded OR said.id IS NOT NULL,
    excluded_by_id = coalesce(m.excluded_by_id, said.excluded_by_id),
    excluded_at = coalesce(m.excluded_at, said.excluded_at),
    exclusion_reason = coalesce(m.exclusion_reason, said.exclusion_reason),
    counts = m.counts AND NOT (is_control OR coalesce(again, false) OR said.id IS NOT NULL)
FROM met LEFT JOIN measurements_measurement said ON said.id = like_id AND is_new
WHERE m.id = met.id AND (
    (has_rival AND NOT m.conflict) OR (is_control AND NOT m.control) OR (again AND NOT m.is_repeat)
    OR (said.id IS NOT NULL AND NOT m.excluded))
RETURNING m.id, m.patient_id, is_new
"""
"""What each new reading meets among those stored and those that came with it, as the store statement has it."""
LATER = (
    *("value_1", "value_2", "vendor_created", "context", "estimated", "timezone_offset"),
    *("local_date", "local_date_rule", "sensor_code", "hardware_uuid"),
)
"""What a later upload of a watch bin brings to the row that is there."""

NEVER = datetime.datetime.min.replace(tzinfo=datetime.UTC)
AT_ONCE = 500
"""Readings that the store statement takes at once: its time grows with the square of them."""

Rank = tuple[datetime.datetime, Decimal, Decimal]
Arrival = tuple[Reading, datetime.datetime]
"""A reading, and when it was received (aware)."""
Key = tuple[int, datetime.datetime, int]
"""Device, time taken and identity; a number for each id, because that is what Python hashes fast."""


@dataclasses.dataclass(frozen=True, slots=True)
class Known:
    """What matters of a reading that is stored already."""

    number: int
    control: bool
    rank: Rank


@dataclasses.dataclass(slots=True)
class Stored:
    """A row as it will be, and when its reading was first received."""

    row: Row
    received_at: datetime.datetime


@transaction.atomic
def load(clinic: Clinic, arrivals: Collection[Arrival]) -> int:
    """Store readings of registered devices, in the order given; how many are new.

    All of it is held in memory and its devices are locked meanwhile: call it for some patients at a time.
    """
    named = {reading.hwi_device_id for reading, _ in arrivals}
    held = Assignment.objects.for_clinic(clinic).filter(device__hwi_device_id__in=named)
    lock_patients(clinic, set(held.values_list("patient_id", flat=True)), *named)
    known = _known(clinic, named)
    arriving = _kept(_judged(clinic, arrivals))
    new = [one for key, one in arriving.items() if key not in known]
    _copy(clinic, new)
    met = _meet(clinic, named, before=max((one.number for one in known.values()), default=0))
    corrected = {number: patient_id for number, patient_id, is_new in met if not is_new}
    more = [one for key, one in arriving.items() if key in known and _says_more(one.row, known[key])]
    corrected |= _store_again(clinic, more)
    follow_numbers(clinic, corrected)
    _note_contacts(clinic, new)
    concerned = {one.row.patient_id for one in arriving.values()} | set(corrected.values())
    derive(clinic, {patient_id for patient_id in concerned if patient_id})
    return len(new)


def _known(clinic: Clinic, hwi_device_ids: Collection[uuid.UUID]) -> dict[Key, Known]:
    """What is stored of these devices."""
    stored = Measurement.objects.for_clinic(clinic).filter(hwi_device_id__in=hwi_device_ids)
    rows = stored.values_list(
        *("hwi_device_id", "taken_at", "identity"),
        *("id", "control", "vendor_created", "value_1", "value_2"),
    )
    return {
        (device.int, taken_at, identity.int): Known(number, control, _rank(*size))
        for device, taken_at, identity, number, control, *size in rows.iterator()
    }


def _judged(clinic: Clinic, arrivals: Collection[Arrival]) -> Iterator[Stored]:
    devices = registered_devices(clinic, {reading.hwi_device_id for reading, _ in arrivals})
    program_of = _programs(clinic)
    for reading, received_at in arrivals:
        device = devices.get(reading.hwi_device_id)
        yield Stored(interpret(reading, device, program_of, received_at=received_at), received_at)


def _kept(arriving: Iterable[Stored]) -> dict[Key, Stored]:
    """Once per reading: the first copy, or the greatest upload of a watch bin."""
    kept: dict[Key, Stored] = {}
    for one in arriving:
        row = one.row
        first = kept.setdefault((row.hwi_device_id.int, row.taken_at, row.identity.int), one)
        if row.keeps_greatest and _rank_of(row) > _rank_of(first.row):
            first.row = dataclasses.replace(first.row, **{name: getattr(row, name) for name in LATER})
        elif row.control and not row.keeps_greatest and not first.row.control:
            first.row = dataclasses.replace(first.row, control=True, counts=False)
    return kept


def _rank_of(row: Row) -> Rank:
    return _rank(row.vendor_created, row.value_1, row.value_2)


def _rank(created: datetime.datetime | None, value_1: Decimal, value_2: Decimal | None) -> Rank:
    """Orders the uploads of a watch bin: the greatest stays."""
    return created or NEVER, value_1, value_2 or Decimal(0)


def _copy(clinic: Clinic, new: list[Stored]) -> None:
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for one in new:
            row = one.row
            values = [getattr(row, name) for name in COLUMNS]
            values[-1] = json.dumps(row.context)
            copy.write_row([*values, clinic.id, "webhook", False, one.received_at, False])


def _meet(
    clinic: Clinic, hwi_device_ids: Collection[uuid.UUID], *, before: int
) -> list[tuple[int, uuid.UUID | None, bool]]:
    """Mark rivals, control solution, repeats and what is excluded like its copy. New are the readings with a
    number above `before`. Returns those that changed: number, patient, and whether it is new."""
    with connection.cursor() as cursor:
        cursor.execute(MEET, {"clinic": clinic.id, "devices": list(hwi_device_ids), "before": before})
        changed: list[tuple[int, uuid.UUID | None, bool]] = cursor.fetchall()
    return changed


def _says_more(row: Row, known: Known) -> bool:
    """Whether what is stored learns from this: a later upload of a watch bin, or that it was control solution."""
    return _rank_of(row) > known.rank if row.keeps_greatest else row.control and not known.control


def _store_again(clinic: Clinic, told: Sequence[Stored]) -> dict[int, uuid.UUID | None]:
    """Store what came again with more to say. Returns the readings corrected, with their patients."""
    found: dict[int, uuid.UUID | None] = {}
    for start in range(0, len(told), AT_ONCE):
        part = told[start : start + AT_ONCE]
        received_at = max(one.received_at for one in part)
        rows = [one.row for one in part]
        _, corrected = store(clinic, rows, received_at=received_at, source="webhook", delivery_id=None)
        found |= {one.number: one.patient_id for one in corrected}
    return found


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
