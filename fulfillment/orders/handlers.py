"""Do with the vendor's answers about orders what they mean here."""

from __future__ import annotations

from devices.handlers import store_devices
from fulfillment.orders.search import looked
from tenovi.client import records
from tenovi.models import Request


def store_devices_looked_through(request: Request, answer: records.Page[records.Device]) -> int:
    """A page of the devices of a patient, or on some hardware; the number that could not be stored. An order
    may be among them."""
    failed = store_devices(request, answer)
    looked(
        request,
        is_last=answer.ended,
        is_whole=not (failed or answer.unusable),
    )
    return failed
