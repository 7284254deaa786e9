"""On which date a reading counts: the patient's local date, and by which clock.

No regulator names the clock of a "day with data" (see `docs/billing.md`), so the rule is ours,
stored with every reading and shown with every count.
"""

from __future__ import annotations

import datetime
import zoneinfo
from decimal import Decimal
from typing import Literal

Rule = Literal["offset", "patient", "clinic"]
HOUR = datetime.timedelta(hours=1)


def local_date(
    taken_at: datetime.datetime,
    offset: Decimal | None,
    patient_zone: zoneinfo.ZoneInfo | None,
    clinic_zone: zoneinfo.ZoneInfo,
) -> tuple[datetime.date, Rule]:
    """The local date of a moment and the clock that decided it.

    `offset` is the reading's own, in hours (already checked, see `reading`). The vendor writes it
    in whole hours, so where the patient's zone has a part-hour offset and the reading's lies
    within the hour of it, the zone knows better.
    """
    zone, rule = (patient_zone, "patient") if patient_zone else (clinic_zone, "clinic")
    in_zone = taken_at.astimezone(zone)
    if offset is None or _is_rounded(offset, in_zone.utcoffset()):
        return in_zone.date(), rule  # type: ignore[return-value]
    return (taken_at.astimezone(datetime.UTC) + float(offset) * HOUR).date(), "offset"


def _is_rounded(offset: Decimal, zone_offset: datetime.timedelta | None) -> bool:
    if zone_offset is None or not zone_offset % HOUR:
        return False
    return offset == int(offset) and abs(int(offset) * HOUR - zone_offset) < HOUR
