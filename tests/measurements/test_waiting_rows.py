"""An element that had to wait makes the same reading as one that did not, by webhook and by fetch."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinics.models import Clinic
from measurements.models import Measurement
from measurements.reconcile import store_fetched
from tenovi.client.records import page_of
from tenovi.inbound import deliveries
from tenovi.models import Delivery, DeliveryItem, Request, RequestKind
from tenovi.outbound.enqueue import enqueue
from tenovi.outbound.sender import drain
from tenovi.strict_json import value_of
from tests.factories import assign, deliver, element, make_clinic, make_device, make_patient
from tests.vendor import stub as stub
from tests.vendor import vendor_clinic
from tests.vendor_stub import Reply, VendorStub

DEVICE, HOLDER = uuid.UUID(int=77, version=4), "mrn-7781"
ITS_OWN = {"id", "received_at", "delivery_id", "source"}
"""What a row says about how it came, and not about what was measured."""
_numbers = itertools.count(1)
numbers = st.one_of(
    st.integers(-300, 300),
    st.decimals("-300", "300", allow_nan=False, allow_infinity=False, places=3).map(float),
    st.sampled_from(["120.00", "82", "", None, "x", 1e300]),
)
offsets = st.sampled_from([-5, 5.5, 5.75, "5.5", -2147483648, None, 13.0, True])


@st.composite
def elements(draw: st.DrawFn) -> bytes:
    """A reading as somebody might spell it; not each can be stored."""
    metric = draw(st.sampled_from(["blood_pressure", "pulse", "heart_rate_statistics", "unheard_of"]))
    params = draw(
        st.fixed_dictionaries(
            {}, optional={"measurement_index": numbers, "device_log_index": numbers, "extra": numbers}
        )
    )
    made = element(
        DEVICE,
        metric=metric,
        value_1=draw(numbers),
        value_2=draw(numbers),
        timezone_offset=draw(offsets),
        estimated_timestamp=draw(st.sampled_from([True, False, None])),
        filter_params=params,
        patient_id=draw(st.sampled_from([HOLDER, None])),
    )
    return json.dumps(made, indent=draw(st.sampled_from([None, 1]))).encode()


def register(clinic: Clinic) -> None:
    patient = make_patient(clinic, HOLDER)
    assign(make_device(clinic, hwi_device_id=DEVICE), patient)


def fetch(clinic: Clinic, piece: bytes) -> None:
    body = b'{"count": 1, "next": null, "results": [ ' + piece + b" ]}"
    value = value_of(body)
    page = page_of(value, lambda row: row)
    with transaction.atomic():
        store_fetched(
            Request(clinic=clinic, kind=RequestKind.MEASUREMENTS, target="x"),
            type(page)(page.results, "", 1, 0, body=body),
        )


def rows(clinic: Clinic) -> list[dict[str, Any]]:
    found = Measurement.objects.for_clinic(clinic).select_related("patient", "device").order_by("id")
    taken = []
    for row in found:
        fields = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
        fields |= {
            "patient_id": row.patient and row.patient.external_id,
            "device_id": None,
            "clinic_id": None,
        }
        taken.append({name: value for name, value in fields.items() if name not in ITS_OWN})
    return taken


WAYS: dict[str, Callable[[Clinic, bytes], Any]] = {"webhook": deliver, "fetch": fetch}


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(elements())
def test_waiting_changes_nothing_about_a_reading(piece: bytes) -> None:
    found, number = {}, next(_numbers)  # of the example: each has clinics of its own
    for way, come in WAYS.items():
        at_once, waiting = make_clinic(f"{way}-at-once-{number}"), make_clinic(f"{way}-waiting-{number}")
        register(at_once)
        come(at_once, piece)
        come(waiting, piece)
        assert rows(waiting) == []
        register(waiting)
        deliveries.settle_waiting_of(waiting)
        found[way] = rows(at_once), rows(waiting)
        source = Measurement.objects.for_clinic(waiting).values_list("source", flat=True)
        assert set(source) <= {way}
    assert found["webhook"][0] == found["webhook"][1] == found["fetch"][0] == found["fetch"][1]


@pytest.fixture
def clinic(stub: VendorStub) -> Iterator[Clinic]:
    yield vendor_clinic()


@pytest.mark.django_db(transaction=True)
def test_a_fetched_row_that_must_wait_is_kept_byte_for_byte_and_once(
    clinic: Clinic, stub: VendorStub
) -> None:
    device = make_device(clinic)
    odd = (
        b'{"metric":"blood_pressure", "hwi_device_id": "%s",\n "value_1": 120.50, "value_2": 8.20e1,'
        b' "timestamp": "2025-03-04T15:09:00Z", "timezone_offset": 5.5, "patient_id": "\\u00e9" }'
        % str(DEVICE).encode()
    )
    path = f"/hwi/hwi-devices/{device.hwi_device_id}/measurements/"
    whole = b'{"count": 1, "previous": null, "next": null, "results": [' + odd + b"]}"
    for _ in range(2):
        stub.reply(path, Reply(200, whole))
        span = {"created_gte": "2025-03-01T00:00:00Z", "created_lt": "2025-04-01T00:00:00Z"}
        target = f"{device.hwi_device_id}@x"
        enqueue(clinic, RequestKind.MEASUREMENTS, target, params=span, insist=True)
        drain()
    kept = Delivery.objects.for_clinic(clinic).get()
    assert bytes(kept.raw) == bytes(DeliveryItem.objects.for_clinic(clinic).get().raw or b"") == odd
    assert kept.fetched


@pytest.mark.django_db
def test_what_waits_from_a_webhook_is_not_kept_again_when_it_is_fetched() -> None:
    clinic = make_clinic("alpha")
    deliver(clinic, element(DEVICE, value_1=131.0, filter_params={"measurement_index": 412, "extra": 1}))
    fetched = element(DEVICE, value_1="131.00", value_2="82", filter_params={"measurement_index": 412})
    fetch(clinic, json.dumps(fetched).encode())
    assert Delivery.objects.for_clinic(clinic).count() == 1
    fetch(clinic, json.dumps(element(DEVICE, value_1="132.00")).encode())
    assert Delivery.objects.for_clinic(clinic).count() == 2


@pytest.mark.django_db
def test_a_row_that_is_no_object_is_kept_and_costs_no_other() -> None:
    clinic = make_clinic("alpha")
    register(clinic)
    for odd in (b"7", b"[{}]", b'"text"', b"null") * 2:
        body = b"[" + odd + b", " + json.dumps(element(DEVICE)).encode() + b"]"
        page = page_of(value_of(body), lambda row: row)
        store_fetched(
            Request(clinic=clinic, kind=RequestKind.MEASUREMENTS, target="x"),
            type(page)(page.results, "", 2, 0, body=body),
        )
    assert Measurement.objects.for_clinic(clinic).count() == 1
    assert Delivery.objects.for_clinic(clinic).filter(state="rejected").count() == 4
