"""The fulfillment door: what the vendor's examples, quirks and repeats become."""

from __future__ import annotations

import datetime
import itertools
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.utils import timezone

from clinics.models import Clinic
from devices.models import Device
from fulfillment.models import FulfillmentEvent, Shipment
from fulfillment.vendor_statuses import STATUSES
from tenovi.inbound import deliveries
from tenovi.models import Delivery
from tests.factories import (
    ABSENT,
    assign,
    credentials,
    deliver,
    element,
    held_device,
    make_clinic,
    make_device,
    make_patient,
)
from tests.fulfillment.vendor import NEW, OLD, history, news, payload, reasons, shown, tell
from tests.web_server import WebServer

PRINTED_DEVICE = uuid.UUID("12345678-abcd-1234-abcd-1234567890ab")
MADE_UP_DEVICE = uuid.UUID("0b7c1f5e-6a0d-4b1e-9a55-2f4d7a1c9e01")

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def device(clinic: Clinic) -> Device:
    return held_device(clinic)


def events(clinic: Clinic) -> list[FulfillmentEvent]:
    return list(FulfillmentEvent.objects.for_clinic(clinic).order_by("received_at", "id"))


# The vendor's examples.


def test_the_printed_example_is_stored_although_its_key_ends_in_a_blank(clinic: Clinic) -> None:
    patient = make_patient(clinic, "12345678-1234-12345678")
    device = make_device(clinic, hwi_device_id=PRINTED_DEVICE)
    assign(device, patient)
    assert tell(clinic, payload("fulfillment/published-shipped")) == {"stored": 1}
    [event] = events(clinic)
    assert (event.device, event.patient, event.named_patient) == (device, patient, patient.external_id)
    assert (event.status, event.tracking_link) == ("Shipped", "ups.com/tracking-number")
    assert (event.hardware_uuid, event.device_name) == ("FED091A643FF", "Tenovi BPM")


def test_a_replacement_links_the_new_hardware_to_the_old(clinic: Clinic) -> None:
    device = make_device(clinic, hwi_device_id=MADE_UP_DEVICE)
    assign(device, make_patient(clinic))
    assert tell(clinic, payload("fulfillment/shipped")) == {"stored": 1}
    assert tell(clinic, payload("fulfillment/replaced-names-the-old")) == {"stored": 1}
    replaced = events(clinic)[1]
    assert (replaced.hardware_uuid, replaced.replaced_hardware_uuid) == (NEW, OLD)
    assert (shown(device).status, shown(device).hardware_uuid) == ("Replaced", NEW)


@pytest.mark.parametrize("status", [status.name for status in STATUSES])
def test_each_of_the_vendors_statuses_is_stored_and_shown(
    clinic: Clinic, device: Device, status: str
) -> None:
    assert tell(clinic, news(device, status)) == {"stored": 1}
    assert (history(device), shown(device).status) == ([status], status)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("Out for Delivery", "Out for Delivery"), ("<b>lost</b>\0", "<b>lost</b>\ufffd"), ("x" * 300, "x" * 60)],
)
def test_an_unknown_status_is_kept_as_text(clinic: Clinic, device: Device, sent: str, kept: str) -> None:
    assert tell(clinic, news(device, sent)) == {"stored": 1}
    assert shown(device).status == kept


# Repeats and steps backwards.


def test_only_a_repeat_of_the_latest_event_is_a_duplicate(clinic: Clinic, device: Device) -> None:
    hold, ready = news(device, "On Hold"), news(device, "Ready to Ship")
    sent = [hold, hold, ready, hold, hold]
    assert [tell(clinic, one) for one in sent] == [
        {"stored": 1},
        {"duplicates": 1},
        {"stored": 1},
        {"stored": 1},
        {"duplicates": 1},
    ]
    assert history(device) == ["On Hold", "Ready to Ship", "On Hold"]
    assert reasons(clinic) == ["repeated_event", "repeated_event"]


@pytest.mark.parametrize(
    "changes", [{"tracking_link": "ups.com/2"}, {"hardware_uuid": NEW}, {"device_id": "FFFFFFFFFFFF"}]
)
def test_the_same_status_with_another_link_or_hardware_is_news(
    clinic: Clinic, device: Device, changes: dict[str, str]
) -> None:
    assert tell(clinic, [news(device), news(device, **changes)]) == {"stored": 2}


@pytest.mark.parametrize("spelling", ["a1b2c3d4e5f6", "A1-B2-C3-D4-E5-F6", " A1B2C3D4E5F6 "])
def test_the_spelling_of_a_hardware_id_is_no_news(clinic: Clinic, device: Device, spelling: str) -> None:
    assert tell(clinic, [news(device), news(device, hardware_uuid=spelling)]) == {
        "stored": 1,
        "duplicates": 1,
    }


def test_a_late_shipped_is_in_the_history_and_not_on_top(clinic: Clinic, device: Device) -> None:
    tell(clinic, news(device, "Delivered"))
    tell(clinic, news(device, "Shipped", tracking_link="ups.com/1"))
    assert history(device) == ["Delivered", "Shipped"]
    assert (shown(device).status, shown(device).tracking_link) == ("Delivered", "ups.com/1")


def test_any_order_of_arrival_ends_at_the_same_place(clinic: Clinic) -> None:
    patient = make_patient(clinic)
    for order in itertools.permutations(range(4)):
        device = make_device(clinic)
        assign(device, patient)
        journey = [
            news(device, "Shipped", tracking_link="ups.com/1"),
            news(device, "Connected"),
            news(device, "Replaced", hardware_uuid=NEW, device_id=OLD),
            news(device, "Delivered", hardware_uuid=NEW, tracking_link="ups.com/2"),
        ]
        for place in order:
            tell(clinic, journey[place])
        at_last = shown(device)
        assert (at_last.status, at_last.hardware_uuid, at_last.tracking_link) == (
            "Delivered",
            NEW,
            "ups.com/2",
        )
        assert len(history(device)) == 4


# What waits, and why.


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": ABSENT}, "status_missing"),
        ({"status": None}, "status_missing"),
        ({"status": " "}, "status_missing"),
        ({"status": 5}, "status_missing"),
        ({"status": ["Shipped"]}, "status_missing"),
        ({"hwi_device_id": ABSENT}, "device_id_unusable"),
        ({"hwi_device_id": "A1B2C3D4E5F6"}, "device_id_unusable"),
        ({"patient_id": ["mrn-7781"]}, "patient_id_unusable"),
        ({"patient_id": "somebody-else"}, "wrong_patient"),
        ({"hwi_device_id": str(uuid.UUID(int=404))}, "unknown_device"),
        ({"metric": "pulse", "value_1": 71}, "wrong_door"),
    ],
)
def test_what_cannot_be_trusted_waits_with_its_reason_and_costs_no_sibling(
    clinic: Clinic, device: Device, changes: dict[str, Any], reason: str
) -> None:
    body = [news(device, **changes), news(device, "Delivered")]
    assert tell(clinic, body) == {"quarantined": 1, "stored": 1}
    assert (reasons(clinic), history(device)) == ([reason], ["Delivered"])


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"5", "not_an_object"),
        (b"{}", "empty_object"),
        (b'{"status": "Shipped", "status ": "Delivered"}', "repeated_member"),
        (json.dumps(payload("special-orders/bulk")).encode(), "wrong_door"),
        (json.dumps(payload("measurements/published-object")).encode(), "wrong_door"),
    ],
)
def test_an_element_of_another_shape_waits_with_its_reason(
    clinic: Clinic, device: Device, bad: bytes, reason: str
) -> None:
    good = json.dumps(news(device)).encode()
    assert tell(clinic, b"[" + bad + b"," + good + b"]") == {"quarantined": 1, "stored": 1}
    assert reasons(clinic) == [reason]


@pytest.mark.parametrize(
    ("changes", "link"),
    [
        ({"tracking_link": "javascript:alert(1)"}, "javascript:alert(1)"),
        ({"tracking_link": "x" * 2000}, "x" * 500),
        ({"tracking_link": "a\0b\ud800"}, "a\ufffdb\ufffd"),
        ({"tracking_link": {"url": "x"}}, ""),
        ({"tracking_link": ABSENT}, ""),
        ({"hardware_uuid": {"x": 1}, "device_name": 7, "device_id": "ß" * 200, "sensor_code": []}, ""),
        ({"note": {"deep": ["\0"]}}, ""),
    ],
)
def test_nothing_advisory_blocks_storage(
    clinic: Clinic, device: Device, changes: dict[str, Any], link: str
) -> None:
    assert tell(clinic, news(device, **changes)) == {"stored": 1}
    assert events(clinic)[0].tracking_link == link


@pytest.mark.parametrize("named", ["MRN-7781", "", None, ABSENT])
def test_a_payload_may_name_the_patient_in_any_case_or_nobody(
    clinic: Clinic, device: Device, named: Any
) -> None:
    assert tell(clinic, news(device, patient_id=named)) == {"stored": 1}


def test_an_event_belongs_to_whoever_has_the_device_when_it_comes(clinic: Clinic, device: Device) -> None:
    unheld = make_device(clinic)
    assert tell(clinic, [news(device), news(unheld)]) == {"stored": 2}
    assert [event.patient_id is None for event in events(clinic)] == [False, True]


def test_an_event_of_an_unknown_device_attaches_once_the_device_is_known(clinic: Clinic) -> None:
    hwi_device_id = uuid.uuid4()
    steps = [
        payload("fulfillment/shipped") | {"hwi_device_id": str(hwi_device_id), "status": status}
        for status in ("Dropship Requested", "Shipped", "Shipped", "Delivered")
    ]
    for step in steps:
        assert tell(clinic, step) == {"quarantined": 1}
    device = make_device(clinic, hwi_device_id=hwi_device_id)
    assign(device, make_patient(clinic))
    for _ in range(2):
        deliveries.resettle_for_device(clinic, hwi_device_id)
    assert history(device) == ["Dropship Requested", "Shipped", "Delivered"]
    assert shown(device).status == "Delivered"
    assert not Delivery.objects.for_clinic(clinic).exclude(state="settled").exists()


def test_another_clinics_device_is_unknown_here(clinic: Clinic) -> None:
    elsewhere = held_device(make_clinic("beta"))
    assert tell(clinic, news(elsewhere)) == {"quarantined": 1}
    assert reasons(clinic) == ["unknown_device"]
    assert not Shipment.objects.across_clinics().exists()


# The door itself.


def test_both_spellings_of_the_address_work_and_the_clinics_secret_is_needed(
    clinic: Clinic, device: Device
) -> None:
    for kind in ("fulfillment/", "fulfillment"):
        answer = deliver(clinic, news(device), kind=kind.rstrip("/"))
        assert answer.status_code == 200
    assert deliver(clinic, news(device), kind="fulfillment", headers={"Authorization": ""}).status_code == 401
    assert deliver(clinic, b"nonsense", kind="fulfillment").status_code == 400


def test_readings_and_news_of_one_device_keep_to_their_doors(clinic: Clinic, device: Device) -> None:
    assert tell(clinic, element(device)) == {"quarantined": 1}
    assert deliver(clinic, news(device)).json()["quarantined"] == 1
    assert reasons(clinic) == ["wrong_door", "wrong_door"]


def test_a_thousand_elements_take_a_handful_of_queries(
    clinic: Clinic, django_assert_max_num_queries: Any
) -> None:
    patient = make_patient(clinic)
    devices = [make_device(clinic) for _ in range(100)]
    for each in devices:
        assign(each, patient)
    body = [news(each, status.name) for each in devices for status in STATUSES[:10]]
    with django_assert_max_num_queries(20):
        assert tell(clinic, body) == {"stored": 1000}
    assert Shipment.objects.for_clinic(clinic).count() == 100


@pytest.mark.django_db(transaction=True)
def test_fifty_identical_deliveries_at_once_are_one_event(web_server: WebServer) -> None:
    clinic = make_clinic("alpha")
    device = held_device(clinic)
    body = json.dumps(news(device)).encode()
    request = (
        f"POST /webhooks/alpha/fulfillment HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Authorization: {credentials(clinic)}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    together = Barrier(50)

    def send(_: int) -> int:
        together.wait()
        return web_server.exchange(request)[0]

    with ThreadPoolExecutor(50) as senders:
        assert list(senders.map(send, range(50))) == [200] * 50
    assert history(device) == ["Shipped"]
    assert Delivery.objects.for_clinic(clinic).filter(state="settled").count() == 50


def test_the_device_has_the_status_that_was_told_since_it_was_read_from_the_vendor(
    clinic: Clinic, device: Device
) -> None:
    def status() -> str:
        device.refresh_from_db()
        return device.status

    def read_from_vendor(status: str) -> None:
        Device.objects.for_clinic(clinic).update(status=status, synced_at=timezone.now())

    read_from_vendor("Shipped")
    tell(clinic, [news(device, "Delivered"), news(device, "Shipped")])
    assert status() == "Delivered"
    read_from_vendor("Connected")
    tell(clinic, news(device, "Delivered", tracking_link="ups.com/1"))
    assert status() == "Connected"


def test_the_first_news_says_since_when(clinic: Clinic, device: Device) -> None:
    tell(clinic, news(device, "Delivered"))
    first = events(clinic)[0].received_at
    tell(clinic, news(device, "Delivered", tracking_link="ups.com/1"))
    assert shown(device).since == first
    assert abs(first - datetime.datetime.now(datetime.UTC)) < datetime.timedelta(minutes=5)
