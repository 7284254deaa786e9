"""Bodies of every shape for the measurement door, and what must be true of the answer to each."""

from __future__ import annotations

import json

from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from clinics.models import Clinic
from devices.models import Device
from tenovi.models import Delivery
from tests.factories import deliver, element

ODD_NUMBERS = [
    *("1e400", "-1e1000000", "1e-999999", "0e999999", "1e99999999999999999999", "-0", "0.000"),
    "9" * 999,
]
ODD_TEXTS = [
    *("", " ", "\x00", "\ud800", "120.00", "-5", "1_0", "２０", "2025-03-04T15:09:00Z"),
    *("pulse", "spO2", "steps"),
]
DEVICE = Device(hwi_device_id="4b1e9a55-2f4d-4a1c-9e0f-0b7c1f5e6a0d")
"""Who runs a test registers it, so that elements get past the first question."""
MEMBERS = [*element(DEVICE), "patient_id", "sensor_code", "status", "extra"]
PARAMS = ["measurement_index", "device_log_index", "serial_number", "measurement_location", "period"]

numbers = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
texts = st.one_of(st.sampled_from(ODD_TEXTS), st.text(st.characters(codec=None), max_size=30))
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)


@st.composite
def nearly_readings(draw: st.DrawFn) -> bytes:
    """A good element behind one with anything in any member."""
    params = draw(st.dictionaries(st.sampled_from(PARAMS), values, max_size=3))
    changes = draw(st.dictionaries(st.sampled_from(MEMBERS), values, max_size=4))
    odd = element(DEVICE, **{"filter_params": params, **changes})
    if member := draw(st.sampled_from([None, *MEMBERS])):
        odd[member] = "@@"
    token = draw(st.sampled_from(ODD_NUMBERS))
    return json.dumps([odd, element(DEVICE)]).replace('"@@"', token).encode()


anything = st.one_of(values.map(lambda value: json.dumps(value).encode()), st.binary(max_size=60))


def tried(times: int) -> settings:
    return settings(
        max_examples=times, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )


def check(clinic: Clinic, body: bytes) -> None:
    """200 or 400, the bytes kept, every element counted, none left hanging. Leaves nothing behind."""
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
