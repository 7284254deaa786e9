"""One number a day of one metric, for many patients at once."""

from __future__ import annotations

import datetime
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from clinics.models import Clinic

_DAILY = """
SELECT m.patient_id, m.local_date,
       (array_agg(m.value_1 ORDER BY m.taken_at DESC, m.id DESC))[1],
       (array_agg(m.value_2 ORDER BY m.taken_at DESC, m.id DESC))[1],
       sum(m.value_1), count(*)
FROM unnest(%s::uuid[], %s::text[]) AS wanted (patient_id, metric)
JOIN measurements_measurement m USING (patient_id, metric)
WHERE m.clinic_id = %s AND m.taken_at >= %s AND m.local_date BETWEEN %s AND %s
  AND NOT m.excluded AND NOT m.control AND NOT m.is_repeat AND NOT m.is_invalid
GROUP BY m.patient_id, m.local_date
ORDER BY m.patient_id, m.local_date
"""
_WIDEST = datetime.timedelta(days=1)  # a local date begins at most this long before the date in UTC


@dataclass(frozen=True, slots=True)
class DailyValue:
    """A local date of a patient: values of the last reading, sum and number of all."""

    date: datetime.date
    last_1: Decimal
    last_2: Decimal | None
    total: Decimal
    count: int


def daily_values(
    clinic: Clinic, metrics: Mapping[uuid.UUID, str], first: datetime.date, last: datetime.date
) -> dict[uuid.UUID, list[DailyValue]]:
    """Return, by patient, the dates from `first` to `last` with readings of that patient's metric.

    Leaves out excluded readings and control solution. One query.
    """
    start = datetime.datetime.combine(first, datetime.time(), datetime.UTC) - _WIDEST
    dates: defaultdict[uuid.UUID, list[DailyValue]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_DAILY, [list(metrics), list(metrics.values()), clinic.id, start, first, last])
        for patient_id, *values in cursor.fetchall():
            dates[patient_id].append(DailyValue(*values))
    return dict(dates)
