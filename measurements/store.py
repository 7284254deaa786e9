"""Storing readings: one statement of constant text, whatever came in and in whatever order.

The statement inserts the readings that are new, lets a newer upload of a watch bin replace the
older one, marks readings that contradict each other, and moves vital days and latest values
along with exactly the rows it changed. `tests/measurements/twin.py` is the same in plain Python;
a property test holds the two together.

Order is kept everywhere (readings, days, latest values are each written sorted by their key), so
two deliveries that share patients never wait for each other in a circle.
"""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from django.db import connection

from clinics.locks import hold
from clinics.models import Clinic

Outcome = Literal["stored", "updated", "duplicate"]


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a row; `number` is the id of the reading it wrote, None for a duplicate."""

    outcome: Outcome
    number: int | None


@dataclass(frozen=True, slots=True)
class Row:
    """A reading whose device, patient, meaning and date are decided. Columns of `Measurement`."""

    device_id: uuid.UUID
    hwi_device_id: uuid.UUID
    patient_id: uuid.UUID | None
    metric: str
    value_1: Decimal
    value_2: Decimal | None
    taken_at: datetime.datetime
    identity: uuid.UUID
    slot: uuid.UUID | None
    keeps_greatest: bool
    local_date: datetime.date
    local_date_rule: str
    program: str
    vital: bool | None
    counts: bool
    control: bool
    estimated: bool
    named_patient: str
    sensor_code: str
    hardware_uuid: str
    timezone_offset: Decimal | None
    vendor_created: datetime.datetime | None
    context: dict[str, Any]


_TYPES = {
    "device_id": "uuid",
    "hwi_device_id": "uuid",
    "patient_id": "uuid",
    "metric": "text",
    "value_1": "numeric",
    "value_2": "numeric",
    "taken_at": "timestamptz",
    "identity": "uuid",
    "slot": "uuid",
    "keeps_greatest": "boolean",
    "local_date": "date",
    "local_date_rule": "text",
    "program": "text",
    "vital": "boolean",
    "counts": "boolean",
    "control": "boolean",
    "estimated": "boolean",
    "named_patient": "text",
    "sensor_code": "text",
    "hardware_uuid": "text",
    "timezone_offset": "numeric",
    "vendor_created": "timestamptz",
    "context": "jsonb",
}
_COLUMNS = ", ".join(_TYPES)
_TYPED_COLUMNS = ", ".join(f"{name} {kind}" for name, kind in _TYPES.items())

STORE = f"""
WITH call AS (
    SELECT %s::uuid AS clinic_id, %s::timestamptz AS received_at, %s::text AS source, %s::uuid AS delivery_id
), given AS (
    SELECT * FROM ROWS FROM (json_to_recordset(%s::json) AS ({_TYPED_COLUMNS})) WITH ORDINALITY
), incoming AS (
    -- Once per reading: the first copy, or the greatest upload of a watch bin.
    SELECT DISTINCT ON (hwi_device_id, taken_at, identity) *
    FROM given
    ORDER BY hwi_device_id, taken_at, identity,
             CASE WHEN keeps_greatest THEN vendor_created END DESC NULLS LAST,
             CASE WHEN keeps_greatest THEN value_1 END DESC,
             CASE WHEN keeps_greatest THEN coalesce(value_2, 0) END DESC,
             ordinality
), judged AS (
    -- A subquery for each reading is looked up by key, however few rows the planner expects; a join may not be.
    SELECT i.*,
           EXISTS (SELECT FROM incoming other
                   WHERE other.hwi_device_id = i.hwi_device_id AND other.taken_at = i.taken_at
                     AND other.slot = i.slot AND other.identity <> i.identity) AS has_rival,
           ARRAY(SELECT m.id FROM measurements_measurement m, call c
                 WHERE m.clinic_id = c.clinic_id AND m.hwi_device_id = i.hwi_device_id
                   AND m.taken_at = i.taken_at AND m.slot = i.slot AND m.identity <> i.identity) AS rivals
    FROM incoming i
), contradicted AS (
    UPDATE measurements_measurement SET conflict = true
    WHERE id = ANY (ARRAY(SELECT unnest(rivals) FROM judged)) AND NOT conflict
), changed AS (
    INSERT INTO measurements_measurement AS m
        (clinic_id, received_at, source, delivery_id, excluded, {_COLUMNS}, conflict)
    SELECT c.clinic_id, c.received_at, c.source, c.delivery_id, false, {_COLUMNS},
           has_rival OR rivals <> '{{}}'
    FROM judged, call c
    ORDER BY hwi_device_id, taken_at, identity
    ON CONFLICT (clinic_id, hwi_device_id, taken_at, identity) DO UPDATE SET
        value_1 = excluded.value_1, value_2 = excluded.value_2,
        vendor_created = excluded.vendor_created, context = excluded.context,
        estimated = excluded.estimated, timezone_offset = excluded.timezone_offset,
        local_date = excluded.local_date, local_date_rule = excluded.local_date_rule,
        sensor_code = excluded.sensor_code, hardware_uuid = excluded.hardware_uuid
    WHERE m.keeps_greatest
      AND (coalesce(excluded.vendor_created, '-infinity'), excluded.value_1, coalesce(excluded.value_2, 0))
        > (coalesce(m.vendor_created, '-infinity'), m.value_1, coalesce(m.value_2, 0))
    RETURNING m.*, (xmax = 0) AS is_new
), days AS (
    INSERT INTO measurements_vitalday AS d
        (clinic_id, patient_id, program, local_date, readings, estimated_readings, vendor_readings)
    SELECT clinic_id, patient_id, program, local_date,
           count(*) FILTER (WHERE counts), count(*) FILTER (WHERE counts AND estimated), count(*)
    FROM changed
    WHERE is_new AND vital AND patient_id IS NOT NULL
    GROUP BY clinic_id, patient_id, program, local_date
    ORDER BY patient_id, program, local_date
    ON CONFLICT (patient_id, program, local_date) DO UPDATE SET
        readings = d.readings + excluded.readings,
        estimated_readings = d.estimated_readings + excluded.estimated_readings,
        vendor_readings = d.vendor_readings + excluded.vendor_readings
), latest AS (
    INSERT INTO measurements_latestreading AS l
        (clinic_id, patient_id, metric, device_id, value_1, value_2, taken_at, identity, estimated)
    SELECT DISTINCT ON (patient_id, metric)
           clinic_id, patient_id, metric, device_id, value_1, value_2, taken_at, identity, estimated
    FROM changed
    WHERE patient_id IS NOT NULL AND NOT control AND NOT excluded
    ORDER BY patient_id, metric, taken_at DESC, identity DESC, device_id DESC
    ON CONFLICT (patient_id, metric) DO UPDATE SET
        device_id = excluded.device_id, value_1 = excluded.value_1, value_2 = excluded.value_2,
        taken_at = excluded.taken_at, identity = excluded.identity, estimated = excluded.estimated
    WHERE (excluded.taken_at, excluded.identity, excluded.device_id) >= (l.taken_at, l.identity, l.device_id)
)
SELECT i.ordinality, s.is_new, s.id
FROM incoming i
LEFT JOIN changed s USING (hwi_device_id, taken_at, identity)
"""


def lock_devices(clinic: Clinic, hwi_device_ids: Iterable[uuid.UUID]) -> None:
    """Until this transaction ends, nobody else stores or claims readings of these devices.

    Taken before the assignments are read, so that a reading is never judged by an assignment
    that changes meanwhile, and two contradicting readings always see each other.
    """
    hold(clinic, (device.bytes for device in hwi_device_ids))


def store(
    clinic: Clinic,
    rows: Sequence[Row],
    *,
    received_at: datetime.datetime,
    source: str,
    delivery_id: uuid.UUID | None,
) -> list[Stored]:
    """Store readings of devices locked with `lock_devices`; what became of each, in order."""
    if not rows:
        return []
    given = json.dumps([{name: getattr(row, name) for name in _TYPES} for row in rows], default=str)
    with connection.cursor() as cursor:
        cursor.execute(STORE, [clinic.id, received_at, source, delivery_id, given])
        changed = {position: (is_new, number) for position, is_new, number in cursor.fetchall()}
    outcomes: dict[bool | None, Outcome] = {True: "stored", False: "updated", None: "duplicate"}
    became = (changed.get(position, (None, None)) for position in range(1, len(rows) + 1))
    return [Stored(outcomes[is_new], number) for is_new, number in became]
