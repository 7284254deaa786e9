"""Ids of gateways, and words for how well one is heard."""

from __future__ import annotations

import datetime

import pytest

from devices.hardware import is_gateway_id, newest_firmware, normal_hardware_id, signal_level, silent_since

NOW = datetime.datetime(2026, 10, 14, 12, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("strength", "level"),
    [
        (31, "excellent"),
        (25, "excellent"),
        (24, "good"),
        (18, "good"),
        (17, "fair"),
        (12, "fair"),
        (11, "poor"),
        (0, "poor"),
        (None, "not known yet"),
    ],
)
def test_a_signal_strength_has_a_word(strength: int | None, level: str) -> None:
    assert signal_level(strength) == level


@pytest.mark.parametrize("text", ["a1b2c3d4e5f6", "A1B2-C3D4-E5F6", "A1:B2:C3:D4:E5:F6", " a1b2c3d4e5f6 "])
def test_however_a_gateway_id_is_written_it_is_one_id(text: str) -> None:
    assert normal_hardware_id(text) == "A1B2C3D4E5F6"
    assert is_gateway_id(normal_hardware_id(text))


@pytest.mark.parametrize("text", ["", "351234567890123", "A1B2C3D4E5F", "G1B2C3D4E5F6", "A1B2C3D4E5F6\n"])
def test_an_imei_or_something_else_is_no_gateway(text: str) -> None:
    assert not is_gateway_id(text)


def test_silence_begins_after_a_day() -> None:
    day = datetime.timedelta(days=1)
    late = NOW - day - datetime.timedelta(seconds=1)
    assert silent_since(NOW - day, NOW) is None
    assert silent_since(late, NOW) == late


def test_a_gateway_never_heard_is_not_silent_since_some_moment() -> None:
    assert silent_since(None, NOW) is None


@pytest.mark.parametrize(
    ("versions", "newest"),
    [
        (["2.9.1", "2.10.0", "2.10"], "2.10.0"),
        (["", "beta", "1.0"], "1.0"),
        (["", "v2", "2.", "9" * 5000], ""),
        ([], ""),
    ],
)
def test_firmware_is_compared_as_numbers(versions: list[str], newest: str) -> None:
    assert newest_firmware(versions) == newest
