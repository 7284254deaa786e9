"""The watch over locks sees who takes them in another order, and nobody else."""

from __future__ import annotations

import pytest
from django.db import transaction

from devices.locks import lock_devices
from devices.models import Assignment, Device
from tests.factories import held_device, make_clinic, make_device
from tests.lock_order import LockOrder

pytestmark = pytest.mark.django_db


def test_names_then_devices_then_assignments_is_the_order(locks_are_taken_in_order: LockOrder) -> None:
    device = held_device(make_clinic())
    with transaction.atomic():
        lock_devices(device.clinic, [device.hwi_device_id])
        Device.objects.for_clinic(device.clinic).locked().get(id=device.id)
        Assignment.objects.for_clinic(device.clinic).locked().get()
        Device.objects.for_clinic(device.clinic).filter(hwi_device_id=device.hwi_device_id).update(status="x")
        lock_devices(device.clinic, [device.hwi_device_id])
    assert locks_are_taken_in_order.wrong == []


def test_rows_of_devices_are_locked_by_their_key(locks_are_taken_in_order: LockOrder) -> None:
    clinic = make_clinic()
    first, second, third = sorted(
        (make_device(clinic) for _ in range(3)), key=lambda device: device.hwi_device_id
    )
    mine = Device.objects.for_clinic(clinic)
    with transaction.atomic():
        mine.locked().get(id=first.id)
        list(mine.filter(id__in=[second.id, third.id]).locked_in_order())
        mine.filter(id__in=[first.id, third.id]).update(status="x")
    assert locks_are_taken_in_order.wrong == []
    with transaction.atomic():
        mine.locked().get(id=second.id)
        mine.filter(hwi_device_id=first.hwi_device_id).update(status="x")
    with transaction.atomic():
        list(mine.filter(id__in=[second.id, third.id]).order_by("id").locked())
    with transaction.atomic():
        mine.filter(id__in=[first.id, second.id]).update(status="x")
    seen = [words.split(":")[0] for words in locks_are_taken_in_order.wrong]
    locks_are_taken_in_order.wrong.clear()
    assert seen == ["rows of devices in another order"] * 3


def test_another_order_is_seen(locks_are_taken_in_order: LockOrder) -> None:
    device = held_device(make_clinic())
    other = held_device(device.clinic, external_id="another")
    with transaction.atomic():
        Assignment.objects.for_clinic(device.clinic).filter(device=device).locked().get()
        Device.objects.for_clinic(device.clinic).locked().get(id=other.id)
        lock_devices(device.clinic, [device.hwi_device_id])
    seen = [words.split(":")[0] for words in locks_are_taken_in_order.wrong]
    locks_are_taken_in_order.wrong.clear()
    assert seen == [
        "rows of devices after rows of assignments",
        "names of devices after rows of assignments",
    ]
