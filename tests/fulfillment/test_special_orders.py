"""The special-order door: one row an order, its steps kept, the vendor's newest message on top."""

from __future__ import annotations

import itertools
import json
import random
import uuid
from typing import Any

import pytest

from clinics.models import Clinic
from fulfillment.models import SpecialOrder, SpecialOrderEvent
from tenovi.models import DeliveryItem
from tests.factories import ABSENT, assign, make_clinic, make_device, make_patient
from tests.fulfillment.vendor import order, payload, reasons, tell_order, the_order

MADE_UP_DEVICE = uuid.UUID("0b7c1f5e-6a0d-4b1e-9a55-2f4d7a1c9e01")

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


def at(hour: int) -> str:
    return f"2025-03-04T{hour:02}:00:00.000000Z"


def steps(clinic: Clinic) -> list[str]:
    return list(SpecialOrderEvent.objects.for_clinic(clinic).oldest_first().values_list("status", flat=True))


def test_a_bulk_order_keeps_contents_and_manifest(clinic: Clinic) -> None:
    sent = payload("special-orders/bulk")
    assert tell_order(clinic, sent) == {"stored": 1}
    kept = the_order(clinic)
    assert (kept.request_id, kept.order_number, kept.order_type) == (sent["request_id"], "SO-1234", "BU")
    assert (kept.status, kept.tracking_link) == ("Shipped", "https://carrier.example/t/1Z888")
    assert (kept.contents, kept.manifest) == (sent["contents"], sent["manifest"])
    assert kept.updated_on and kept.updated_on.isoformat() == "2025-03-04T16:02:10+00:00"
    assert (kept.patient, kept.hardware_uuid) == (None, "")


@pytest.mark.parametrize("name", ["supply", "replacement"])
def test_an_order_for_a_patient_is_theirs(clinic: Clinic, name: str) -> None:
    patient = make_patient(clinic, "MRN-7781")
    assert tell_order(clinic, payload(f"special-orders/{name}")) == {"stored": 1}
    assert the_order(clinic).patient == patient


def test_an_order_that_names_only_a_device_is_for_whoever_has_it(clinic: Clinic) -> None:
    device, patient = make_device(clinic, hwi_device_id=MADE_UP_DEVICE), make_patient(clinic)
    assign(device, patient)
    tell_order(clinic, payload("special-orders/replacement") | {"patient_id": None})
    assert the_order(clinic).patient == patient


def test_an_order_for_somebody_else_than_has_the_device_waits(clinic: Clinic) -> None:
    assign(make_device(clinic, hwi_device_id=MADE_UP_DEVICE), make_patient(clinic, "somebody-else"))
    assert tell_order(clinic, payload("special-orders/replacement")) == {"quarantined": 1}
    item = DeliveryItem.objects.for_clinic(clinic).get()
    assert (item.reason, item.hwi_device_id) == ("wrong_patient", MADE_UP_DEVICE)


def test_an_order_for_a_patient_not_known_yet_is_found_once_they_are(clinic: Clinic) -> None:
    tell_order(clinic, order(patient_id="MRN-7781"))
    patient = make_patient(clinic)
    assert the_order(clinic).patient is None
    assert SpecialOrder.objects.for_clinic(clinic).of_patient(patient).exists()


@pytest.mark.parametrize("client_device_id", ["not-a-uuid", str(uuid.UUID(int=404)), 17, None, ["x"]])
def test_an_unknown_device_does_not_hold_an_order_back(clinic: Clinic, client_device_id: Any) -> None:
    assert tell_order(clinic, order(client_device_id=client_device_id)) == {"stored": 1}


def test_every_order_of_arrival_ends_with_the_newest_message(clinic: Clinic) -> None:
    statuses = ["Pending", "Shipped", "Delivered"]
    for number, turn in enumerate(itertools.permutations(range(3))):
        for place in turn:
            tell_order(
                clinic, order(request_id=str(number), status=statuses[place], updated_on=at(10 + place))
            )
    found = SpecialOrder.objects.for_clinic(clinic)
    assert {(each.status, each.updated_on.hour if each.updated_on else 0) for each in found} == {
        ("Delivered", 12)
    }
    assert steps(clinic) == [status for status in statuses for _ in range(6)]


def test_within_one_status_the_newest_message_counts(clinic: Clinic) -> None:
    shipped = order(updated_on=at(10), tracking_link="ups.com/1")
    corrected = order(updated_on=at(11), tracking_link="ups.com/2")
    assert tell_order(clinic, [shipped, shipped]) == {"stored": 1, "duplicates": 1}
    assert tell_order(clinic, corrected) == {"updated": 1}
    assert tell_order(clinic, [shipped, corrected]) == {"duplicates": 2}
    assert the_order(clinic).tracking_link == "ups.com/2"
    assert steps(clinic) == ["Shipped"]
    assert reasons(clinic) == ["no_newer_update", "newer_update", "no_newer_update", "no_newer_update"]


@pytest.mark.parametrize("updated_on", [at(10), None])
def test_of_two_messages_with_one_time_the_one_that_says_more_counts_in_either_order(
    clinic: Clinic, updated_on: str | None
) -> None:
    bare = {"updated_on": updated_on, "tracking_link": None, "hardware_uuid": None}
    tracked = {"updated_on": updated_on, "tracking_link": "ups.com/1", "hardware_uuid": None}
    for number, turn in enumerate(itertools.permutations([bare, tracked, bare])):
        for message in turn:
            tell_order(clinic, order(request_id=str(number), **message))
    links = SpecialOrder.objects.for_clinic(clinic).values_list("tracking_link", flat=True)
    assert set(links) == {"ups.com/1"}


def test_messages_without_a_time_follow_the_journey(clinic: Clinic) -> None:
    tell_order(clinic, order(status="delivered", updated_on=None))
    tell_order(clinic, order(status="Pending", updated_on="yesterday"))
    assert the_order(clinic).status == "Delivered"
    tell_order(clinic, order(status="Returned", updated_on="9999-12-31T00:00:00Z"))
    assert the_order(clinic).status == "Returned"


def test_two_orders_and_two_clinics_do_not_meet(clinic: Clinic) -> None:
    other = make_clinic("beta")
    assert tell_order(clinic, [order(), order(request_id="another")]) == {"stored": 2}
    assert tell_order(other, order()) == {"stored": 1}


def test_one_bodys_steps_of_one_order_end_as_if_sent_alone(clinic: Clinic) -> None:
    body = [
        order(status=status, updated_on=at(hour))
        for hour, status in enumerate(["Pending", "Shipped", "Lost"])
    ]
    random.Random(7).shuffle(body)
    assert tell_order(clinic, [*body, *body]) == {"stored": 3, "duplicates": 3}
    assert (the_order(clinic).status, steps(clinic)) == ("Lost", ["Pending", "Shipped", "Lost"])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"request_id": ABSENT}, "request_id_unusable"),
        ({"request_id": None}, "request_id_unusable"),
        ({"request_id": True}, "request_id_unusable"),
        ({"request_id": " "}, "request_id_unusable"),
        ({"request_id": "x" * 101}, "request_id_unusable"),
        ({"status": ABSENT}, "status_missing"),
        ({"status": 3}, "status_missing"),
        ({"patient_id": True}, "patient_id_unusable"),
    ],
)
def test_what_cannot_be_trusted_waits_with_its_reason_and_costs_no_sibling(
    clinic: Clinic, changes: dict[str, Any], reason: str
) -> None:
    assert tell_order(clinic, [order(**changes), order(request_id="good")]) == {"quarantined": 1, "stored": 1}
    assert reasons(clinic) == [reason]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"null", "not_an_object"),
        (b"{}", "empty_object"),
        (b'{"request_id": "1", "request_id": "2"}', "repeated_member"),
        (json.dumps(payload("fulfillment/shipped")).encode(), "wrong_door"),
        (json.dumps(payload("measurements/published-object")).encode(), "wrong_door"),
    ],
)
def test_an_element_of_another_shape_waits_with_its_reason(clinic: Clinic, bad: bytes, reason: str) -> None:
    good = json.dumps(order()).encode()
    assert tell_order(clinic, b"[" + bad + b"," + good + b"]") == {"quarantined": 1, "stored": 1}
    assert reasons(clinic) == [reason]


@pytest.mark.parametrize(
    "changes",
    [
        {"contents": "2 cuffs", "manifest": ["A1B2C3D4E501"]},
        {"contents": [{"name": "a\0b\ud800", "quantity": 1e400 - 1e400, "kit_id": {"x": [None]}}, 5, None]},
        {"manifest": {"gateway_ids": "\0", "\ud800": 1}},
        {"order_type": {"x": 1}, "order_number": 12, "tracking_link": "x" * 2000, "hardware_uuid": ["x"]},
        {"created_on": 17, "updated_on": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_nothing_advisory_blocks_storage(clinic: Clinic, changes: dict[str, Any]) -> None:
    body = json.dumps(order(**changes)).replace("NaN", "1e999999999999999999999")
    assert tell_order(clinic, body.encode()) == {"stored": 1}
    kept = the_order(clinic)
    assert isinstance(kept.contents, list) and isinstance(kept.manifest, dict)


def test_a_thousand_orders_take_a_handful_of_queries(
    clinic: Clinic, django_assert_max_num_queries: Any
) -> None:
    patients = [make_patient(clinic, f"p-{number}") for number in range(20)]
    body = [order(request_id=str(n), patient_id=patients[n % 20].external_id.upper()) for n in range(1000)]
    with django_assert_max_num_queries(20):
        assert tell_order(clinic, body) == {"stored": 1000}
    assert not SpecialOrder.objects.for_clinic(clinic).filter(patient=None).exists()
