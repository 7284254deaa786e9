"""What happens to deliveries that cannot be settled at once: nothing of them is ever lost."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.test import Client

from clinics.models import AuditEvent, Clinic
from devices.models import Device
from measurements.handlers import store_delivery
from measurements.models import Measurement
from tenovi import registry
from tenovi.inbound import deliveries
from tenovi.models import Delivery, DeliveryItem
from tenovi.registry import DeliveryHandler, ElementResult
from tests.factories import (
    assign,
    deliver,
    element,
    held_device,
    make_clinic,
    make_device,
    make_patient,
    settled,
)
from tests.pages import signed_in

POISON = "poison"


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def device(clinic: Clinic) -> Device:
    return held_device(clinic)


@pytest.fixture
def handle_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[DeliveryHandler], None]:
    """Put another handler in the registry's place for measurements."""

    def replace(handler: DeliveryHandler) -> None:
        monkeypatch.setitem(registry.DELIVERIES, "measurements", handler)

    return replace


def choking(delivery: Delivery, elements: Sequence[Any]) -> list[ElementResult]:
    """Stores what it is given, then chokes on a poisoned element: in SQL, so that the transaction is hurt."""
    results = store_delivery(delivery, elements)
    if any(isinstance(each, dict) and POISON in each for each in elements):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")
    return results


def items(clinic: Clinic) -> list[tuple[int, str, str]]:
    found = DeliveryItem.objects.for_clinic(clinic).order_by("delivery__received_at", "index")
    return [(item.index, item.state, item.reason) for item in found]


def values(clinic: Clinic) -> list[int]:
    return sorted(int(each.value_1) for each in Measurement.objects.for_clinic(clinic))


@pytest.mark.django_db
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_element_that_blows_up_stays_pending_and_its_siblings_are_stored(
    clinic: Clinic, handle_with: Callable[[DeliveryHandler], None], place: int
) -> None:
    device = held_device(clinic)
    body = [element(device, value_1=value) for value in (100, 101, 102)]
    body[place][POISON] = True
    handle_with(choking)
    assert settled(deliver(clinic, body)) == {"stored": 2, "pending": 1}
    assert items(clinic) == [(place, "pending", "not_settled")]
    assert values(clinic) == sorted({100, 101, 102} - {100 + place})

    handle_with(store_delivery)
    call_command("settle_deliveries")
    assert items(clinic) == [(place, "stored", "")]
    assert values(clinic) == [100, 101, 102]
    delivery = Delivery.objects.for_clinic(clinic).get()
    assert (delivery.state, delivery.attempts) == ("settled", 0)
    assert delivery.settled_at is not None


@pytest.mark.django_db
def test_five_failures_in_a_row_put_an_element_in_quarantine(
    clinic: Clinic, handle_with: Callable[[DeliveryHandler], None]
) -> None:
    body = [element(held_device(clinic), **{POISON: True})]
    handle_with(choking)
    deliver(clinic, body)
    for _ in range(3):
        assert deliveries.settle_pending() == 1
        assert items(clinic) == [(0, "pending", "not_settled")]
    assert deliveries.settle_pending() == 1
    assert items(clinic) == [(0, "quarantined", "internal_error")]
    assert deliveries.settle_pending() == 0

    handle_with(store_delivery)
    call_command("settle_deliveries", "--all")
    assert items(clinic) == [(0, "stored", "")]


@pytest.mark.django_db
@pytest.mark.parametrize("answer", [[], [ElementResult("stored")] * 3])
def test_a_handler_that_miscounts_loses_nothing(
    clinic: Clinic, handle_with: Callable[[DeliveryHandler], None], answer: list[ElementResult]
) -> None:
    device = held_device(clinic)
    handle_with(lambda delivery, elements: answer)
    assert settled(deliver(clinic, [element(device), element(device)])) == {"pending": 2}
    assert Delivery.objects.for_clinic(clinic).get().elements == 2


@pytest.mark.django_db
def test_waiting_for_a_device_is_no_failure(
    clinic: Clinic, handle_with: Callable[[DeliveryHandler], None]
) -> None:
    hwi_device_id = uuid.uuid4()
    deliver(clinic, element(hwi_device_id, **{POISON: True}))
    for _ in range(6):
        call_command("settle_deliveries", "--all")
    assign(make_device(clinic, hwi_device_id=hwi_device_id), make_patient(clinic))
    handle_with(choking)
    deliveries.resettle_for_device(clinic, hwi_device_id)
    assert items(clinic) == [(0, "pending", "not_settled")]


@pytest.mark.django_db
def test_a_delivery_settles_once_its_device_is_registered(clinic: Clinic) -> None:
    known, hwi_device_id = held_device(clinic), uuid.uuid4()
    body = [element(hwi_device_id), element(known), element(uuid.uuid4()), element(hwi_device_id, value_1=99)]
    assert settled(deliver(clinic, body)) == {"stored": 1, "quarantined": 3}
    assert deliveries.resettle_for_device(clinic, hwi_device_id) == 1
    assert len([state for _, state, _ in items(clinic) if state == "quarantined"]) == 3

    assign(make_device(clinic, hwi_device_id=hwi_device_id), make_patient(clinic, "mrn-2"))
    for _ in range(2):
        deliveries.resettle_for_device(clinic, hwi_device_id)
        assert items(clinic) == [(0, "stored", ""), (2, "quarantined", "unknown_device"), (3, "stored", "")]
        assert Delivery.objects.for_clinic(clinic).get().state == "quarantined"
        assert values(clinic) == [99, 131, 131]


@pytest.mark.django_db
def test_another_clinics_device_settles_nothing_here(clinic: Clinic) -> None:
    other, hwi_device_id = make_clinic("beta"), uuid.uuid4()
    deliver(clinic, element(hwi_device_id))
    assign(make_device(other, hwi_device_id=hwi_device_id), make_patient(other))
    assert deliveries.resettle_for_device(other, hwi_device_id) == 0
    call_command("settle_deliveries", "--all")
    assert items(clinic) == [(0, "quarantined", "unknown_device")]


@pytest.mark.django_db
def test_what_was_rejected_is_never_tried_again(clinic: Clinic) -> None:
    deliver(clinic, b"not json")
    call_command("settle_deliveries", "--all")
    assert Delivery.objects.for_clinic(clinic).get().state == "rejected"


# Several processes at once: real transactions.


@pytest.mark.django_db(transaction=True)
def test_settling_again_twice_and_at_once_stores_one_reading(clinic: Clinic) -> None:
    hwi_device_id = uuid.uuid4()
    for _ in range(3):
        deliver(clinic, element(hwi_device_id))
    assign(make_device(clinic, hwi_device_id=hwi_device_id), make_patient(clinic))
    together = Barrier(6)

    def settle(_: int) -> None:
        together.wait()
        deliveries.resettle_for_device(clinic, hwi_device_id)
        connection.close()

    with ThreadPoolExecutor(6) as processes:
        list(processes.map(settle, range(6)))
    deliveries.resettle_for_device(clinic, hwi_device_id)
    assert values(clinic) == [131]
    assert sorted(state for _, state, _ in items(clinic)) == ["duplicate", "duplicate", "stored"]
    assert not Delivery.objects.for_clinic(clinic).exclude(state="settled").exists()


@pytest.mark.django_db(transaction=True)
def test_who_presses_try_again_at_once_stores_one_reading_and_is_in_the_record(clinic: Clinic) -> None:
    hwi_device_id = uuid.uuid4()
    delivery = deliver(clinic, element(hwi_device_id)).json()["delivery"]
    assign(make_device(clinic, hwi_device_id=hwi_device_id), make_patient(clinic))
    browsers = [signed_in(clinic, role) for role in ("clinic_admin", "operator")]
    addresses = [f"/c/alpha/deliveries/{delivery}/settle/", "/c/alpha/deliveries/settle/"]
    together = Barrier(4)

    def press(browser: Client, address: str) -> int:
        together.wait()
        status = browser.post(address).status_code
        connection.close()
        return status

    with ThreadPoolExecutor(4) as people:
        pressed = [people.submit(press, browser, address) for browser in browsers for address in addresses]
        assert [each.result() for each in pressed] == [302] * 4
    assert values(clinic) == [131]
    assert not Delivery.objects.for_clinic(clinic).exclude(state="settled").exists()
    record = AuditEvent.objects.filter(action__endswith="settled_again").values_list("action", "actor_label")
    assert sorted(record) == [
        (action, person)
        for action in ("deliveries_settled_again", "delivery_settled_again")
        for person in ("clinic_admin@alpha.test", "operator@host.test")
    ]


@pytest.mark.django_db(transaction=True)
def test_an_attempt_that_takes_the_process_down_counts(
    clinic: Clinic, handle_with: Callable[[DeliveryHandler], None]
) -> None:
    """A delivery that kills its worker each time must not be taken up for ever."""
    hwi_device_id = held_device(clinic).hwi_device_id
    handle_with(choking)
    deliver(clinic, element(hwi_device_id, **{POISON: True}))

    def die(delivery: Delivery, elements: Sequence[Any]) -> list[ElementResult]:
        raise SystemExit

    handle_with(die)
    for _ in range(4):
        with pytest.raises(SystemExit):
            deliveries.settle_pending()
    assert items(clinic) == [(0, "pending", "not_settled")]
    deliveries.settle_pending()
    assert items(clinic) == [(0, "quarantined", "internal_error")]


@pytest.mark.django_db(transaction=True)
def test_one_that_takes_the_process_down_is_not_charged_to_its_siblings(
    clinic: Clinic, device: Device, handle_with: Callable[[DeliveryHandler], None]
) -> None:
    handle_with(lambda delivery, elements: [])  # none of them is settled
    deliver(clinic, [element(device, value_1=100), element(device, **{POISON: True})])

    def die_of_poison(delivery: Delivery, elements: Sequence[Any]) -> list[ElementResult]:
        if any(POISON in each for each in elements):
            raise SystemExit
        return store_delivery(delivery, elements)

    handle_with(die_of_poison)
    for _ in range(6):
        with contextlib.suppress(SystemExit):
            deliveries.settle_pending()
    assert items(clinic) == [(0, "stored", ""), (1, "quarantined", "internal_error")]


def fails_with(sqlstate: str) -> DeliveryHandler:
    """As if the database were in the way: its error, raised by the database itself."""

    def handler(delivery: Delivery, elements: Sequence[Any]) -> list[ElementResult]:
        with connection.cursor() as cursor:
            cursor.execute(f"DO $$ BEGIN RAISE SQLSTATE '{sqlstate}'; END $$")
        raise AssertionError

    return handler


@pytest.mark.django_db
@pytest.mark.parametrize("sqlstate", ["40P01", "40001", "55P03", "57014"])
def test_failures_of_the_database_are_not_charged_to_an_element(
    clinic: Clinic, device: Device, handle_with: Callable[[DeliveryHandler], None], sqlstate: str
) -> None:
    handle_with(fails_with(sqlstate))
    deliver(clinic, element(device))
    for _ in range(7):
        deliveries.settle_pending()
        assert items(clinic) == [(0, "pending", "not_settled")]
    assert DeliveryItem.objects.for_clinic(clinic).get().attempts == 0
    handle_with(store_delivery)
    deliveries.settle_pending()
    assert items(clinic) == [(0, "stored", "")]


@pytest.mark.django_db(transaction=True)
def test_a_database_that_goes_away_while_sweeping_is_not_charged_either(
    clinic: Clinic, device: Device, handle_with: Callable[[DeliveryHandler], None]
) -> None:
    handle_with(lambda delivery, elements: [])
    deliver(clinic, element(device))
    handle_with(fails_with("57P01"))
    for _ in range(7):
        with pytest.raises(DatabaseError):
            deliveries.settle_pending()
    handle_with(store_delivery)
    deliveries.settle_pending()
    assert items(clinic) == [(0, "stored", "")]


@pytest.mark.django_db
def test_an_element_that_waits_for_its_device_goes_on_waiting_when_its_sibling_is_given_up(
    clinic: Clinic, device: Device, handle_with: Callable[[DeliveryHandler], None]
) -> None:
    unknown = uuid.uuid4()
    handle_with(choking)
    deliver(clinic, [element(unknown), element(device, **{POISON: True})])
    for _ in range(6):
        deliveries.settle_pending()
    assert items(clinic) == [(0, "quarantined", "unknown_device"), (1, "quarantined", "internal_error")]
    named = DeliveryItem.objects.for_clinic(clinic).order_by("index").values_list("hwi_device_id", flat=True)
    assert list(named) == [unknown, device.hwi_device_id]
    assign(make_device(clinic, hwi_device_id=unknown), make_patient(clinic, "mrn-2"))
    deliveries.resettle_for_device(clinic, unknown)
    assert items(clinic) == [(0, "stored", ""), (1, "quarantined", "internal_error")]


@pytest.mark.django_db
def test_while_the_database_is_in_the_way_an_element_keeps_why_it_waits(
    clinic: Clinic, handle_with: Callable[[DeliveryHandler], None]
) -> None:
    unknown = uuid.uuid4()
    deliver(clinic, element(unknown))
    handle_with(fails_with("40P01"))
    deliveries.resettle_for_device(clinic, unknown)
    assert items(clinic) == [(0, "quarantined", "unknown_device")]


@pytest.fixture
def readings_locked(device: Device) -> Iterator[None]:
    """Somebody else holds the table of readings, as maintenance does."""
    other = connection.copy()
    other.set_autocommit(False)
    with other.cursor() as cursor:
        cursor.execute("LOCK TABLE measurements_measurement IN ACCESS EXCLUSIVE MODE")
    yield
    other.rollback()
    other.close()


@pytest.mark.django_db(transaction=True)
def test_a_locked_table_of_readings_does_not_hold_up_the_acknowledgement(
    clinic: Clinic, device: Device, readings_locked: None
) -> None:
    """The table is free again only after the answer: who waits for it waits for ever."""
    delivered = [element(device, value_1=value) for value in (100, 101)]
    assert settled(deliver(clinic, delivered)) == {"pending": 2}


@pytest.mark.django_db(transaction=True)
def test_when_the_database_goes_away_while_settling_nothing_is_acknowledged(
    clinic: Clinic, handle_with: Callable[[DeliveryHandler], None]
) -> None:
    device = held_device(clinic)

    def cut_off(delivery: Delivery, elements: Sequence[Any]) -> list[ElementResult]:
        results = store_delivery(delivery, elements)
        with connection.copy().cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
            cursor.connection.close()
        return results

    handle_with(cut_off)
    answer = deliver(clinic, [element(device), element(device, value_1=99)])
    assert answer.status_code == 503
    assert values(clinic) == []
    assert not Delivery.objects.for_clinic(clinic).exists()
    handle_with(store_delivery)
    assert settled(deliver(clinic, element(device))) == {"stored": 1}
