"""On which date a reading counts, and by which clock."""

from __future__ import annotations

import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from measurements.local_date import local_date

pytestmark = pytest.mark.clock

CLINIC = ZoneInfo("America/New_York")


def placed(moment: str, offset: str | None, zone: str | None = None) -> tuple[str, str]:
    taken_at = datetime.datetime.fromisoformat(moment).replace(tzinfo=datetime.UTC)
    date, rule = local_date(
        taken_at, None if offset is None else Decimal(offset), ZoneInfo(zone) if zone else None, CLINIC
    )
    return date.isoformat(), rule


@pytest.mark.parametrize(
    ("offset", "zone", "expected"),
    [
        ("-7", None, ("2026-03-30", "offset")),
        ("-7", "Asia/Tokyo", ("2026-03-30", "offset")),
        ("0", "Asia/Tokyo", ("2026-03-31", "offset")),
        (None, "America/Denver", ("2026-03-31", "patient")),
        (None, "America/Los_Angeles", ("2026-03-30", "patient")),
        (None, None, ("2026-03-31", "clinic")),
    ],
)
def test_the_readings_offset_comes_first_then_the_patients_zone_then_the_clinics(
    offset: str | None, zone: str | None, expected: tuple[str, str]
) -> None:
    assert placed("2026-03-31T06:30", offset, zone) == expected


@pytest.mark.parametrize(
    ("moment", "offset", "date"),
    [
        ("2026-03-30T23:59:59.999999", "0", "2026-03-30"),
        ("2026-03-31T00:00", "0", "2026-03-31"),
        ("2026-03-30T09:59", "14", "2026-03-30"),
        ("2026-03-30T10:00", "14", "2026-03-31"),
        ("2026-03-31T11:59", "-12", "2026-03-30"),
        ("2026-03-31T12:00", "-12", "2026-03-31"),
        ("2026-03-30T18:14", "5.75", "2026-03-30"),
        ("2026-03-30T18:15", "5.75", "2026-03-31"),
        ("2026-03-31T03:29", "-3.50", "2026-03-30"),
        ("2024-12-31T23:30", "1", "2025-01-01"),
    ],
)
def test_an_offset_moves_midnight(moment: str, offset: str, date: str) -> None:
    assert placed(moment, offset) == (date, "offset")


@pytest.mark.parametrize(
    ("zone", "offset", "moment", "expected"),
    [
        # 00:15 in Kolkata (+5:30): neither +5 nor +6 can say so.
        ("Asia/Kolkata", "5", "2026-03-30T18:45", ("2026-03-31", "patient")),
        ("Asia/Kolkata", "6", "2026-03-30T18:15", ("2026-03-30", "patient")),
        ("Asia/Kolkata", "4", "2026-03-30T18:45", ("2026-03-30", "offset")),
        ("Asia/Kolkata", "7", "2026-03-30T17:15", ("2026-03-31", "offset")),
        ("Asia/Kolkata", "5.5", "2026-03-30T18:45", ("2026-03-31", "offset")),
        ("Asia/Kathmandu", "5", "2026-03-30T18:20", ("2026-03-31", "patient")),
        ("America/St_Johns", "-3", "2026-01-15T03:15", ("2026-01-14", "patient")),
        ("America/St_Johns", "-2", "2026-07-15T02:15", ("2026-07-14", "patient")),
        ("America/St_Johns", "-2", "2026-01-15T02:15", ("2026-01-15", "offset")),
        # A zone of whole hours never overrules an offset: the patient may be travelling.
        ("Asia/Tokyo", "8", "2026-03-30T15:30", ("2026-03-30", "offset")),
    ],
)
def test_a_zone_with_a_part_hour_overrules_a_rounded_offset_within_the_hour(
    zone: str, offset: str, moment: str, expected: tuple[str, str]
) -> None:
    assert placed(moment, offset, zone) == expected


@pytest.mark.parametrize("moment", ["2026-03-08T06:30", "2026-03-09T03:30"])
def test_a_date_of_23_hours_is_one_date(moment: str) -> None:
    """01:30 before and 23:30 after the clocks in New York went forward."""
    assert placed(moment, None) == ("2026-03-08", "clinic")


@pytest.mark.parametrize("moment", ["2026-11-01T04:30", "2026-11-02T04:30"])
def test_a_date_of_25_hours_is_one_date(moment: str) -> None:
    assert placed(moment, None) == ("2026-11-01", "clinic")
