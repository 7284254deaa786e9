"""Whatever is posted: an answer of the public table, the bytes kept, and no element left hanging."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinics.models import Clinic
from devices.models import Device
from tenovi.models import Delivery
from tests.factories import deliver, element, held_device, make_clinic

pytestmark = pytest.mark.django_db
tried = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

ODD_NUMBERS = [
    "1e400",
    "-1e1000000",
    "1e-999999",
    "0e999999",
    "1e99999999999999999999",
    "-0",
    "0.000",
    "9" * 999,
]
ODD_TEXTS = [
    "",
    " ",
    "\x00",
    "\ud800",
    "120.00",
    "-5",
    "1_0",
    "２０",
    "2025-03-04T15:09:00Z",
    "pulse",
    "spO2",
    "steps",
]

numbers = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
texts = st.one_of(st.sampled_from(ODD_TEXTS), st.text(st.characters(codec=None), max_size=30))
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)
MEMBERS = [*element(Device(hwi_device_id="0" * 32)), "patient_id", "sensor_code", "status", "extra"]
PARAMS = ["measurement_index", "device_log_index", "serial_number", "measurement_location", "period"]


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def device(clinic: Clinic) -> Device:
    return held_device(clinic)


def check(clinic: Clinic, body: bytes) -> None:
    with transaction.atomic():
        answer = deliver(clinic, body)
        assert answer.status_code in (200, 400)
        kept = Delivery.objects.for_clinic(clinic).get(id=answer.json()["delivery"])
        assert bytes(kept.raw) == body
        if answer.status_code == 200:
            counts = answer.json()
            assert counts["pending"] == 0
            assert counts["received"] == kept.elements > 0
        transaction.set_rollback(True)


@tried
@given(
    changes=st.dictionaries(st.sampled_from(MEMBERS), values, max_size=4),
    params=st.dictionaries(st.sampled_from(PARAMS), values, max_size=3),
    token=st.sampled_from(ODD_NUMBERS),
    member=st.sampled_from([None, *MEMBERS]),
)
def test_an_element_with_anything_in_any_member(
    clinic: Clinic,
    device: Device,
    changes: dict[str, Any],
    params: dict[str, Any],
    token: str,
    member: str | None,
) -> None:
    sent = element(device, **{"filter_params": params, **changes})
    if member:
        sent[member] = "@@"
    check(clinic, json.dumps([sent, element(device)]).replace('"@@"', token).encode())


@tried
@given(body=st.one_of(values.map(lambda value: json.dumps(value).encode()), st.binary(max_size=60)))
def test_any_json_and_any_bytes(clinic: Clinic, body: bytes) -> None:
    check(clinic, body)
