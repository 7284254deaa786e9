"""`fulfillment-events/` and `special-orders/`."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from clinics.models import Clinic
from fulfillment.models import FulfillmentEvent
from tests.factories import held_device, make_clinic, make_device, make_patient, make_user
from tests.fulfillment.vendor import NEW, OLD, news, order, payload, tell, tell_order
from tests.rest import api_client, note_no_use, results, walk

pytestmark = pytest.mark.django_db

EVENTS = "/api/v1/clinics/alpha/fulfillment-events/"
ORDERS = "/api/v1/clinics/alpha/special-orders/"


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def api(clinic: Clinic) -> APIClient:
    return api_client(make_user("alice@alpha.test", clinic))


def test_an_event_as_told_and_whose_it_was(api: APIClient, clinic: Clinic) -> None:
    device = held_device(clinic, external_id="MRN-7781")
    tell(
        clinic, news(device, "replaced", hardware_uuid=NEW, device_id=OLD.lower(), tracking_link="ups.com/1")
    )
    [row] = results(api.get(EVENTS))
    told_at = FulfillmentEvent.objects.for_clinic(clinic).get().received_at
    assert row == {
        "hwi_device_id": str(device.hwi_device_id),
        "patient": "MRN-7781",
        "status": "Replaced",
        "tracking_link": "ups.com/1",
        "hardware_uuid": NEW,
        "replaced_hardware_uuid": OLD,
        "device_name": "Tenovi BPM - L",
        "received_at": told_at.isoformat().replace("+00:00", "Z"),
    }


def test_an_event_of_a_device_nobody_has_names_nobody(api: APIClient, clinic: Clinic) -> None:
    tell(clinic, news(make_device(clinic)))
    assert [row["patient"] for row in results(api.get(EVENTS))] == [None]


def test_a_special_order_as_the_newest_message_has_it_with_its_steps(api: APIClient, clinic: Clinic) -> None:
    make_patient(clinic)
    pending = payload("special-orders/supply")
    shipped = pending | {
        "status": "Shipped",
        "updated_on": "2025-03-05T08:00:00Z",
        "tracking_link": "ups.com/1",
    }
    tell_order(clinic, [shipped, pending])
    [row] = results(api.get(ORDERS))
    steps, received_at = row.pop("events"), row.pop("received_at")
    assert row == {
        "request_id": pending["request_id"],
        "order_number": "SU-2201",
        "order_type": "SU",
        "status": "Shipped",
        "patient": "mrn-7781",
        "client_device_id": pending["client_device_id"],
        "hardware_uuid": "A1B2C3D4E503",
        "tracking_link": "ups.com/1",
        "contents": [{"name": "Test strips, 50", "quantity": 2}],
        "manifest": {},
        "created_on": "2025-03-03T18:20:41Z",
        "updated_on": "2025-03-05T08:00:00Z",
    }
    assert steps == [
        {
            "status": "Pending",
            "updated_on": "2025-03-04T16:02:10Z",
            "tracking_link": "",
            "received_at": received_at,
        },
        {
            "status": "Shipped",
            "updated_on": "2025-03-05T08:00:00Z",
            "tracking_link": "ups.com/1",
            "received_at": received_at,
        },
    ]


@pytest.mark.parametrize("page_size", [1, 2, 7])
def test_a_walk_meets_everything_once_and_newest_first(
    api: APIClient, clinic: Clinic, page_size: int
) -> None:
    devices = [held_device(clinic, external_id=f"p-{number}") for number in range(7)]
    for number, device in enumerate(devices):
        tell(clinic, news(device, patient_id=""))
        tell_order(clinic, order(request_id=str(number)))
    met = [row["hwi_device_id"] for row in walk(api, EVENTS, page_size)]
    assert met == [str(device.hwi_device_id) for device in reversed(devices)]
    assert [row["request_id"] for row in walk(api, ORDERS, page_size)] == list("6543210")


def test_the_number_of_queries_does_not_grow_with_the_list(
    api: APIClient, clinic: Clinic, django_assert_num_queries: Any
) -> None:
    for number in range(25):
        tell(clinic, news(held_device(clinic, external_id=f"p-{number}"), patient_id=""))
        tell_order(clinic, order(request_id=str(number)))
    note_no_use()
    for page_size in (1, 25):
        with django_assert_num_queries(4):  # token, membership, events, audit line
            assert len(results(api.get(EVENTS, {"page_size": page_size}))) == page_size
        with django_assert_num_queries(5):  # the same, orders, their steps, audit line
            assert len(results(api.get(ORDERS, {"page_size": page_size}))) == page_size
