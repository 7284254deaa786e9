"""The sandbox serves what the vendor's pages name, and no other method or path; so does our client."""

from __future__ import annotations

import re

from tenovi.client import endpoints
from tenovi.sandbox.routes import ROUTES

READ, BOTH = {"GET"}, {"GET", "POST"}
DOCUMENTED: dict[str, set[str]] = {
    # https://tenovi.com/api-docs/ (devices, measurements, gateways, properties, log, supplies)
    "/hwi/hwi-devices/": BOTH,
    "/hwi/hwi-devices/<>/": {"GET", "PUT", "DELETE"},
    "/hwi/unlink-gateway/<>/": READ,
    "/hwi/hwi-devices/<>/measurements/": READ,
    "/hwi/patients/<>/measurements/": READ,
    "/hwi/hwi-devices/<>/properties/": BOTH,
    "/hwi/hwi-device-types/": READ,
    "/hwi/gateway-info/<>/": READ,
    "/hwi/hwi-gateways/": READ,
    "/hwi/hardware-uuid-logs/": READ,
    "/devices/supply-requests/": BOTH,
    "/devices/supply-requests/<>/": {"DELETE"},
    # https://docs.tenovi.com/hwi-api/ (patients, replacements, bulk orders, webhooks, supplies)
    "/hwi/hwi-hardware-uuid-logs/": READ,
    "/hwi/hwi-patients/": BOTH,
    "/hwi/hwi-patients/<>/": {"GET", "PUT", "PATCH", "DELETE"},
    "/hwi/hwi-replacements/": BOTH,
    "/hwi/hwi-replacements/<>/": {"GET", "DELETE"},
    "/hwi/hwi-bulk-orders/": READ,
    "/hwi/webhooks/": BOTH,
    "/asr/supply-types/": READ,
    "/asr/supply-requests/": BOTH,
    "/asr/supply-requests/<>/": {"DELETE"},
}
DECLARED = {"/hwi/hwi-devices/<>/": {"PATCH"}, "/hwi/webhooks/<>/": {"GET", "DELETE"}}
"""By public integrations alone: a device is changed so where an account refuses PUT (off unless a test turns
it on), and without the other nobody could end what Tenovi posts to an address."""


def test_every_route_is_on_a_page_of_the_vendors() -> None:
    served = {
        re.sub(r"\(\?P<\w+>\[\^/\]\+\)", "<>", pattern.pattern): set(methods) for pattern, methods in ROUTES
    }
    unknown = {
        path: methods - DOCUMENTED.get(path, set()) - DECLARED.get(path, set())
        for path, methods in served.items()
    }
    assert not {path: methods for path, methods in unknown.items() if methods}


def test_our_client_names_no_path_that_is_not_served() -> None:
    paths = {
        value for name, value in vars(endpoints).items() if name.isupper() and str(value).startswith("/")
    }
    assert {re.sub(r"\{\w+\}", "<>", path) for path in paths} <= DOCUMENTED.keys() | DECLARED.keys()
