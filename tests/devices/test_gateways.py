"""Gateways appear by themselves, and readings are signs of life."""

from __future__ import annotations

import datetime
import threading
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from clinics.models import Clinic
from devices.from_vendor import add_gateways, note_gateway_contacts, store_vendor_device
from devices.models import Device, Gateway
from measurements.bulk_load import load
from measurements.elements import settle
from measurements.payload import Reading, read
from tenovi.client.records import Device as VendorDevice
from tenovi.strict_json import JsonObject
from tests.factories import GATEWAY_ID, deliver, element, held_device, make_clinic, make_gateway, settled
from tests.vendor import wire_device

pytestmark = pytest.mark.django_db

NOW = datetime.datetime(2026, 10, 14, 12, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic()


def ids(clinic: Clinic) -> list[str]:
    return list(
        Gateway.objects.for_clinic(clinic).order_by("gateway_id").values_list("gateway_id", flat=True)
    )


def last_seen(clinic: Clinic, gateway_id: str = GATEWAY_ID) -> datetime.datetime | None:
    return Gateway.objects.for_clinic(clinic).get(gateway_id=gateway_id).last_seen_at


def told(clinic: Clinic, row: dict[str, Any]) -> None:
    store_vendor_device(clinic=clinic, record=VendorDevice.from_wire(row))


def reading(device: Device, **changes: Any) -> Reading:
    return read(JsonObject(list(element(device, **changes).items())), received_at=NOW)


def test_a_gateway_appears_with_the_first_device_behind_it(clinic: Clinic) -> None:
    told(clinic, wire_device(7, hardware_uuid="a1b2-c3d4-e5f6"))
    told(clinic, wire_device(8, hardware_uuid="A1B2C3D4E5F6"))
    assert ids(clinic) == ["A1B2C3D4E5F6"]


@pytest.mark.parametrize("hardware_uuid", ["351234567890123", "", None, "0" * 32])
def test_a_device_with_a_connection_of_its_own_brings_no_gateway(
    clinic: Clinic, hardware_uuid: str | None
) -> None:
    told(clinic, wire_device(7, hardware_uuid=hardware_uuid))
    assert ids(clinic) == []


def test_a_gateway_that_is_named_again_keeps_what_is_known_of_it(clinic: Clinic) -> None:
    make_gateway(clinic, last_seen_at=NOW, signal_strength=7)
    add_gateways(clinic, [GATEWAY_ID, "FED091A643FF"])
    assert ids(clinic) == [GATEWAY_ID, "FED091A643FF"]
    gateway = Gateway.objects.for_clinic(clinic).get(gateway_id=GATEWAY_ID)
    assert (gateway.last_seen_at, gateway.signal_strength) == (NOW, 7)


@pytest.mark.parametrize("gateway_id", ["a1b2c3d4e5f6", "A1B2C3D4E5F", "A1B2C3D4E5FG"])
def test_the_database_holds_one_spelling_of_an_id(clinic: Clinic, gateway_id: str) -> None:
    with pytest.raises(IntegrityError, match="gateway_id_in_one_spelling"):
        make_gateway(clinic, gateway_id)


def test_a_reading_is_a_sign_of_life_of_its_gateway(clinic: Clinic) -> None:
    device = held_device(clinic)
    make_gateway(clinic)
    make_gateway(clinic, "FED091A643FF")
    before = timezone.now()
    assert settled(deliver(clinic, element(device, hardware_uuid="a1b2c3d4e5f6"))) == {"stored": 1}
    seen = last_seen(clinic)
    assert seen is not None
    assert before <= seen <= timezone.now()
    assert last_seen(clinic, "FED091A643FF") is None


def test_a_reading_sent_again_is_no_sign_of_life(clinic: Clinic) -> None:
    device = held_device(clinic)
    deliver(clinic, element(device))
    make_gateway(clinic)
    assert settled(deliver(clinic, element(device))) == {"duplicates": 1}
    assert last_seen(clinic) is None


def test_a_fetched_reading_is_a_sign_of_life_from_when_the_vendor_got_it(clinic: Clinic) -> None:
    device = held_device(clinic)
    make_gateway(clinic)
    row = element(device, value_1="131", value_2="82", created="2025-03-04T15:10:22.291640Z")
    settle(clinic, [JsonObject(list(row.items()))], received_at=NOW, source="fetch")
    assert last_seen(clinic) == datetime.datetime(2025, 3, 4, 15, 10, 22, 291640, tzinfo=datetime.UTC)


def test_an_older_sign_of_life_changes_nothing(clinic: Clinic) -> None:
    make_gateway(clinic, last_seen_at=NOW)
    note_gateway_contacts(clinic, {GATEWAY_ID: NOW - HOUR})
    assert last_seen(clinic) == NOW
    note_gateway_contacts(clinic, {GATEWAY_ID: NOW + HOUR})
    assert last_seen(clinic) == NOW + HOUR


def test_another_clinics_gateway_of_the_same_id_is_not_touched(clinic: Clinic) -> None:
    beta = make_clinic("beta")
    make_gateway(beta)
    note_gateway_contacts(clinic, {GATEWAY_ID: NOW})
    assert last_seen(beta) is None


def test_a_loaded_history_ends_with_the_last_sign_of_life(clinic: Clinic) -> None:
    device = held_device(clinic)
    make_gateway(clinic)
    days = ("2026-10-12", "2026-10-13")
    arrivals = [
        (reading(device, value_1="131", value_2="82", timestamp=f"{day}T08:00:00.000000Z"), NOW - late * HOUR)
        for late, day in enumerate(days)
    ]
    assert load(clinic, arrivals) == 2
    assert last_seen(clinic) == NOW


@pytest.mark.django_db(transaction=True)
def test_a_delivery_never_waits_for_somebody_who_writes_its_gateway(clinic: Clinic) -> None:
    device = held_device(clinic)
    gateway = make_gateway(clinic)
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Gateway.objects.for_clinic(clinic).select_for_update().get(id=gateway.id)
            holding.set()
            done.wait(300)
        connection.close()

    other = threading.Thread(target=hold)
    other.start()
    try:
        assert holding.wait(120)
        assert settled(deliver(clinic, element(device))) == {"stored": 1}
    finally:
        done.set()
        other.join()
    assert last_seen(clinic) is None
