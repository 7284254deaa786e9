"""What this room does with the vendor's answers about devices."""

from __future__ import annotations

import logging

from django.db import DataError, IntegrityError, transaction

from devices.actions import store_vendor_device
from tenovi import shapes
from tenovi.doorbell import ring
from tenovi.models import Request

log = logging.getLogger(__name__)


def store_devices(request: Request, answer: shapes.Page[shapes.Device]) -> int:
    """A page of the device list; the number of devices that could not be stored."""
    failed = sum(not _store(request, record) for record in answer.results)
    _wake_those_who_wait()
    return failed


def store_device(request: Request, answer: shapes.Device) -> int:
    stored = _store(request, answer)
    _wake_those_who_wait()
    return 0 if stored else 1


def _store(request: Request, record: shapes.Device) -> bool:
    try:
        with transaction.atomic():
            store_vendor_device(clinic=request.clinic, record=record)
    except (DataError, IntegrityError) as error:  # one odd device must not cost its page
        log.error("request %s: a device was not stored: %s", request.id, type(error).__name__)
        return False
    return True


def _wake_those_who_wait() -> None:
    """Readings wait for devices, and for assignments. The scheduler wakes them too, a little later."""
    ring("devices.settle_unknown")
    ring("measurements.claim_readings")
