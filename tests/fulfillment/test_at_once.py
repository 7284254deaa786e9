"""Deliveries that name several devices lock them in one order, and ask the vendor only afterwards."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from clinics.models import Clinic
from devices.models import Device
from tenovi.models import Request
from tests.factories import held_device, make_clinic, make_device
from tests.fulfillment.vendor import NEW, OLD, news, tell

pytestmark = pytest.mark.django_db(transaction=True)

WRITES = "devices_device"


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def devices(clinic: Clinic) -> list[Device]:
    """Four by their key, all behind one gateway."""
    held_device(clinic)
    made = [make_device(clinic, "tenovi-scale", hardware_uuid=OLD) for _ in range(4)]
    return sorted(made, key=lambda device: device.hwi_device_id)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_rows_are_locked_by_their_key_in_whatever_order_they_are_named(
    clinic: Clinic, devices: list[Device], order: tuple[int, ...]
) -> None:
    """`tests.lock_order` looks on."""
    told = [news(devices[number + 1], "Delivered") for number in order]
    assert tell(clinic, told) == {"stored": 3}
    replaced = [news(devices[number + 1], "Replaced", hardware_uuid=NEW) for number in order]
    assert tell(clinic, replaced) == {"stored": 3}
    assert {device.hardware_uuid for device in Device.objects.for_clinic(clinic).filter(name="")} >= {NEW}


def test_two_deliveries_that_reach_for_each_others_devices_are_both_stored(
    clinic: Clinic, devices: list[Device]
) -> None:
    """Each names two devices and replaces a gateway that the other two stand behind."""
    both = threading.Barrier(2, timeout=30)
    results: list[dict[str, int]] = []

    def deliver(mine: list[Device]) -> None:
        waits = _once(both.wait)
        with connection.execute_wrapper(waits):
            results.append(tell(clinic, [news(device, "Replaced", hardware_uuid=NEW) for device in mine]))
        connection.close()

    threads = [
        threading.Thread(target=deliver, args=(mine,)) for mine in (devices[:2][::-1], devices[2:][::-1])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [{"stored": 2}] * 2
    assert {device.hardware_uuid for device in Device.objects.for_clinic(clinic).filter(hardware_uuid=NEW)}
    assert not Device.objects.for_clinic(clinic).filter(hardware_uuid=OLD).exists()


def _once(wait: Callable[[], Any]) -> Callable[..., Any]:
    """Wait for the other before the first statement that locks rows of devices."""
    met: Iterator[bool] = itertools.chain([True], itertools.repeat(False))

    def wrapper(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        locks = WRITES in str(sql) and ("UPDATE" in str(sql))
        if locks and next(met):
            wait()
        return execute(sql, params, many, context)

    return wrapper


def test_the_vendor_is_asked_why_a_parcel_stands_still_only_after_the_commit(
    clinic: Clinic, devices: list[Device]
) -> None:
    """An answer locks its request before its device: asking while the device is locked would be a circle."""
    inside: list[bool] = []

    def look(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if Request._meta.db_table in str(sql) and str(sql).lstrip().startswith("INSERT"):
            inside.append(connection.in_atomic_block)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        tell(clinic, [news(device, "On Hold") for device in devices])
    assert inside == [False]
    assert Request.objects.for_clinic(clinic).count() == 4
