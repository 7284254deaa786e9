"""The demo's live readings keep the rhythm of a day, however short the interval between them is."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tenovi.sandbox.live_readings import Live
from tenovi.sandbox.simulation import Clinic, Device
from tenovi.sandbox.state import State

BEGUN = datetime(2025, 12, 3, 5, tzinfo=UTC)
TICK = timedelta(seconds=60)


def used_in_a_day(rhythm: float) -> list[tuple[Device, datetime]]:
    """Who is used when, in the 24 hours after the history ends, with a turn each minute."""
    live = Live(State(Clinic(seed=1, patients=24, days=5, until=BEGUN), "demo", ["key"]), 5, rhythm)
    moments = [BEGUN + number * TICK for number in range(24 * 60)]
    return [(device, at) for at in moments if (device := live.due(at))]


def test_a_device_is_used_a_few_times_a_day_and_never_at_night() -> None:
    used = used_in_a_day(6)
    per_device = Counter(device.id for device, _ in used)
    assert len(per_device) > 15
    assert max(per_device.values()) <= 4
    seen: set[str] = set()
    for device, at in used:
        hour = at.astimezone(ZoneInfo(device.patient.timezone)).hour
        assert device.id not in seen or 6 <= hour < 23, "only the first reading after a start may be at night"
        seen.add(device.id)


def test_one_at_a_time_and_none_when_nobody_is_due() -> None:
    used = used_in_a_day(6)
    assert len({at for _, at in used}) == len(used) < 24 * 60 / 10


def test_without_a_rhythm_each_turn_is_a_reading() -> None:
    assert len(used_in_a_day(0)) == 24 * 60
