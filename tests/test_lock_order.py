"""The watch over locks sees who takes them in another order, and nobody else."""

from __future__ import annotations

import pytest
from django.db import transaction

from devices.locks import lock_devices
from devices.models import Assignment, Device
from tests.factories import held_device, make_clinic
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
