"""Each way in which the vendor may misbehave can be ordered, happens as often as ordered, and ends."""

from __future__ import annotations

import time

import pytest
import requests

from tests.sandbox_server import Sandbox

DEVICES = "/hwi/hwi-devices/"


@pytest.fixture
def fast(sandbox: Sandbox) -> Sandbox:
    sandbox.control("settings", {"rate_seconds": 0})
    return sandbox


def test_a_status_comes_as_often_as_ordered(fast: Sandbox) -> None:
    fast.control("faults", {"kind": "status", "status": 500, "times": 2})
    assert [fast.call(DEVICES).status_code for _ in range(3)] == [500, 500, 200]


def test_a_throttled_answer_may_say_how_long_to_wait_or_not(fast: Sandbox) -> None:
    fast.control("faults", {"kind": "status", "status": 429, "retry_after": 7})
    fast.control("faults", {"kind": "status", "status": 429})
    assert fast.call(DEVICES).headers["Retry-After"] == "7"
    assert "Retry-After" not in fast.call(DEVICES).headers


def test_a_fault_waits_for_its_path_and_method(fast: Sandbox) -> None:
    fast.control("faults", {"kind": "status", "status": 403, "path": "hwi-patients", "method": "GET"})
    assert fast.call(DEVICES).status_code == 200
    assert fast.call("/hwi/hwi-patients/").status_code == 403


def test_a_fault_may_wait_for_one_page_of_a_list(fast: Sandbox) -> None:
    fast.control("faults", {"kind": "status", "status": 404, "path": "hwi-devices/?page=2&", "times": None})
    for _ in range(2):
        assert fast.call(f"{DEVICES}?page=1&page_size=5").status_code == 200
        assert fast.call(f"{DEVICES}?page=2&page_size=5").status_code == 404
    assert fast.call("/hwi/hwi-patients/?page=2&page_size=5").status_code == 200


def test_faults_without_end_are_taken_back(fast: Sandbox) -> None:
    fast.control("faults", {"kind": "html", "times": None})
    assert {fast.call(DEVICES).headers["Content-Type"] for _ in range(3)} == {"text/html"}
    fast.control("faults", method="DELETE")
    assert fast.call(DEVICES).headers["Content-Type"] == "application/json"


def test_a_dropped_answer_never_comes_though_the_call_was_made(fast: Sandbox) -> None:
    fast.control("faults", {"kind": "drop"})
    with pytest.raises(requests.ConnectionError):
        fast.call(DEVICES)
    assert fast.requests()[-1]["status"] is None


def test_half_an_answer_is_no_json_or_ends_too_soon(fast: Sandbox) -> None:
    fast.control("faults", {"kind": "half"})
    with pytest.raises(requests.JSONDecodeError):
        fast.call(DEVICES).json()
    fast.control("faults", {"kind": "cut"})
    with pytest.raises(requests.RequestException):
        fast.call(DEVICES)


def test_an_answer_can_be_huge_elsewhere_or_of_other_types(fast: Sandbox) -> None:
    fast.control("faults", {"kind": "huge", "megabytes": 2})
    assert len(fast.call(DEVICES).content) > 2_000_000
    fast.control("faults", {"kind": "redirect", "to": "http://elsewhere.example/"})
    assert fast.call(DEVICES).headers["Location"] == "http://elsewhere.example/"
    fast.control("faults", {"kind": "body", "body": {"results": 17}})
    assert fast.call(DEVICES).json() == {"results": 17}


def test_a_slow_answer_comes_byte_by_byte(fast: Sandbox) -> None:
    fast.control("faults", {"kind": "slow", "pause": 0.001})
    begun = time.monotonic()
    answer = fast.call("/hwi/hwi-patients/P-0001/")
    assert answer.json()["external_id"] == "P-0001"
    assert time.monotonic() - begun >= 0.001 * len(answer.content)


@pytest.mark.parametrize(
    "order", [{"kind": "earthquake"}, {}, {"kind": "slow", "speed": 3}, {"kind": "redirect"}]
)
def test_an_order_that_cannot_be_followed_is_refused_at_once(fast: Sandbox, order: dict[str, object]) -> None:
    with pytest.raises(requests.HTTPError, match="400"):
        fast.control("faults", order)
    assert fast.call(DEVICES).status_code == 200


def test_a_setting_that_does_not_exist_is_refused(fast: Sandbox) -> None:
    with pytest.raises(requests.HTTPError, match="400"):
        fast.control("settings", {"mood": "bad"})
