"""Writing at the played vendor follows the rules of its pages."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.test_api import captured, differences
from tests.sandbox_server import Sandbox

SHIPPING = {
    "shipping_name": "A Person",
    "shipping_address": "1 Main St",
    "shipping_city": "Irvine",
    "shipping_state": "CA",
    "shipping_zip_code": "92614",
}


@pytest.fixture
def vendor(sandbox: Sandbox) -> Sandbox:
    sandbox.control("settings", {"rate_seconds": 0})
    return sandbox


def order(vendor: Sandbox, name: str = "Tenovi Scale", **device: Any) -> Any:
    body = {
        "device": {"name": name, "hardware_uuid": None, "fulfillment_request": SHIPPING} | device,
        "patient": {"external_id": "P-0002"},
    }
    return vendor.call("/hwi/hwi-devices/", method="POST", body=body)


@pytest.mark.parametrize(
    ("hardware", "request_", "status"),
    [
        ("1234-56ab-cdef", None, "Delivered"),
        ("not a gateway", None, "Unknown Gateway ID"),
        (None, {**SHIPPING, "client_will_fulfill": True}, "Pending Shipment"),
        (None, {**SHIPPING, "client_will_fulfill": False}, "Dropship Requested"),
        ("1234-56ab-cdef", SHIPPING, "Dropship Requested"),
    ],
)
def test_each_way_of_activating_begins_with_its_status(
    vendor: Sandbox, hardware: str | None, request_: Any, status: str
) -> None:
    answer = order(vendor, hardware_uuid=hardware, fulfillment_request=request_)
    assert (answer.status_code, answer.json()["status"]) == (201, status)
    assert vendor.call(f"/hwi/hwi-devices/{answer.json()['id']}/").json() == answer.json()


def test_an_ordered_device_has_the_captured_shape(vendor: Sandbox) -> None:
    shipped, further = captured("api/device-shipped.json"), captured("api/device-with-further-keys.json")
    shape = further | {"device": further["device"] | shipped["device"]}
    assert list(differences(order(vendor).json(), shape)) == []


def test_a_gateway_takes_one_device_of_a_sensor_code(vendor: Sandbox) -> None:
    on_site: dict[str, Any] = {"hardware_uuid": "AABBCCDDEEFF", "fulfillment_request": None}
    assert order(vendor, **on_site).status_code == 201
    again = order(vendor, **on_site)
    assert again.status_code == 400
    assert list(differences(again.json(), captured("api/error-fields.json"))) == []


@pytest.mark.parametrize(
    "device", [{"name": "Tenovi Toaster"}, {"fulfillment_request": None}, {"name": "Hailie Sensor"}]
)
def test_what_cannot_be_activated_is_refused_with_its_field(vendor: Sandbox, device: Any) -> None:
    answer = order(vendor, **device)
    assert answer.status_code == 400
    assert "device" in answer.json()


def test_a_fulfilled_order_cannot_be_deleted_but_unlinked(vendor: Sandbox) -> None:
    first, second = order(vendor).json()["id"], order(vendor, "Tenovi Thermometer").json()["id"]
    vendor.control("orders", {"device": first})
    assert vendor.call(f"/hwi/hwi-devices/{first}/", method="DELETE").status_code == 400
    assert vendor.call(f"/hwi/hwi-devices/{second}/", method="DELETE").status_code == 204
    assert vendor.call(f"/hwi/hwi-devices/{second}/").status_code == 404
    unlinked = vendor.call(f"/hwi/unlink-gateway/{first}/").json()
    assert (unlinked["status"], unlinked["device"]["hardware_uuid"]) == ("Unlinked", None)


def test_every_change_of_hardware_is_logged(vendor: Sandbox) -> None:
    device = order(vendor).json()["id"]
    vendor.control("orders", {"device": device})
    vendor.call(f"/hwi/unlink-gateway/{device}/")
    rows = vendor.call("/hwi/hardware-uuid-logs/", object_id=device, page=1).json()["results"]
    hardware = rows[0]["old_hardware_uuid"]
    assert [(row["old_hardware_uuid"], row["new_hardware_uuid"]) for row in rows] == [
        (hardware, None),
        (None, hardware),
    ]


def test_the_log_is_searched_for_a_whole_id_in_the_vendors_spelling(vendor: Sandbox) -> None:
    """The vendor's page promises a search "by a given hardware_uuid": no part of one, no other spelling."""
    device = order(vendor).json()["id"]
    vendor.control("orders", {"device": device})
    hardware = vendor.call(f"/hwi/hwi-devices/{device}/").json()["device"]["hardware_uuid"]
    vendor.call(f"/hwi/unlink-gateway/{device}/")

    def found(wanted: str) -> int:
        return len(vendor.call("/hwi/hardware-uuid-logs/", search=wanted).json())

    assert found(hardware) == 2
    grouped = "-".join(hardware[place : place + 4] for place in (0, 4, 8))
    for wanted in (hardware[:-1], hardware[4:], hardware.upper(), grouped, "none", device):
        assert found(wanted) == 0, wanted
    vendor.control("settings", {"minds_case": False})
    assert [found(wanted) for wanted in (hardware.upper(), hardware, hardware[4:])] == [2, 2, 0]


def test_an_address_that_is_not_real_holds_the_order_up_until_it_is_confirmed(vendor: Sandbox) -> None:
    vendor.call("/hwi/hwi-patients/P-0002/", method="PATCH", body={"zip_code": "?", "address": "Nowhere"})
    device = order(vendor, fulfillment_request={**SHIPPING, "shipping_address": "Nowhere"}).json()["id"]
    assert vendor.control("orders", {"device": device})["record"]["status"] == "Client Action Required"
    vendor.call("/hwi/hwi-patients/P-0002/", method="PATCH", body={"confirm_address": True})
    assert vendor.control("orders", {"device": device})["record"]["status"] == "Shipped"


def test_a_gateway_ordered_alone_is_a_new_one(vendor: Sandbox) -> None:
    ways = ({**SHIPPING}, {**SHIPPING, "ship_gateway_only": True})
    names = ("Tenovi Thermometer", "Tenovi Peak Flow Meter")
    hardware = []
    for name, way in zip(names, ways, strict=True):
        device = order(vendor, name, fulfillment_request=way).json()["id"]
        hardware.append(vendor.control("orders", {"device": device})["record"]["device"]["hardware_uuid"])
    assert len(set(hardware)) == 2


def test_a_delivered_device_of_a_simulated_patient_can_be_used(vendor: Sandbox) -> None:
    device = order(vendor).json()["id"]
    vendor.control("orders", {"device": device})
    vendor.control("orders", {"device": device})
    assert vendor.control("live", {"device": device})["rows"][0]["metric"] == "weight"
    assert vendor.call(f"/hwi/hwi-devices/{device}/").json()["status"] == "Connected"


def test_a_property_is_created_then_updated(vendor: Sandbox) -> None:
    device = order(vendor).json()["id"]
    path = f"/hwi/hwi-devices/{device}/properties/"
    assert vendor.call(path, method="POST", body={"key": "shelf", "value": "3"}).status_code == 201
    assert vendor.call(path, method="POST", body={"key": "shelf", "value": "4"}).status_code == 200
    assert [(each["key"], each["value"]) for each in vendor.call(path).json()] == [("shelf", "4")]


def test_a_patient_is_created_once_and_found_ignoring_case(vendor: Sandbox) -> None:
    body = captured("api/requests/patient-create.json")
    made = vendor.call("/hwi/hwi-patients/", method="POST", body=body)
    assert (made.status_code, made.json()["address_status"]) == (201, "Verified")
    assert list(differences(made.json(), captured("api/patient.json"))) == []
    assert vendor.call("/hwi/hwi-patients/", method="POST", body=body).status_code == 400
    assert vendor.call("/hwi/hwi-patients/PATIENT-001/", method="DELETE").status_code == 204


def test_devices_of_a_deleted_patient_stay_without_one(vendor: Sandbox) -> None:
    vendor.call("/hwi/hwi-patients/P-0001/", method="DELETE")
    records = vendor.call("/hwi/hwi-devices/").json()
    assert {record["patient_id"] for record in records} & {"P-0001", ""} == {""}


def test_webhooks_are_registered_and_removed_and_not_changed(vendor: Sandbox) -> None:
    body = {"endpoint": "https://clinic.example/webhooks/a/measurements/", "event": "MEASUREMENT"}
    made = vendor.call("/hwi/webhooks/", method="POST", body=body).json()
    path = f"/hwi/webhooks/{made['id']}/"
    for method in ("PUT", "PATCH"):
        assert vendor.call(path, method=method, body={**body, "post_as_array": True}).status_code == 405
    assert vendor.call("/hwi/webhooks/").json() == [made]
    assert vendor.call(path, method="DELETE").status_code == 204
    assert vendor.call("/hwi/webhooks/").json() == []


def test_a_module_that_is_not_enabled_says_so(vendor: Sandbox) -> None:
    assert vendor.call("/asr/supply-types/").status_code == 200
    vendor.control("settings", {"supplies": False})
    assert vendor.call("/asr/supply-types/").status_code == 403
