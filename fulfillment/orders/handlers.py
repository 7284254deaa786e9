"""Store the vendor's answers about orders."""

from __future__ import annotations

from devices.vendor_answers import store_listed
from fulfillment.orders import search, sending
from tenovi.client.records import Device, Page
from tenovi.models import Request, RequestKind
from tenovi.registry import Handler


def store_searched(request: Request, answer: Page[Device]) -> int:
    """Store a page of a patient's devices, or of those on some hardware: an order may be among them.

    Returns how many devices could not be stored.
    """
    failed = store_listed(request, answer)
    search.looked(request, is_last=answer.ended, is_whole=not (failed or answer.unusable))
    return failed


REQUESTS = {
    RequestKind.DEVICE_CREATE: Handler(
        payload=sending.order_to_send, answer=sending.store_created, failed=sending.not_created
    ),
    RequestKind.DEVICES_OF_PATIENT: Handler(answer=store_searched, failed=search.look_failed),
    RequestKind.DEVICES_ON_HARDWARE: Handler(answer=store_searched, failed=search.look_failed),
}
