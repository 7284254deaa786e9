"""The simulated clinic is the same everywhere, and its readings look like readings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from tenovi import catalogue
from tenovi.sandbox.simulation import Clinic, Row

pytestmark = pytest.mark.clock

NOW = datetime(2025, 12, 3, 14, 20, tzinfo=UTC)  # the 90 days before hold the end of daylight saving time


@pytest.fixture(scope="module")
def clinic() -> Clinic:
    return Clinic(seed=1, patients=24, days=90, until=NOW)


@pytest.fixture(scope="module")
def rows(clinic: Clinic) -> list[Row]:
    return rows_of(clinic)


def rows_of(clinic: Clinic) -> list[Row]:
    return [row for device in clinic.devices for row in clinic.rows_of(device)]


def wire(rows: Iterable[Row]) -> list[dict[str, object]]:
    return [row.wire() for row in rows]


def metric(row: Row) -> catalogue.Metric:
    return row.device.kind.metrics[row.metric.casefold()]


def local_date(row: Row) -> date:
    return (row.timestamp + timedelta(hours=row.timezone_offset)).date()


def vital_days(rows: Iterable[Row], month: int) -> dict[str, int]:
    days: dict[str, set[date]] = defaultdict(set)
    for row in rows:
        if metric(row).vital and local_date(row).month == month:
            days[row.device.patient.external_id].add(local_date(row))
    return {external_id: len(dates) for external_id, dates in days.items()}


def test_the_same_seed_gives_the_same_clinic(rows: list[Row]) -> None:
    again = Clinic(seed=1, patients=24, days=90, until=NOW)
    assert wire(rows_of(again)) == wire(rows)
    other = Clinic(seed=2, patients=24, days=90, until=NOW)
    assert {device.id for device in other.devices}.isdisjoint(device.id for device in again.devices)


def test_a_history_that_ends_a_week_later_agrees_on_every_day_they_share(rows: list[Row]) -> None:
    later = Clinic(seed=1, patients=24, days=90, until=NOW + timedelta(days=7))
    shared = [row for row in rows_of(later) if row.created <= NOW]
    assert wire(shared) == wire(row for row in rows if row.timestamp >= later.since)


def test_patients_are_the_same_in_a_larger_clinic(clinic: Clinic) -> None:
    larger = Clinic(seed=1, patients=60, days=3, until=NOW)
    assert [device.id for device in larger.devices[: len(clinic.devices)]] == [d.id for d in clinic.devices]
    assert len({patient.external_id for patient in larger.patients}) == 60


def test_rows_of_a_device_come_in_the_order_they_were_received_and_within_the_history(clinic: Clinic) -> None:
    for device in clinic.devices:
        rows = clinic.rows_of(device)
        assert all(earlier.created <= later.created for earlier, later in pairwise(rows))
        assert all(clinic.since <= row.timestamp <= row.created <= NOW for row in rows)


def test_a_part_of_the_clinic_is_as_it_is_in_the_whole(clinic: Clinic, rows: list[Row]) -> None:
    part = Clinic(seed=1, patients=range(10, 14), days=90, until=NOW)
    theirs = {device.id for patient in clinic.patients[10:14] for device in patient.devices}
    assert wire(rows_of(part)) == wire(row for row in rows if row.device.id in theirs)


def test_the_last_row_of_a_device_is_found_without_making_all(clinic: Clinic, rows: list[Row]) -> None:
    newest = {row.device.id: row.created for row in rows}
    assert {d.id: clinic.last_received(d) for d in clinic.devices} == {
        d.id: newest.get(d.id) for d in clinic.devices
    }


def test_every_kind_of_device_is_in_use(clinic: Clinic) -> None:
    in_use = {device.kind.slug for device in clinic.devices}
    # A wrist cuff without irregular heartbeats and one with are told apart by name only.
    assert in_use == {kind.slug for kind in catalogue.kinds()}


def test_devices_report_only_what_their_kind_measures_and_what_is_possible(rows: list[Row]) -> None:
    for row in rows:
        known = metric(row)
        assert known.value_1.allows(Decimal(row.value_1)), row
        if known.value_2 is None:
            assert row.value_2 == "0.00", row
        else:
            assert known.value_2.allows(Decimal(row.value_2)), row
        assert set(row.filter_params or {}) <= set(row.device.kind.filter_params), row


def test_offsets_follow_the_patients_zone_through_the_end_of_daylight_saving_time(rows: list[Row]) -> None:
    seen: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        zone = row.device.patient.timezone
        offset = row.timestamp.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
        assert row.timezone_offset == offset // timedelta(hours=1)
        seen[zone].add(row.timezone_offset)
    assert seen["America/New_York"] == {-5, -4}
    assert seen["America/Phoenix"] == {-7}
    assert seen["Asia/Kolkata"] == {5}, "the part hour cannot be said in whole hours"


def test_patients_differ_in_how_many_days_they_measure(clinic: Clinic, rows: list[Row]) -> None:
    days = vital_days(rows, 10)
    counts = [days.get(patient.external_id, 0) for patient in clinic.patients]
    assert sum(count >= 16 for count in counts) >= 8
    assert sum(2 <= count <= 15 for count in counts) >= 4
    assert counts.count(1) >= 1
    assert counts.count(0) >= 3


def test_some_devices_report_without_earning_a_day(rows: list[Row]) -> None:
    metrics: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        metrics[row.device.patient.external_id].add(row.metric)
    only = list(metrics.values())
    assert {"battery_percentage"} in only
    assert {"steps", "heart_rate_statistics", "sleep", "battery_percentage"} in only


def test_a_pressure_and_its_pulse_share_their_time_and_index(rows: list[Row]) -> None:
    readings: dict[tuple[str, datetime, int], set[str]] = defaultdict(set)
    for row in rows:
        if row.device.kind.slug == "tenovi-bpm" and row.filter_params:
            key = (row.device.id, row.timestamp, row.filter_params["measurement_index"])
            assert row.metric not in readings[key], "no metric twice in one reading"
            readings[key].add(row.metric)
            assert row.timestamp.second == 0, "cuffs keep minutes"
    assert all({"blood_pressure", "pulse"} <= metrics for metrics in readings.values())
    assert any("irregular_heartbeat" in metrics for metrics in readings.values())


def test_the_odd_things_of_real_life_happen(rows: list[Row]) -> None:
    late = [row for row in rows if row.created - row.timestamp > timedelta(days=1)]
    assert late
    assert all(row.device.kind.stores_offline for row in late if row.device.patient.persona.story != "weak")
    assert any(row.estimated_timestamp for row in rows)
    places = {
        (row.filter_params or {}).get("measurement_location") for row in rows if row.metric == "glucose"
    }
    assert "control solution" in places


def test_the_watch_uploads_the_running_hour_and_later_the_whole_one(rows: list[Row]) -> None:
    bins: dict[tuple[str, datetime], list[Row]] = defaultdict(list)
    for row in rows:
        if row.metric == "steps":
            assert (row.timestamp.minute, row.timestamp.second) == (0, 0)
            bins[row.device.id, row.timestamp].append(row)
    twice = [uploads for uploads in bins.values() if len(uploads) == 2]
    assert twice
    for partial, whole in twice:
        assert whole.created - partial.created > timedelta(hours=20)
        assert Decimal(whole.value_1) >= Decimal(partial.value_1)


def test_a_live_reading_is_taken_now(clinic: Clinic) -> None:
    cuff = next(device for device in clinic.devices if device.kind.slug == "tenovi-bpm")
    at = datetime(2026, 3, 8, 12, 30, 41, 250, tzinfo=UTC)
    made = clinic.live_reading(cuff, at)
    assert [row.metric for row in made][:2] == ["blood_pressure", "pulse"]
    assert {row.timestamp for row in made} == {datetime(2026, 3, 8, 12, 30, tzinfo=UTC)}
    assert {row.timezone_offset for row in made} == {-4}
    assert made[0].created == at


def test_a_device_activated_today_has_no_past(clinic: Clinic) -> None:
    own = Clinic(seed=1, patients=2, days=30, until=NOW)
    device = own.activate(0, "Tenovi Scale", NOW)
    assert own.rows_of(device) == []
    assert device.id not in {each.id for each in clinic.devices}
