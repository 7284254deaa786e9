"""Store readings with one statement of constant text, whatever came in and in whatever order.

The statement inserts the readings that are new, lets a newer upload of a watch bin replace the
older one, marks readings that contradict each other, and moves vital days and latest values
along with exactly the rows it changed. What a person (excluded) or the meter (control solution) said
of a reading holds for its copies: same device, moment, metric and values. Of one entry of a device's
log the earliest counts, the others are marked as its repeats. `tests/measurements/twin.py` is the same in plain Python;
a property test holds the two together.

Order is kept everywhere (readings, days, latest values are each written sorted by their key), so
two deliveries that share patients never wait for each other in a circle.
"""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from django.db import connection

from clinics.models import Clinic
from measurements.row import Row
from tenovi.registry import STORED, ElementResult

DUPLICATE = ElementResult("duplicate", "already_stored")
UPDATED = ElementResult("updated", "newer_bin")
REPEATED = ElementResult("duplicate", "repeated_log_entry")


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a row. `number` is the id of the reading it wrote, None when it wrote none."""

    result: ElementResult
    number: int | None


@dataclass(frozen=True, slots=True)
class Corrected:
    """A reading stored before that turned out to be control solution or a repeat of a log entry. Its
    vital day and its patient's latest value are still to be derived again (`recount.correct`)."""

    number: int
    patient_id: uuid.UUID | None
    program: str
    local_date: datetime.date
    metric: str


_TYPES = {
    uuid.UUID: "uuid",
    str: "text",
    Decimal: "numeric",
    bool: "boolean",
    datetime.date: "date",
    datetime.datetime: "timestamptz",
    dict: "jsonb",
}


def _sql_type(hint: Any) -> str:
    if isinstance(hint, UnionType):  # with None, which every column takes here
        (hint,) = set(get_args(hint)) - {NoneType}
    return _TYPES[get_origin(hint) or hint]


_COLUMNS = {name: _sql_type(hint) for name, hint in get_type_hints(Row).items()}
_TYPED_COLUMNS = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
_AS_GIVEN = ", ".join(name for name in _COLUMNS if name not in ("control", "counts"))

ONE_EVENT = "interval '60 seconds'"
"""A device log keeps whole seconds, and the vendor may send an entry again with another one."""
RIVALS = "(m.taken_at = i.taken_at AND m.slot = i.slot AND m.identity <> i.identity)"
"""Stored readings under the same index of the device, with other values."""
COPIES = """(m.taken_at = i.taken_at AND m.metric = i.metric AND m.value_1 = i.value_1
            AND m.value_2 IS NOT DISTINCT FROM i.value_2 AND NOT m.keeps_greatest AND NOT i.keeps_greatest)"""
"""Stored readings of the same device and moment that say the same."""
EARLIER = "(m.taken_at, m.identity) < (i.taken_at, i.identity)"

STORE = f"""
WITH call AS (
    SELECT %s::uuid AS clinic_id, %s::timestamptz AS received_at, %s::text AS source, %s::uuid AS delivery_id
), given AS (
    SELECT * FROM ROWS FROM (json_to_recordset(%s::json) AS ({_TYPED_COLUMNS})) WITH ORDINALITY
), incoming AS (
    -- Once per reading: the first copy, or the greatest upload of a watch bin. A copy that says control
    -- solution says it of all.
    SELECT DISTINCT ON (hwi_device_id, taken_at, identity) *,
           bool_or(control) OVER (PARTITION BY hwi_device_id, taken_at, metric, value_1, value_2) AS any_control,
           CASE WHEN log_entry IS NULL THEN interval '0' ELSE {ONE_EVENT} END AS within
    FROM given
    ORDER BY hwi_device_id, taken_at, identity,
             CASE WHEN keeps_greatest THEN vendor_created END DESC NULLS LAST,
             CASE WHEN keeps_greatest THEN value_1 END DESC,
             CASE WHEN keeps_greatest THEN coalesce(value_2, 0) END DESC,
             ordinality
), judged AS (
    -- What each reading meets among those stored: at the same moment, and for an entry of a log within a minute.
    -- A subquery for each is looked up by key, however few rows the planner expects; a join may not be.
    SELECT i.*, held.*,
           any_control AND NOT keeps_greatest AS is_control,
           EXISTS (SELECT FROM incoming other
                   WHERE other.hwi_device_id = i.hwi_device_id AND other.taken_at = i.taken_at
                     AND other.slot = i.slot AND other.identity <> i.identity) AS has_rival,
           had_entry OR (i.log_entry IS NOT NULL AND EXISTS (
               SELECT FROM incoming other
               WHERE other.hwi_device_id = i.hwi_device_id AND other.log_entry = i.log_entry
                 AND other.taken_at >= i.taken_at - {ONE_EVENT}
                 AND (other.taken_at, other.identity) < (i.taken_at, i.identity))) AS is_repeat
    FROM incoming i CROSS JOIN LATERAL (
        SELECT coalesce(bool_or({RIVALS}), false) AS had_rival,
               array_agg(m.id) FILTER (WHERE {RIVALS} AND NOT m.conflict) AS rivals,
               coalesce(bool_or(m.control AND {COPIES}), false) AS was_control,
               array_agg(m.id) FILTER (WHERE {COPIES} AND NOT m.control) AS copies,
               coalesce(bool_or(m.log_entry = i.log_entry AND {EARLIER}), false) AS had_entry,
               array_agg(m.id) FILTER (WHERE m.log_entry = i.log_entry AND NOT {EARLIER} AND NOT m.is_repeat
                                         AND (m.taken_at, m.identity) <> (i.taken_at, i.identity)) AS repeats,
               min(m.id) FILTER (WHERE m.excluded AND ({COPIES} OR m.log_entry = i.log_entry)) AS like_id
        FROM measurements_measurement m, call c
        WHERE m.clinic_id = c.clinic_id AND m.hwi_device_id = i.hwi_device_id
          AND m.taken_at BETWEEN i.taken_at - i.within AND i.taken_at + i.within
    ) held
), news AS (
    -- Stored readings of which these say something new.
    SELECT ARRAY(SELECT unnest(rivals) FROM judged) AS rivals,
           ARRAY(SELECT unnest(copies) FROM judged WHERE is_control) AS controls,
           ARRAY(SELECT unnest(repeats) FROM judged) AS repeats
), corrected AS (
    UPDATE measurements_measurement SET
        conflict = conflict OR id = ANY ((SELECT rivals FROM news)::bigint[]),
        control = control OR id = ANY ((SELECT controls FROM news)::bigint[]),
        is_repeat = is_repeat OR id = ANY ((SELECT repeats FROM news)::bigint[]),
        counts = counts AND NOT id = ANY ((SELECT controls || repeats FROM news)::bigint[])
    WHERE id = ANY ((SELECT rivals || controls || repeats FROM news)::bigint[])
    RETURNING *
), changed AS (
    INSERT INTO measurements_measurement AS m
        (clinic_id, received_at, source, delivery_id, {_AS_GIVEN}, conflict, is_repeat, control, counts,
         excluded, excluded_by_id, excluded_at, exclusion_reason)
    SELECT c.clinic_id, c.received_at, c.source, c.delivery_id, {_AS_GIVEN}, has_rival OR had_rival, is_repeat,
           control OR is_control OR was_control,
           counts AND NOT (is_control OR was_control OR is_repeat OR like_id IS NOT NULL),
           like_id IS NOT NULL, said.excluded_by_id, said.excluded_at, said.exclusion_reason
    FROM call c, judged LEFT JOIN LATERAL (
        SELECT e.excluded_by_id, e.excluded_at, e.exclusion_reason
        FROM measurements_measurement e WHERE e.id = like_id OFFSET 0  -- by key, never a join
    ) said ON true
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
    WHERE is_new AND vital AND patient_id IS NOT NULL AND NOT is_repeat
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
    WHERE patient_id IS NOT NULL AND NOT control AND NOT excluded AND NOT is_repeat AND NOT is_invalid
    ORDER BY patient_id, metric, taken_at DESC, identity DESC, device_id DESC
    ON CONFLICT (patient_id, metric) DO UPDATE SET
        device_id = excluded.device_id, value_1 = excluded.value_1, value_2 = excluded.value_2,
        taken_at = excluded.taken_at, identity = excluded.identity, estimated = excluded.estimated
    WHERE (excluded.taken_at, excluded.identity, excluded.device_id) >= (l.taken_at, l.identity, l.device_id)
)
SELECT i.ordinality, s.is_new, s.is_repeat, s.id, NULL::uuid, NULL, NULL::date, NULL
FROM incoming i
LEFT JOIN changed s USING (hwi_device_id, taken_at, identity)
UNION ALL
SELECT NULL, NULL, NULL, id, patient_id, program, local_date, metric FROM corrected WHERE control OR is_repeat
"""


def store(
    clinic: Clinic,
    rows: Sequence[Row],
    *,
    received_at: datetime.datetime,
    source: str,
    delivery_id: uuid.UUID | None,
) -> tuple[list[Stored], list[Corrected]]:
    """Store readings. Returns what became of each, in order, and the readings stored earlier that these correct.

    Must be called with their devices locked (`lock_devices`).
    """
    if not rows:
        return [], []
    given = json.dumps([{name: getattr(row, name) for name in _COLUMNS} for row in rows], default=str)
    changed: dict[int, Stored] = {}
    corrected: list[Corrected] = []
    with connection.cursor() as cursor:
        cursor.execute(STORE, [clinic.id, received_at, source, delivery_id, given])
        for position, is_new, is_repeat, number, *about in cursor.fetchall():
            if position is None:
                corrected.append(Corrected(number, *about))
            elif number is not None:
                result = UPDATED if not is_new else REPEATED if is_repeat else STORED
                changed[position] = Stored(result, number)
    duplicate = Stored(DUPLICATE, None)
    return [changed.get(position, duplicate) for position in range(1, len(rows) + 1)], corrected
