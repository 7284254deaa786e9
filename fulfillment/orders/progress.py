"""Move orders on by the vendor's own record of their devices."""

from __future__ import annotations

from django.db.models import F, Q

from fulfillment.models import Order
from fulfillment.vendor_statuses import Stage, is_under_way, may_follow, names_of, status_named


def catch_up() -> int:
    """Move on orders whose device is further along by the vendor's record than by its events.

    Some events get lost. Only orders under way, or waiting for a person, are compared. Returns how many moved.
    """
    waits = Q(is_open=True) | Q(vendor_status__in=names_of(Stage.NEEDS_YOU))
    behind = Order.objects.across_clinics().filter(waits, device__isnull=False)
    moved = 0
    for order in behind.exclude(vendor_status=F("device__status")).select_related("device"):
        status = status_named(order.device.status).name if order.device else ""
        if may_follow(order.vendor_status, status):
            order.vendor_status = status
            order.is_open = order.is_open and is_under_way(status)
            order.save(update_fields=["vendor_status", "is_open"])
            moved += 1
    return moved
