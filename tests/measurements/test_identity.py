"""Which differences make another reading, and which do not."""

from __future__ import annotations

import datetime
import json
import uuid
from typing import Any

import pytest

from measurements.identity import identity_of, slot_of
from measurements.payload import Reading, read
from tenovi.strict_json import value_of
from tests.factories import ABSENT, element

NOW = datetime.datetime(2026, 3, 10, 12, tzinfo=datetime.UTC)
DEVICE = uuid.UUID("0b7c1f5e-6a0d-4b1e-9a55-2f4d7a1c9e01")


def reading(**changes: Any) -> Reading:
    return read(value_of(json.dumps(element(DEVICE, **changes)).encode()), received_at=NOW)


def identity(**changes: Any) -> uuid.UUID:
    return identity_of(reading(**changes), keeps_greatest=False)


@pytest.mark.parametrize(
    "changes",
    [
        {"metric": "pulse"},
        {"value_1": 131.01},
        {"value_2": 82.01},
        {"filter_params": {"measurement_index": 413}},
        {"filter_params": {}},
        {"filter_params": {"measurement_index": 412, "device_log_index": 7}},
        {"filter_params": {"measurement_index": 412, "serial_number": "H7K2M9"}},
    ],
    ids=str,
)
def test_metric_values_index_and_sensor_make_another_reading(changes: dict[str, Any]) -> None:
    assert identity(**changes) != identity()


@pytest.mark.parametrize(
    "changes",
    [
        {"metric": "Blood_Pressure"},
        {"value_1": "131.00", "value_2": "82"},
        {"value_1": 131.004},
        {"created": "2025-03-04T15:09:00.000000Z"},
        {"hardware_uuid": "FFFFFFFFFFFF"},
        {"patient_id": "mrn-7781"},
        {"sensor_code": "24"},
        {"device_name": "Tenovi BPM – L"},
        {"timezone_offset": 2},
        {"estimated_timestamp": True},
        {"filter_params": {"measurement_index": "412"}},
        {"filter_params": {"measurement_index": 412.0}},
        {"filter_params": {"measurement_index": 412, "cuff": "L"}},
        {"filter_params": {"measurement_index": 412, "device_log_index": None, "serial_number": ""}},
    ],
    ids=str,
)
def test_spelling_receipt_gateway_patient_and_names_do_not(changes: dict[str, Any]) -> None:
    assert identity(**changes) == identity()


def test_a_missing_second_value_is_zero() -> None:
    absent, zero, null = (identity(metric="pulse", value_2=value) for value in (ABSENT, "0.00", None))
    assert absent == zero == null


def test_the_devices_log_index_comes_before_the_measurement_index() -> None:
    both = identity(filter_params={"device_log_index": 7, "measurement_index": 412})
    assert both == identity(filter_params={"device_log_index": 7, "measurement_index": 413})


def test_a_serial_number_is_the_same_in_any_case() -> None:
    lower, upper = (identity(filter_params={"serial_number": number}) for number in ("h7k2m9", "H7K2M9"))
    assert lower == upper


def test_parts_cannot_run_into_each_other() -> None:
    first = identity(filter_params={"serial_number": "1", "device_log_index": "23"})
    assert first != identity(filter_params={"serial_number": "12", "device_log_index": "3"})


def test_a_watch_bin_is_one_reading_whatever_its_values() -> None:
    early, late = (reading(metric="steps", value_1=steps, filter_params=None) for steps in (412, 1035))
    assert identity_of(early, keeps_greatest=True) == identity_of(late, keeps_greatest=True)
    assert identity_of(early, keeps_greatest=False) != identity_of(late, keeps_greatest=False)
    assert slot_of(early, keeps_greatest=True) is None


def test_readings_of_one_index_share_a_slot_and_readings_without_one_have_none() -> None:
    slots = {slot_of(reading(value_1=value), keeps_greatest=False) for value in (131, 140)}
    assert len(slots) == 1
    assert None not in slots
    assert slot_of(reading(filter_params=None), keeps_greatest=False) is None


def test_identities_never_change() -> None:
    """Stored rows carry them: another hash would store every repeat a second time."""
    assert str(identity()) == "315f7a6a-c04f-23b7-4de5-2ebe1ecf8b88"
    assert (
        str(identity_of(reading(metric="steps"), keeps_greatest=True))
        == "a481664a-013e-c2ec-e2c7-8cb47b086960"
    )
