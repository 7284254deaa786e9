"""Promise 7: no content is answered with an error of ours. As in `make test`, with fifty times as many bodies."""

from __future__ import annotations

import json
from http.client import HTTPConnection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinics.models import Clinic
from tenovi.models import Delivery
from tests.factories import assign, credentials, make_device, make_patient
from tests.faults.house import House
from tests.tenovi.any_json import DEVICE, anything, nearly_readings, tried

EXAMPLES = 3000

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def link(house: House) -> HTTPConnection:
    """Kept from one body to the next: the answer to each must leave it in order."""
    return HTTPConnection("127.0.0.1", house.port, timeout=30)


@pytest.fixture(scope="module", autouse=True)
def registered(clinic: Clinic) -> None:
    assign(make_device(clinic, hwi_device_id=DEVICE.hwi_device_id), make_patient(clinic))


@tried(EXAMPLES)
@given(
    kind=st.sampled_from(["measurements", "fulfillment", "special-orders"]),
    body=st.one_of(nearly_readings(), anything),
)
def test_whatever_is_posted_at_any_door_is_kept_and_settled(
    clinic: Clinic, link: HTTPConnection, kind: str, body: bytes
) -> None:
    headers = {"Authorization": credentials(clinic), "Content-Type": "application/json"}
    link.request("POST", f"/webhooks/{clinic.slug}/{kind}/", body, headers)
    answer = link.getresponse()
    said = answer.read()
    assert answer.status in (200, 400), said
    kept = Delivery.objects.for_clinic(clinic).get(id=json.loads(said)["delivery"])
    assert bytes(kept.raw) == body
    assert kept.state != "pending"
