"""Store the vendor's answers about orders."""

from __future__ import annotations

from functools import partial

from devices.vendor_answers import store_listed
from fulfillment.at_most_once.search import list_failed, list_read
from fulfillment.at_most_once.sending import handler_of
from fulfillment.orders.policy import ORDERS
from tenovi.client.records import Device, Page
from tenovi.models import Request, RequestKind
from tenovi.registry import Handler


def store_searched(request: Request, answer: Page[Device]) -> int:
    """Store a page of a patient's devices, or of those on some hardware: an order may be among them.

    Returns how many devices could not be stored.
    """
    failed = store_listed(request, answer)
    list_read(ORDERS, request, is_last=answer.ended, is_whole=not (failed or answer.unusable))
    return failed


REQUESTS = {
    RequestKind.DEVICE_CREATE: handler_of(ORDERS),
    RequestKind.DEVICES_OF_PATIENT: Handler(answer=store_searched, failed=partial(list_failed, ORDERS)),
    RequestKind.DEVICES_ON_HARDWARE: Handler(answer=store_searched, failed=partial(list_failed, ORDERS)),
}
