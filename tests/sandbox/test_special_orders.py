"""Replacements and supplies travel at the played vendor as its pages say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.test_live_readings import Receiver
from tests.sandbox.test_writes import SHIPPING
from tests.sandbox_server import Sandbox

CAPTURED = Path(__file__).parent.parent / "payloads" / "fulfillment"
REPLACEMENTS, SUPPLIES = "/hwi/hwi-replacements/", "/asr/supply-requests/"


@pytest.fixture
def vendor(sandbox: Sandbox) -> Sandbox:
    sandbox.control("settings", {"rate_seconds": 0})
    return sandbox


def turns(vendor: Sandbox, number: int) -> None:
    for _ in range(number):
        vendor.control("parcels")


def hardware(vendor: Sandbox) -> dict[str, str]:
    """Every device's hardware, by the device's id."""
    return {one["id"]: one["device"]["hardware_uuid"] for one in vendor.call("/hwi/hwi-devices/").json()}


def neighbours(vendor: Sandbox) -> list[str]:
    """Devices that share a gateway, the first such."""
    found: dict[str, list[str]] = {}
    for device, gateway in hardware(vendor).items():
        found.setdefault(gateway, []).append(device)
    return next(ids for gateway, ids in found.items() if gateway and len(gateway) == 12 and len(ids) > 1)


def replace(vendor: Sandbox, device: str, *names: str) -> dict[str, Any]:
    body = {"hwi_device_id": device, "device_types": [{"name": name} for name in names], **SHIPPING}
    record: dict[str, Any] = vendor.call(REPLACEMENTS, method="POST", body=body).json()
    return record


def test_a_new_gateway_stands_on_every_device_behind_the_old_one_once_it_has_left(vendor: Sandbox) -> None:
    behind, before = neighbours(vendor), hardware(vendor)
    record = replace(vendor, behind[0], "Gateway")
    turns(vendor, 2)
    assert hardware(vendor) == before
    turns(vendor, 1)
    after = hardware(vendor)
    assert len({after[device] for device in behind}) == 1
    assert after[behind[0]] != before[behind[0]]
    assert {device for device in after if after[device] != before[device]} == set(behind)
    old = vendor.call("/hwi/hardware-uuid-logs/", search=before[behind[0]]).json()
    assert {row["object_id"] for row in old} == set(behind)
    assert vendor.call(f"/hwi/gateway-info/{after[behind[0]].lower()}/").status_code == 200
    assert vendor.call(f"{REPLACEMENTS}{record['id']}/", method="DELETE").status_code == 400


def test_a_pending_one_can_be_withdrawn_and_then_nothing_leaves(vendor: Sandbox) -> None:
    device, before = neighbours(vendor)[0], hardware(vendor)
    record = replace(vendor, device, "Gateway")
    turns(vendor, 1)
    assert vendor.call(f"{REPLACEMENTS}{record['id']}/", method="DELETE").status_code == 204
    turns(vendor, 5)
    assert hardware(vendor) == before


def test_supplies_are_pending_until_they_leave(vendor: Sandbox) -> None:
    body = {"supply_name": "Lancets (100)", **SHIPPING}
    number = vendor.call(SUPPLIES, method="POST", body=body).json()["id"]
    turns(vendor, 2)
    assert [row["fulfilled"] for row in vendor.call(SUPPLIES).json()] == [False]
    turns(vendor, 1)
    assert [row["fulfilled"] for row in vendor.call(SUPPLIES).json()] == [True]
    assert vendor.call(f"{SUPPLIES}{number}/", method="DELETE").status_code == 400


def test_the_bulk_order_of_the_history_is_on_the_list(vendor: Sandbox) -> None:
    (row,) = vendor.call("/hwi/hwi-bulk-orders/").json()["results"]
    assert (row["shipping_status"], row["fulfilled"]) == ("DE", True)
    assert len(row["manifest"][0]["loose_items"]) == 5


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.mark.parametrize(
    ("variant", "captured"),
    [
        ({}, "replaced"),
        ({"names_replaced": True}, "replaced-names-the-old"),
        ({"blank_in_key": True}, "published-shipped"),
    ],
)
def test_news_of_new_hardware_has_the_members_of_the_page_it_is_spoken_by(
    vendor: Sandbox, receiver: Receiver, variant: dict[str, bool], captured: str
) -> None:
    url = f"http://127.0.0.1:{receiver.port}/measurements/"
    vendor.control("webhook", {"url": url, "header": "Authorization", "value": "Basic abc"})
    vendor.control("settings", variant)
    replace(vendor, neighbours(vendor)[0], "Gateway")
    turns(vendor, 3)
    told = [one for one in receiver.all() if "request_id" not in one]
    assert [list(one) for one in told] == [list(json.loads((CAPTURED / f"{captured}.json").read_text()))]
