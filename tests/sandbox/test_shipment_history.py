"""The simulated devices came to their patients as the vendor tells such journeys."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fulfillment.vendor_statuses import STATUSES
from tenovi.sandbox import shipment_history
from tenovi.sandbox.simulation import Clinic

pytestmark = pytest.mark.clock

NOW = datetime(2025, 12, 3, 14, 20, tzinfo=UTC)
CAPTURED = Path(__file__).parent.parent / "payloads"

Journey = list[tuple[shipment_history.Json, datetime]]


@pytest.fixture(scope="module")
def clinic() -> Clinic:
    return Clinic(seed=1, patients=24, days=90, until=NOW)


@pytest.fixture(scope="module")
def journeys(clinic: Clinic) -> dict[str, Journey]:
    found: dict[str, Journey] = defaultdict(list)
    for element, at in shipment_history.news(clinic):
        found[element["hwi_device_id"]].append((element, at))
    return found


def test_payloads_have_the_captured_keys_and_the_vendors_statuses(journeys: dict[str, Journey]) -> None:
    captured = {
        name: set(json.loads((CAPTURED / "fulfillment" / f"{name}.json").read_text()))
        for name in ("shipped", "replaced")
    }
    told = [element for journey in journeys.values() for element, _ in journey]
    for element in told:
        assert set(element) == captured["replaced" if element["status"] == "Replaced" else "shipped"]
    assert {element["status"] for element in told} <= {status.name for status in STATUSES}


def test_every_device_has_a_journey_in_time_that_ends_before_its_first_reading(
    clinic: Clinic, journeys: dict[str, Journey]
) -> None:
    assert set(journeys) == {device.id for device in clinic.devices}
    for device in clinic.devices:
        moments = [at for _, at in journeys[device.id]]
        assert moments == sorted(moments) and moments[-1] <= NOW
        rows = clinic.rows_of(device)
        connected = [at for element, at in journeys[device.id] if element["status"] == "Connected"]
        assert bool(connected) == bool(rows)
        assert not rows or connected[0] <= rows[0].timestamp


def test_the_cast_shows_one_of_each_story(clinic: Clinic, journeys: dict[str, Journey]) -> None:
    last = {device_id: journey[-1][0]["status"] for device_id, journey in journeys.items()}
    assert last == {device.id: shipment_history.status_of(device) for device in clinic.devices}
    waiting = Counter(last.values()) - Counter({"Connected": 1000})
    assert waiting == {"Client Action Required": 1, "Shipped": 1, "Delivered": 1}
    replaced = [device_id for device_id, journey in journeys.items() if "Replaced" in str(journey)]
    assert len(replaced) == 1


def test_a_replacement_leads_from_the_first_hardware_to_the_present_one(
    clinic: Clinic, journeys: dict[str, Journey]
) -> None:
    device = next(device for device in clinic.devices if device.patient.persona.story == "weak")
    steps = [element for element, _ in journeys[device.id]]
    replaced = next(step for step in steps if step["status"] == "Replaced")
    assert steps[1]["hardware_uuid"] != replaced["hardware_uuid"]
    assert replaced["hardware_uuid"] == device.hardware_uuid.lower()


def test_the_same_seed_gives_the_same_journeys(journeys: dict[str, Journey]) -> None:
    again = Clinic(seed=1, patients=24, days=90, until=NOW)
    assert list(shipment_history.news(again)) == [one for journey in journeys.values() for one in journey]


def test_a_long_history_leaves_a_day_for_the_journey_before_it() -> None:
    long = Clinic(seed=1, patients=24, days=700, until=NOW)
    connected: dict[str, datetime] = {}
    for element, at in shipment_history.news(long):
        if element["status"] == "Connected":
            connected.setdefault(element["hwi_device_id"], at)
    assert connected and all(at <= long.since for at in connected.values())


def test_special_orders_have_the_captured_keys_and_take_the_vendors_steps(clinic: Clinic) -> None:
    steps: dict[str, list[str]] = defaultdict(list)
    for order, at in shipment_history.special_orders(clinic):
        name = {"BU": "bulk", "SU": "supply", "RE": "replacement"}[order["order_type"]]
        assert set(order) == set(json.loads((CAPTURED / "special-orders" / f"{name}.json").read_text()))
        assert datetime.fromisoformat(order["updated_on"]) == at <= NOW
        steps[name].append(order["status"])
    assert steps == {
        "bulk": ["Pending", "Shipped", "Delivered"],
        "supply": ["Pending", "Shipped"],
        "replacement": ["Pending", "Shipped", "Delivered"],
    }
