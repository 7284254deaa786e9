"""No name that goes into an address at the vendor leaves its place, whichever call it is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tenovi.client import errors
from tenovi.client.endpoints import TenoviClient
from tenovi.client.gate import NoLimit
from tests.vendor_stub import DOMAIN, KEY, VendorStub

LIST = {"created_gte": "2025-01-01T00:00:00Z", "created_lt": "2025-02-01T00:00:00Z"}
NAMED: dict[str, Callable[[TenoviClient, str], Any]] = {
    "device": lambda client, name: client.device(name),
    "update_device": lambda client, name: client.update_device(name, {}),
    "delete_device": lambda client, name: client.delete_device(name),
    "unlink_gateway": lambda client, name: client.unlink_gateway(name),
    "measurements_of_device": lambda client, name: client.measurements_of_device(name, **LIST),
    "measurements_of_patient": lambda client, name: client.measurements_of_patient(name),
    "properties": lambda client, name: client.properties(name),
    "set_property": lambda client, name: client.set_property(name, "key", "value"),
    "gateway": lambda client, name: client.gateway(name),
    "patient": lambda client, name: client.patient(name),
    "update_patient": lambda client, name: client.update_patient(name, {}),
    "delete_patient": lambda client, name: client.delete_patient(name),
    "delete_replacement": lambda client, name: client.delete_replacement(name),
    "delete_supply_request": lambda client, name: client.delete_supply_request(name),
    "delete_webhook": lambda client, name: client.delete_webhook(name),
}
"""The calls that put a name into their path."""
NAMELESS = {
    *("devices", "device_types", "gateways", "hardware_log", "patients", "replacements", "bulk_orders"),
    *("supply_types", "supply_requests", "webhooks"),
    "check_it_answers",  # a path of ours
    *("create_device", "create_patient", "create_replacement", "create_supply_request", "create_webhook"),
}
HELD = (
    "a/../b?c#d",
    "../../x",
    "%2e%2e",
    "..%2f..",
    "a\\..\\b",
    "é;x=1",
    "a.b",
    ".hidden",
    "a\nb",
    "\0",
    "a b",
)
"""Percent-encoded, they stay one part of the path."""
REFUSED = ("", ".", "..", "...")
"""Nothing is sent."""


def test_every_call_is_named_here() -> None:
    public = {name for name in vars(TenoviClient) if name[0] != "_"}
    assert public == NAMED.keys() | NAMELESS


@pytest.mark.parametrize("call", NAMED)
def test_a_name_stays_one_part_of_the_path_or_is_never_sent(call: str) -> None:
    with VendorStub() as stub:
        client = TenoviClient(stub.url, DOMAIN, KEY, gate=NoLimit(), deadline=60)
        for name in HELD:
            with pytest.raises(errors.VendorError):
                NAMED[call](client, name)
            spelled = name.replace("-", "") if call == "gateway" else name
            assert quote(spelled, safe="") in stub.asked[-1].path.split("/"), name
            assert stub.asked[-1].path.startswith(f"/clients/{DOMAIN}/")
        asked = len(stub.asked)
        for name in REFUSED:
            with pytest.raises(errors.Unaddressable):
                NAMED[call](client, name)
        assert len(stub.asked) == asked


@pytest.mark.parametrize("domain", ["..", ".", ""])
def test_a_client_domain_does_not_leave_its_place(domain: str) -> None:
    with VendorStub() as stub:
        client = TenoviClient(stub.url, domain, KEY, gate=NoLimit(), deadline=60)
        for call in (client.devices, client.patients, lambda: NAMED["device"](client, "x")):
            with pytest.raises(errors.Unaddressable):
                call()
        assert stub.asked == []
