"""One metric of one patient as columns of numbers: what a chart draws.

The database writes the JSON itself, so that a year of readings costs no object, no decimal and
no timestamp in Python.
"""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass

from django.db import connection

from measurements.shown.flags import BITS
from patients.models import Patient
from tenovi import catalogue

# Control solution tests the meter: it is never drawn as the patient's own value.
_SERIES = """
WITH points AS (
    SELECT taken_at, id, device_id, sensor_code,
           floor(extract(epoch FROM taken_at))::bigint AS t,
           trim_scale(value_1) AS v1,
           trim_scale(value_2) AS v2,
           {estimated} * estimated::int
           + {late} * (coalesce(nullif(vendor_created, taken_at), received_at) - taken_at
               > interval '24 hours' + keeps_greatest::int * interval '1 hour')::int
           + {excluded} * excluded::int
           + {conflict} * conflict::int
           + {above_range} * coalesce(context->>'alert' = 'sensor_result_above_range', false)::int
           + CASE context->>'meal_context' WHEN 'pre-prandial' THEN {pre_prandial}
                                           WHEN 'post-prandial' THEN {post_prandial}
                                           WHEN 'fasting' THEN {fasting} ELSE 0 END AS flags
    FROM measurements_measurement
    WHERE clinic_id = %s AND patient_id = %s AND metric = %s AND NOT control AND NOT is_repeat AND NOT is_invalid
      AND taken_at >= coalesce(%s::timestamptz, '-infinity')
      AND taken_at < coalesce(%s::timestamptz, 'infinity')
    ORDER BY taken_at, id
), columns AS (
    SELECT array_to_json(coalesce(array_agg(t), '{{}}'))::text AS t,
           array_to_json(coalesce(array_agg(v1), '{{}}'))::text AS v1,
           array_to_json(coalesce(array_agg(v2), '{{}}'))::text AS v2,
           array_to_json(coalesce(array_agg(flags), '{{}}'))::text AS flags
    FROM points
), newest AS (
    SELECT d.kind, coalesce(nullif(p.sensor_code, ''), d.sensor_code) AS sensor_code
    FROM points p JOIN devices_device d ON d.id = p.device_id
    ORDER BY p.taken_at DESC, p.id DESC LIMIT 1
)
SELECT t, v1, v2, flags, coalesce(kind, ''), coalesce(sensor_code, '')
FROM columns LEFT JOIN newest ON true
""".format(**BITS)
_OF_ANY_CASE = _SERIES.replace("metric = %s", "lower(metric) = lower(%s)")


@dataclass(frozen=True, slots=True)
class Series:
    """Points in the order they were taken, in columns.

    Each column is the text of a JSON list: `t` in whole seconds since 1970, `v1` and `v2` numbers (`v2` null where
    there is none), `flags` sums of `BITS`. Units are those of the newest point's device.
    """

    metric: str
    unit_1: str
    unit_2: str | None
    t: str
    v1: str
    v2: str
    flags: str

    def as_json(self) -> str:
        names = {"metric": self.metric, "unit_1": self.unit_1, "unit_2": self.unit_2}
        head = json.dumps(names)[:-1]
        return f'{head}, "t": {self.t}, "v1": {self.v1}, "v2": {self.v2}, "flags": {self.flags}}}'


def series_of(
    patient: Patient,
    metric: str,
    *,
    start: datetime.datetime | None = None,
    end: datetime.datetime | None = None,
) -> Series:
    """Return the points of the half-open span `start`..`end`; None leaves a side open. One query.

    Case of `metric` does not matter. A metric the patient never had is an empty series.
    """
    named = catalogue.meaning(metric, "")
    with connection.cursor() as cursor:
        cursor.execute(
            _SERIES if named.known else _OF_ANY_CASE,
            [patient.clinic_id, patient.id, named.name, start, end],
        )
        t, v1, v2, flags, kind, sensor_code = cursor.fetchone()
    means = catalogue.meaning(metric, kind, sensor_code)
    return Series(
        means.name, means.value_1.unit, means.value_2.unit if means.value_2 else None, t, v1, v2, flags
    )
