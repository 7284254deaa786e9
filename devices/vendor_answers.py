"""Store the devices that an answer of the vendor brings."""

from __future__ import annotations

import datetime
import logging

from django.db import DataError, IntegrityError, transaction

from devices.from_vendor import ask_for_newer, store_vendor_device
from devices.locks import lock_devices
from tenovi.client import records
from tenovi.models import Request
from tenovi.outbound.wakeup import wake_worker

log = logging.getLogger(__name__)


def store_listed(request: Request, answer: records.Page[records.Device]) -> int:
    """Store a page of a list of devices. Returns how many could not be stored."""
    # Sorted, so that every process locks the rows of several devices in one order.
    devices = sorted(answer.results, key=lambda device: device.hwi_device_id)
    if request.asked_at:
        named = [device.hwi_device_id for device in devices]
        ask_for_newer(request.clinic, named, request.asked_at)
    failed = sum(not _store(request, device, request.asked_at) for device in devices)
    _wake_waiting_readings()
    return failed


def store_one(request: Request, record: records.Device, read_at: datetime.datetime | None) -> int:
    """Lock and store one device. Returns 1 when it could not be stored, else 0."""
    lock_devices(request.clinic, [record.hwi_device_id])
    stored = _store(request, record, read_at)
    _wake_waiting_readings()
    return 0 if stored else 1


def _store(request: Request, record: records.Device, read_at: datetime.datetime | None) -> bool:
    try:
        with transaction.atomic():
            store_vendor_device(clinic=request.clinic, record=record, read_at=read_at)
    except (DataError, IntegrityError) as error:  # one odd device must not cost its page
        log.error("request %s: a device was not stored: %s", request.id, type(error).__name__)
        return False
    return True


def _wake_waiting_readings() -> None:
    """Wake the tasks of readings that wait for a device or an assignment; the scheduler does so too, later."""
    wake_worker("devices.settle_unknown")
    wake_worker("measurements.claim_readings")
