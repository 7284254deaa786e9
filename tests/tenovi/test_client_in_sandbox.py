"""Every call that a clinic makes, against the played vendor over real HTTP."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest

from tenovi.client import errors
from tenovi.client.endpoints import SIZE_CAP, TenoviClient, already_exists
from tenovi.client.gate import NoLimit
from tests.sandbox_server import Sandbox
from tests.vendor_stub import DOMAIN, KEY, Reply, VendorStub

ADDRESS = {"address": "1 Main St", "city": "Irvine", "state": "CA", "zip_code": "92614"}
SHIPPING = {
    "shipping_name": "A Person",
    **{f"shipping_{name}": value for name, value in ADDRESS.items()},
}
UNKNOWN = "0b7c1f5e-6a0d-4b1e-9a55-2f4d7a1c9e01"


@pytest.fixture
def vendor(sandbox: Sandbox) -> TenoviClient:
    sandbox.control("settings", {"rate_seconds": 0.0})
    return TenoviClient(sandbox.url, sandbox.domain, sandbox.api_key, gate=NoLimit())


def order(**fulfillment: Any) -> dict[str, Any]:
    return {
        "device": {
            "name": "Tenovi Scale",
            "hardware_uuid": None,
            "fulfillment_request": {**SHIPPING, "client_will_fulfill": False, **fulfillment},
        },
        "patient": {"external_id": "new-1", "name": "New Person"},
    }


def test_a_device_is_ordered_read_given_hardware_unlinked_and_deleted(vendor: TenoviClient) -> None:
    ordered = vendor.create_device(order(client_will_fulfill=True))
    assert (ordered.status, ordered.hardware_uuid) == ("Pending Shipment", "")
    assert vendor.device(ordered.hwi_device_id) == ordered
    sent = vendor.update_device(
        ordered.hwi_device_id, {"device": {"name": "Tenovi Scale", "hardware_uuid": "0123-4567-89ab"}}
    )
    assert sent.hardware_uuid == "0123456789ab"
    (found,) = vendor.devices(external_id="new-1").results
    assert found.hwi_device_id == ordered.hwi_device_id
    assert vendor.devices(hardware_uuid="0123456789AB").results == (found,)
    unlinked = vendor.unlink_gateway(ordered.hwi_device_id)
    assert (unlinked.status, unlinked.hardware_uuid) == ("Unlinked", "")
    changes = vendor.hardware_log(hwi_device_id=str(ordered.hwi_device_id)).results
    assert [(one.old_hardware_uuid, one.new_hardware_uuid) for one in changes] == [
        ("0123456789ab", ""),
        ("", "0123456789ab"),
    ]
    assert vendor.hardware_log(hardware_uuid="0123456789ab").results == changes
    assert vendor.hardware_log(hardware_uuid="0123456789AB").results == ()
    vendor.delete_device(ordered.hwi_device_id)
    with pytest.raises(errors.NotFound):
        vendor.device(ordered.hwi_device_id)


def test_a_device_whose_order_was_fulfilled_stays_and_the_vendor_says_why(
    vendor: TenoviClient, sandbox: Sandbox
) -> None:
    ordered = vendor.create_device(order())
    sandbox.control("orders", {"device": str(ordered.hwi_device_id), "status": "Shipped"})
    with pytest.raises(errors.Invalid) as refused:
        vendor.delete_device(ordered.hwi_device_id)
    ((member, text),) = refused.value.complaints
    assert member == "detail"
    assert "fulfilled" in text
    assert "fulfilled" not in refused.value.sentence


def test_an_order_that_is_refused_says_which_member_is_wrong(vendor: TenoviClient) -> None:
    body = order(shipping_city="")
    with pytest.raises(errors.Invalid) as refused:
        vendor.create_device(body)
    assert [member for member, _ in refused.value.complaints] == ["device.fulfillment_request.shipping_city"]


def test_a_property_is_created_changed_listed_and_tells_when_it_has_reached_the_device(
    vendor: TenoviClient,
) -> None:
    device = vendor.devices().results[0].hwi_device_id
    first = vendor.set_property(device, "step_goal", "5000")
    again = vendor.set_property(device, "step_goal", "6000")
    assert (first.value, again.value, again.synced) == ("5000", "6000", False)
    assert [(one.key, one.value) for one in vendor.properties(device).results] == [("step_goal", "6000")]
    with pytest.raises(errors.NotFound):
        vendor.set_property(UNKNOWN, "step_goal", "1")


def test_a_gateway_is_read_with_its_sensors_by_the_id_that_the_vendor_gave(vendor: TenoviClient) -> None:
    listed = vendor.gateways().results[0]
    gateway = vendor.gateway("-".join(listed.gateway_id[place : place + 4] for place in (0, 4, 8)))
    assert gateway.gateway_id == listed.gateway_id
    assert gateway.firmware_version
    assert gateway.sensors[0].status == "CO"
    with pytest.raises(errors.NotFound):
        vendor.gateway("FFFFFFFFFFFF")


def test_the_hardware_log_is_looked_for_under_both_paths(vendor: TenoviClient) -> None:
    assert vendor.hardware_log(path="/hwi/hwi-hardware-uuid-logs/").unusable == 0
    with pytest.raises(errors.PathUnknown):
        vendor.hardware_log(path="/hwi/elsewhere/")


def test_a_patient_is_created_once_changed_and_deleted(vendor: TenoviClient) -> None:
    made = vendor.create_patient(
        {"external_id": "New-2", "name": "New Person", "sms_opt_in": False, **ADDRESS}
    )
    assert (made.external_id, made.sms_opt_in, made.address_status) == ("New-2", False, "Verified")
    with pytest.raises(errors.Invalid) as refused:
        vendor.create_patient({"external_id": "NEW-2"})
    assert already_exists(refused.value)
    assert vendor.update_patient("new-2", {"city": "Tustin"}).city == "Tustin"
    vendor.delete_patient("new-2")
    with pytest.raises(errors.NotFound):
        vendor.update_patient("new-2", {"city": "Irvine"})


def test_a_replacement_is_requested_listed_and_withdrawn(vendor: TenoviClient) -> None:
    device = str(vendor.devices().results[0].hwi_device_id)
    made = vendor.create_replacement(
        {"hwi_device_id": device, "device_types": [{"name": "Gateway"}], **SHIPPING}
    )
    assert (made.hwi_device_id, made.device_names, made.fulfilled) == (device, ("Gateway",), False)
    assert vendor.replacements().results == (made,)
    vendor.delete_replacement(made.id)
    assert vendor.replacements().results == ()


def test_supplies_are_listed_requested_and_withdrawn(vendor: TenoviClient) -> None:
    supply = next(one for one in vendor.supply_types().results if "strips" in one.name)
    assert supply.hardware_uuid_required
    made = vendor.create_supply_request(
        {"supply_name": supply.name, "gateway_id": "AABBCCDDEEFF", **SHIPPING}
    )
    assert vendor.supply_requests().results == (made,)
    older = "/devices/supply-requests/"
    vendor.delete_supply_request(made.id, path=older)
    assert vendor.supply_requests(path=older).results == ()


def test_an_account_without_supplies_keeps_its_key(vendor: TenoviClient, sandbox: Sandbox) -> None:
    sandbox.control("settings", {"supplies": False})
    for call in (vendor.supply_types, vendor.supply_requests):
        with pytest.raises(errors.NotAllowed, match="not enabled supplies"):
            call()


def test_a_webhook_is_registered_and_removed_and_its_secret_is_not_shown(
    vendor: TenoviClient,
) -> None:
    made = vendor.create_webhook(
        {
            "endpoint": "https://clinic.example/webhooks/alpha/measurements/",
            "event": "MEASUREMENT",
            "auth_header": "Authorization",
            "auth_key": "a-secret-of-ours",
            "post_as_array": True,
        }
    )
    assert (made.auth_key, made.post_as_array) == ("a-secret-of-ours", True)
    assert "a-secret-of-ours" not in repr(made)
    assert made.id in [one.id for one in vendor.webhooks().results]
    vendor.delete_webhook(made.id)
    assert made.id not in [one.id for one in vendor.webhooks().results]


def test_a_bulk_order_comes_with_what_is_in_its_parcels() -> None:
    parcel = {"gateway_id": "AABBCCDDEEFF", "imei": None, "device_type": "Gateway", "mac_address": None}
    wire = {
        "id": 5512,
        "order_number": "SO-1234",
        "shipping_status": "SH",
        "shipping_tracking_link": "https://carrier.example/t/1Z999",
        "fulfilled": True,
        "contents": [{"name": "Tenovi Scale", "quantity": "3", "kit_id": None}, "text"],
        "manifest": [{"loose_items": [parcel | {"model_number": "X"}], "kitted_items": []}, None],
    }
    with VendorStub() as stub:
        stub.reply("/hwi/hwi-bulk-orders/", Reply(body={"count": 2, "next": None, "results": [wire, {}]}))
        page = TenoviClient(stub.url, DOMAIN, KEY, gate=NoLimit()).bulk_orders()
    (one,) = page.results
    assert page.unusable == 1
    assert (one.id, one.order_number, one.shipping_status) == ("5512", "SO-1234", "SH")
    assert [(content.name, content.quantity) for content in one.contents] == [("Tenovi Scale", 3)]
    assert [(item.gateway_id, item.imei, item.device_type) for item in one.manifest] == [
        ("AABBCCDDEEFF", "", "Gateway")
    ]


BAD = [
    (Reply(200, b"<html>sign in</html>", {"Content-Type": "text/html"}), errors.UnreadableAnswer),
    (Reply(201, b'{"id": "0b7c'), errors.UnreadableAnswer),
    (Reply(201, {"status": "Pending Shipment"}), errors.UnreadableAnswer),
    (Reply(200, [7]), errors.UnreadableAnswer),
    (Reply(200, b" " * (SIZE_CAP + 1)), errors.TooLarge),
    (Reply(307, b"", {"Location": "http://127.0.0.1:9/elsewhere/"}), errors.Redirected),
    (Reply(502, b"<html>"), errors.ServerFailed),
    (Reply(429, {}), errors.TooManyRequests),
    (Reply(raw=b"HTTP/1.1 201 Created\r\n\r\n" + b" " * 9000, pause=0.02), errors.NoAnswer),
]


@pytest.mark.parametrize(("reply", "expected"), BAD)
def test_a_bad_answer_to_an_order_is_doubtful_and_nothing_is_sent_twice(
    reply: Reply, expected: type[errors.VendorError]
) -> None:
    with VendorStub() as stub:
        stub.reply("/hwi/hwi-devices/", reply)
        client = TenoviClient(stub.url, DOMAIN, KEY, gate=NoLimit(), deadline=1 if reply.pause else 60)
        with pytest.raises(errors.VendorError) as caught:
            client.create_device(order())
        assert [(asked.method, asked.body) for asked in stub.asked] == [
            ("POST", json.dumps(order()).encode())
        ]
    assert type(caught.value) is expected
    assert caught.value.effect is errors.Effect.DOUBTFUL
    shown = "".join(traceback.format_exception(caught.value))
    assert KEY not in shown
    assert "New Person" not in shown
