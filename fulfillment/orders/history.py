"""An order as its page shows it: what was wanted, all that happened, and what a person can do now."""

from __future__ import annotations

from devices.models import Device
from fulfillment.models import FulfillmentEvent, Order
from fulfillment.order_states import OrderState
from fulfillment.orders.candidates import candidates_for
from fulfillment.request_history import Happening, happenings_of
from fulfillment.shipments.rows import HAND_IT_OUT
from fulfillment.shipments.tracking import tracking_of
from fulfillment.vendor_statuses import Stage, status_named

ACTIVATED = "Activated; nothing has been measured yet."
NEVER_SENT = "It waits for its turn; nothing has reached Tenovi yet."
WAITS_AGAIN = "Sending it was tried, and nothing has reached Tenovi. It is tried again by itself."
TO_BE_SENT_AGAIN = "It was sent before and Tenovi’s list shows no trace of it: it waits to be sent again."
SENTENCES = {
    OrderState.SENDING: "It is being sent to Tenovi.",
    OrderState.UNCONFIRMED: (
        "Tenovi’s answer was lost, so nobody knows whether it took the order. It is not sent again; "
        "Tenovi’s list is being searched for it."
    ),
    OrderState.NEEDS_PERSON: "Somebody has to decide: Tenovi’s answer was lost, and its list does not settle it.",
    OrderState.REFUSED: "Tenovi refused it. Nothing was ordered.",
    OrderState.CANCELLED: "It was cancelled.",
}


def sentence_of(order: Order) -> str:
    """Say where the order is, and who has to do what next: the one sentence about it on every page."""
    state = OrderState(order.state)
    if state == OrderState.QUEUED:
        return TO_BE_SENT_AGAIN if order.sends else WAITS_AGAIN if order.reason else NEVER_SENT
    if state != OrderState.CONFIRMED:
        return SENTENCES[state]
    return f"{meaning_of(order)} {turn_of(order)}"


def meaning_of(order: Order) -> str:
    """Say what the vendor's status of a confirmed order means."""
    return ACTIVATED if _is_untouched_stock(order) else status_named(order.vendor_status).meaning


def turn_of(order: Order) -> str:
    """Say who has to do what next about a confirmed order."""
    return HAND_IT_OUT if _is_untouched_stock(order) else status_named(order.vendor_status).turn


def _is_untouched_stock(order: Order) -> bool:
    return order.is_for_stock and status_named(order.vendor_status).stage == Stage.DELIVERED


def stage_of(order: Order) -> str:
    """Return which badge it has: of the parcel once there is one, else of the order."""
    state = OrderState(order.state)
    if state == OrderState.CONFIRMED:
        return status_named(order.vendor_status).stage
    if state == OrderState.NEEDS_PERSON or state == OrderState.REFUSED:
        return "needs-you"
    return "ended" if state == OrderState.CANCELLED else "preparing"


def facts_of(order: Order) -> list[tuple[str, str]]:
    """Return what was ordered, as label and text, without what was not asked for."""
    cellular = len(order.hardware_uuid) == 15
    address = (order.shipping_address, order.shipping_city, order.shipping_state, order.shipping_zip_code)
    facts = [
        ("How", order.way + (", the gateway alone" if order.gateway_only else "")),
        ("IMEI" if cellular else "Gateway", order.hardware_uuid),
        ("Serial number", order.sensor_id),
        ("To", order.shipping_name),
        ("Address", ", ".join(part for part in address if part)),
        ("Delivery", "with signature" if order.require_signature else ""),
        ("News to", order.notify_emails.replace(",", ", ")),
        ("Notes", order.shipping_notes),
        ("Ordered by", str(order.placed_by)),
    ]
    return [(label, text) for label, text in facts if text]


def history_of(order: Order, events: list[FulfillmentEvent]) -> list[Happening]:
    """Return everything that happened, the oldest first."""
    theirs = [
        Happening(
            event.received_at,
            event.status,
            status_named(event.status).meaning,
            tracking=tracking_of(event.tracking_link) if event.tracking_link else None,
            hardware=event.hardware_uuid,
        )
        for event in events
    ]
    return sorted(happenings_of(order) + theirs, key=lambda happening: happening.at)


def choices_of(order: Order) -> list[Device]:
    """Return the devices at Tenovi that could be this order, while a person has to say which."""
    if order.state not in (OrderState.UNCONFIRMED, OrderState.NEEDS_PERSON):
        return []
    return list(candidates_for(order).order_by("vendor_created_at", "hwi_device_id"))
