"""Promise 7: no content is answered with an error of ours: every shape at every door."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinics.models import Clinic
from tenovi.models import Delivery
from tests.factories import assign, credentials, make_device, make_patient
from tests.faults.house import House
from tests.faults.ledger import the_sweeper_is_done
from tests.tenovi.any_json import DEVICE, anything, nearly_readings, tried

EXAMPLES = 500
MIB = 1024 * 1024
LONGEST_FLOOD = 5.0  # seconds, on a busy machine; a tenth of a second of work

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def link(house: House) -> Iterator[HTTPConnection]:
    """Kept from one body to the next: the answer to each must leave it in order."""
    link = HTTPConnection("127.0.0.1", house.port, timeout=120)
    yield link
    link.close()


@pytest.fixture(scope="module", autouse=True)
def registered(clinic: Clinic) -> None:
    assign(make_device(clinic, hwi_device_id=DEVICE.hwi_device_id), make_patient(clinic))


def post(clinic: Clinic, link: HTTPConnection, body: bytes, kind: str = "measurements") -> tuple[int, bytes]:
    headers = {"Authorization": credentials(clinic), "Content-Type": "application/json"}
    link.request("POST", f"/webhooks/{clinic.slug}/{kind}/", body, headers)
    answer = link.getresponse()
    return answer.status, answer.read()


@tried(EXAMPLES)
@given(
    kind=st.sampled_from(["measurements", "fulfillment", "special-orders"]),
    body=st.one_of(nearly_readings(), anything),
)
def test_whatever_is_posted_at_any_door_is_kept_and_settled(
    clinic: Clinic, link: HTTPConnection, kind: str, body: bytes
) -> None:
    status, said = post(clinic, link, body, kind)
    assert status in (200, 400), said
    kept = Delivery.objects.for_clinic(clinic).get(id=json.loads(said)["delivery"])
    assert bytes(kept.raw) == body
    assert kept.state != "pending" or the_sweeper_is_done(clinic)


FLOODS = {
    "empty objects": b"[" + b"{}," * (MIB // 3 - 1) + b"{}]",
    "as many elements as there may be": b"[" + b'{"a":1},' * 9_999 + b'{"a":1}]',
    "open brackets": b"[" * MIB,
    "digits": b"1" * MIB,
    "one member over and over": b'{"a":1' + b',"a":1' * (MIB // 6 - 2) + b"}",
    "NUL": b'{"a":"' + b"\\u0000" * (MIB // 6 - 2) + b'"}',
}


@pytest.mark.parametrize("flood", FLOODS)
def test_no_mebibyte_takes_long(clinic: Clinic, link: HTTPConnection, flood: str) -> None:
    began = time.monotonic()
    assert post(clinic, link, FLOODS[flood])[0] in (200, 400)
    assert time.monotonic() - began < LONGEST_FLOOD
