"""The sandbox answers like the vendor: same shapes, same doors, same speed limit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tenovi import catalogue
from tests.sandbox_server import Sandbox

PAYLOADS = Path(__file__).parent.parent / "payloads"


def captured(name: str) -> Any:
    return json.loads((PAYLOADS / name).read_text(encoding="utf-8"))


def differences(ours: Any, theirs: Any, where: str = "") -> Iterator[str]:
    """Where an answer departs from a captured shape: other keys or types. Null may stand for anything."""
    if ours is None or theirs is None:
        return
    if type(ours) is not type(theirs):
        yield f"{where}: {type(ours).__name__} instead of {type(theirs).__name__}"
    elif isinstance(ours, dict):
        if ours.keys() != theirs.keys():
            yield f"{where}: keys {ours.keys() ^ theirs.keys()}"
        for key in ours.keys() & theirs.keys():
            yield from differences(ours[key], theirs[key], f"{where}.{key}")
    elif isinstance(ours, list) and theirs:
        for place, element in enumerate(ours):
            yield from differences(element, theirs[0], f"{where}[{place}]")


def no_limit(sandbox: Sandbox) -> Sandbox:
    sandbox.control("settings", {"rate_seconds": 0})
    return sandbox


@pytest.fixture
def fast(sandbox: Sandbox) -> Sandbox:
    """For tests of other things than the speed limit."""
    return no_limit(sandbox)


@pytest.fixture
def device_id(fast: Sandbox) -> str:
    return str(fast.call("/hwi/hwi-devices/").json()[0]["id"])


@pytest.mark.parametrize(
    ("path", "query", "shape"),
    [
        ("/hwi/hwi-devices/", {"page": 1}, "api/device-page.json"),
        ("/hwi/hwi-devices/", {}, "api/device-array.json"),
        ("/hwi/hwi-devices/{device}/", {}, "api/device-with-further-keys.json"),
        ("/hwi/hwi-devices/{device}/measurements/", {"page": 1}, "api/measurement-page.json"),
        ("/hwi/hwi-devices/{device}/measurements/", {}, "measurements/fetched-rows.json"),
        ("/hwi/patients/P-0001/measurements/", {"page": 1}, "api/measurement-page.json"),
        ("/hwi/hwi-device-types/", {}, "api/device-types.json"),
        ("/hwi/hwi-patients/", {}, "api/patient-page.json"),
        ("/hwi/hwi-patients/P-0001/", {}, "api/patient.json"),
        ("/hwi/hwi-gateways/", {}, "api/gateway-page.json"),
        ("/hwi/gateway-info/{gateway}/", {}, "api/gateway-info.json"),
        ("/hwi/nothing-here/", {}, "api/error-detail.json"),
    ],
)
def test_answers_have_the_captured_shapes(
    fast: Sandbox, path: str, query: dict[str, Any], shape: str
) -> None:
    device = fast.call("/hwi/hwi-devices/").json()[0]
    path = path.format(device=device["id"], gateway=device["device"]["hardware_uuid"])
    ours, theirs = fast.call(path, **query).json(), captured(shape)
    assert ours
    # Devices are served with the keys that newer clients declare, and rows of one device with its context.
    if shape.startswith("api/device-") and "further" not in shape:
        theirs = _with_device(theirs, captured("api/device-with-further-keys.json"))
    for row in _rows(ours) + _rows(theirs):
        row["filter_params"] = None
    assert list(differences(ours, theirs)) == []


def _with_device(shape: Any, device: Any) -> Any:
    if isinstance(shape, list):
        return [device] if "device" in shape[0] else shape
    return shape | {"results": [device]}


def _rows(answer: Any) -> list[dict[str, Any]]:
    rows = answer.get("results", []) if isinstance(answer, dict) else answer
    return [row for row in rows if "filter_params" in row]


def test_context_of_each_metric_has_the_captured_keys(fast: Sandbox) -> None:
    shapes: dict[tuple[str, str], set[str]] = {}
    for order, kind in enumerate(catalogue.kinds(), start=1):
        for row in captured(f"measurements/kinds/{order:02}-{kind.slug}.json"):
            shapes.setdefault((kind.slug, row["metric"]), set()).update(row["filter_params"] or {})
    for device in fast.call("/hwi/hwi-devices/").json():
        used = catalogue.kind_for(device["device"]["name"], "")
        assert used is not None
        for row in fast.call(f"/hwi/hwi-devices/{device['id']}/measurements/").json():
            assert set(row["filter_params"] or {}) <= shapes[used.slug, row["metric"]], row


@pytest.mark.parametrize("key", ["wrong", ""])
def test_a_wrong_key_is_refused(sandbox: Sandbox, key: str) -> None:
    answer = sandbox.call("/hwi/hwi-devices/", key=key or "Sandbox-Key")
    assert answer.status_code == 403
    assert answer.json().keys() == {"detail"}


def test_the_word_before_the_key_is_case_sensitive(sandbox: Sandbox) -> None:
    url = f"{sandbox.url}/clients/demo/hwi/hwi-devices/"
    assert requests.get(url, headers={"Authorization": "api-key sandbox-key"}, timeout=60).status_code == 403
    assert requests.get(url, headers={"Authorization": "Api-Key sandbox-key"}, timeout=60).status_code == 200


def test_another_client_domain_does_not_exist(sandbox: Sandbox) -> None:
    answer = requests.get(f"{sandbox.url}/clients/nobody/hwi/hwi-devices/", timeout=60)
    assert answer.status_code == 404


def test_without_the_last_slash_the_call_is_redirected_and_arrives_without_its_key(sandbox: Sandbox) -> None:
    redirect = sandbox.call("/hwi/hwi-devices")
    assert redirect.status_code == 301
    assert urlsplit(redirect.headers["Location"]).path == "/clients/demo/hwi/hwi-devices/"
    followed = requests.get(
        f"{sandbox.url}/clients/demo/hwi/hwi-devices",
        headers={"Authorization": "Api-Key sandbox-key"},
        timeout=60,
    )
    assert followed.status_code == 403
    assert [each["key"] for each in sandbox.requests()][-1] == ""


def test_a_key_is_let_in_once_a_second_and_other_keys_do_not_wait_for_it(sandbox: Sandbox) -> None:
    sandbox.control("keys", {"keys": ["sandbox-key", "other-key"]})
    first, second = sandbox.call("/hwi/hwi-patients/"), sandbox.call("/hwi/hwi-patients/")
    other = sandbox.call("/hwi/hwi-patients/", key="other-key")
    assert (first.status_code, second.status_code, other.status_code) == (200, 429, 200)
    assert second.headers["Retry-After"] == "1"
    seen = sandbox.requests()
    assert [(each["key"], each["status"]) for each in seen] == [
        ("sandbox-key", 200),
        ("sandbox-key", 429),
        ("other-key", 200),
    ]
    assert seen[0]["monotonic"] < seen[1]["monotonic"] < seen[0]["monotonic"] + 1


def test_pages_hold_everything_once_and_their_links_name_another_host(fast: Sandbox) -> None:
    everything = fast.call("/hwi/hwi-devices/").json()
    pages, number = [], 1
    while True:
        page = fast.call("/hwi/hwi-devices/", page=number, page_size=10).json()
        pages += page["results"]
        assert page["count"] == len(everything)
        if page["next"] is None:
            break
        assert page["next"] == (
            f"https://api.tenovi.com/clients/demo/hwi/hwi-devices/?page={number + 1}&page_size=10"
        )
        number += 1
    assert [device["id"] for device in pages] == [device["id"] for device in everything]
    assert fast.call("/hwi/hwi-devices/", page=number + 1, page_size=10).status_code == 404


def test_a_page_has_at_most_a_thousand_rows_and_a_bare_list_is_cut(fast: Sandbox) -> None:
    watch = next(d for d in fast.call("/hwi/hwi-devices/").json() if d["device"]["name"] == "Tenovi Watch")
    path = f"/hwi/hwi-devices/{watch['id']}/measurements/"
    page = fast.call(path, page=1, page_size=5000).json()
    assert (len(page["results"]), page["count"] > 1000) == (1000, True)
    bare = fast.call(path).json()
    assert len(bare) == 1000
    fast.control("settings", {"bare_limit": 10_000})
    month_ago = datetime.now(UTC) - timedelta(days=30, minutes=1)
    longer = fast.call(path).json()
    assert 1000 < len(longer) < page["count"]
    assert all(datetime.fromisoformat(row["created"]) >= month_ago for row in longer)


def test_measurements_are_filtered_from_inclusive_to_exclusive(fast: Sandbox, device_id: str) -> None:
    path = f"/hwi/hwi-devices/{device_id}/measurements/"
    rows = fast.call(path, page=1, page_size=1000, metric__name="pulse").json()["results"]
    assert {row["metric"] for row in rows} == {"pulse"}
    newer, older = rows[3]["created"], rows[8]["created"]
    within = fast.call(path, page=1, metric__name="pulse", created__gte=older, created__lt=newer).json()
    assert within["results"] == rows[4:9]
    taken = fast.call(path, page=1, metric__name="pulse", timestamp__gte=rows[5]["timestamp"]).json()[
        "results"
    ]
    assert rows[5] in taken
    assert all(row["timestamp"] >= rows[5]["timestamp"] for row in taken)
    assert fast.call(path, page=1, created__gte="yesterday").status_code == 400


def test_devices_are_found_by_patient_hardware_and_words(fast: Sandbox) -> None:
    of_patient = fast.call("/hwi/hwi-devices/", patient__external_id="P-0001").json()
    assert {device["patient_id"] for device in of_patient} == {"P-0001"}
    gateway = of_patient[0]["device"]["hardware_uuid"]
    by_gateway = fast.call("/hwi/hwi-devices/", device__hardware_uuid__iexact=gateway.upper()).json()
    assert by_gateway == of_patient
    assert fast.call("/hwi/hwi-devices/", device__hardware_uuid=gateway).json() == of_patient
    assert fast.call("/hwi/hwi-devices/", device__hardware_uuid=gateway.upper()).json() == []
    hailie = fast.call("/hwi/hwi-devices/", search="hailie").json()
    assert [device["device"]["name"] for device in hailie] == ["Hailie Sensor"]


def test_patients_and_devices_are_read_whatever_the_case_of_their_id(fast: Sandbox, device_id: str) -> None:
    assert fast.call("/hwi/hwi-patients/p-0001/").json()["external_id"] == "P-0001"
    assert fast.call(f"/hwi/hwi-devices/{device_id.upper()}/").json()["id"] == device_id
    gateway = fast.call(f"/hwi/hwi-devices/{device_id}/").json()["device"]["hardware_uuid"]
    assert fast.call(f"/hwi/gateway-info/{gateway}/").json()["gateway_uuid"] == gateway
    for missing in ("hwi-patients/P-9999", "gateway-info/000000000000", "hwi-devices/no-such-device"):
        assert fast.call(f"/hwi/{missing}/").status_code == 404


def test_a_gateway_goes_by_the_vendors_spelling_unless_the_vendor_does_not_mind(
    fast: Sandbox, device_id: str
) -> None:
    """Its pages print ids in lower case; answers that others recorded had them in upper case."""

    def gateway() -> str:
        return str(fast.call(f"/hwi/hwi-devices/{device_id}/").json()["device"]["hardware_uuid"])

    def reads(spelling: str) -> int:
        return fast.call(f"/hwi/gateway-info/{spelling}/").status_code

    lower = gateway()
    assert lower == lower.lower() != lower.upper()
    assert (reads(lower), reads(lower.upper())) == (200, 404)
    fast.control("settings", {"hardware_case": "upper"})
    assert gateway() == lower.upper()
    assert (reads(lower), reads(lower.upper())) == (404, 200)
    fast.control("settings", {"minds_case": False})
    assert (reads(lower), reads(lower.upper())) == (200, 200)


def test_gateways_are_ordered_and_weak_ones_are_weak(fast: Sandbox) -> None:
    rows = fast.call("/hwi/hwi-gateways/", ordering="-last_measurement").json()["results"]
    last = [row["last_measurement"] or "" for row in rows]
    assert last == sorted(last, reverse=True)
    never = fast.call("/hwi/hwi-gateways/", last_measurement__isnull="true").json()["results"]
    assert [row["last_measurement"] for row in never] == [None]
    signals = [row["last_signal_strength"] for row in rows if row["last_signal_strength"] is not None]
    assert min(signals) <= 10 < 25 <= max(signals)


def test_what_is_not_offered_is_refused_as_a_method(fast: Sandbox) -> None:
    assert fast.call("/hwi/hwi-device-types/", method="DELETE").status_code == 405
