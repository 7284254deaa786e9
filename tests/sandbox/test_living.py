"""What a call has made at the played vendor lives there like all else: read, measured with, replaced, unlinked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.test_special_orders import replace, turns
from tests.sandbox.test_writes import SHIPPING
from tests.sandbox_server import Sandbox


@pytest.fixture
def vendor(sandbox: Sandbox) -> Sandbox:
    sandbox.control("settings", {"rate_seconds": 0})
    return sandbox


def kinds(vendor: Sandbox) -> list[dict[str, Any]]:
    types: list[dict[str, Any]] = vendor.call("/hwi/hwi-device-types/").json()
    return types


def ordered(vendor: Sandbox, kind: dict[str, Any], patient: str | None) -> dict[str, Any]:
    """A device of this kind that was shipped and has arrived."""
    device = {"name": kind["name"], "hardware_uuid": None, "fulfillment_request": SHIPPING}
    if kind["sensor_id_required"]:
        device["sensor_id"] = "H1234567"
    body = {"device": device} | ({"patient": {"external_id": patient}} if patient else {})
    made = vendor.call("/hwi/hwi-devices/", method="POST", body=body)
    assert made.status_code == 201, made.json()
    for _ in range(2):
        record = vendor.control("orders", {"device": made.json()["id"]})["record"]
    assert record["status"] == "Delivered"
    return dict(record)


@pytest.mark.parametrize("patient", ["P-0002", "only-by-call", None])
def test_each_kind_that_can_be_ordered_is_read_measured_with_and_ended(
    vendor: Sandbox, patient: str | None
) -> None:
    for kind in kinds(vendor):
        record = ordered(vendor, kind, patient)
        path, hardware = f"/hwi/hwi-devices/{record['id']}/", record["device"]["hardware_uuid"]
        reads = [
            path,
            f"{path}measurements/",
            f"{path}properties/",
            "/hwi/hwi-devices/",
            "/hwi/hwi-gateways/",
        ]
        reads += [f"/hwi/gateway-info/{hardware}/"] if kind["sensor_code"] else []
        for read in reads:
            assert vendor.call(read).status_code == 200, (kind["name"], read)
        rows = vendor.control("live", {"device": record["id"]})["rows"]
        assert rows and {row["patient_id"] for row in rows} == {patient or ""}, kind["name"]
        assert {row["hardware_uuid"] for row in rows} == {hardware}
        listed = vendor.call(f"{path}measurements/", page=1).json()["results"]
        assert sorted(map(str, listed)) == sorted(map(str, rows))
        if patient:
            theirs = vendor.call(f"/hwi/patients/{patient}/measurements/", page=1, page_size=1000).json()
            assert all(row in theirs["results"] for row in rows)
        assert vendor.call(path).json()["status"] == "Connected"
        assert vendor.call(f"/hwi/unlink-gateway/{record['id']}/").json()["device"]["hardware_uuid"] is None
        assert vendor.call(f"{path}measurements/", page=1).json()["count"] == len(rows)


def test_an_unlinked_device_sends_nothing(vendor: Sandbox) -> None:
    device = vendor.call("/hwi/hwi-devices/").json()[0]["id"]
    vendor.call(f"/hwi/unlink-gateway/{device}/")
    with pytest.raises(Exception, match="400"):
        vendor.control("live", {"device": device})
    made = vendor.control("live", {"count": 60})["rows"]
    assert device not in {row["hwi_device_id"] for row in made}


def test_its_hardware_is_replaced_and_its_readings_name_the_new(vendor: Sandbox) -> None:
    kind = next(one for one in kinds(vendor) if one["name"] == "Tenovi Scale")
    record = ordered(vendor, kind, "only-by-call")
    replace(vendor, record["id"], "Gateway")
    turns(vendor, 5)
    new = vendor.call(f"/hwi/hwi-devices/{record['id']}/").json()["device"]["hardware_uuid"]
    assert new != record["device"]["hardware_uuid"]
    assert {row["hardware_uuid"] for row in vendor.control("live", {"device": record["id"]})["rows"]} == {new}
    assert vendor.call(f"/hwi/gateway-info/{new}/").status_code == 200


def test_a_patient_who_is_attached_later_is_the_one_it_is_measured_for(vendor: Sandbox) -> None:
    kind = next(one for one in kinds(vendor) if one["name"] == "Tenovi Scale")
    record = ordered(vendor, kind, None)
    body = {
        "device": {"name": kind["name"], "hardware_uuid": record["device"]["hardware_uuid"]},
        "patient": {"external_id": "P-0003"},
    }
    path = f"/hwi/hwi-devices/{record['id']}/"
    assert vendor.call(path, method="PUT", body=body).status_code == 200
    assert {row["patient_id"] for row in vendor.control("live", {"device": record["id"]})["rows"]} == {
        "P-0003"
    }
