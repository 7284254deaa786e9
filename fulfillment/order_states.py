"""Where an order is on our side, and from where it may go on.

`MAY_BECOME` is the whole truth: an action that is not in it raises. Behind `confirmed` the vendor's
own statuses begin (`fulfillment.vendor_statuses`).
"""

from __future__ import annotations

from django.db.models import TextChoices


class OrderState(TextChoices):
    QUEUED = "queued", "Waiting to be sent"
    SENDING = "sending", "Being sent"
    UNKNOWN = "unknown", "Being looked for"
    NEEDS_PERSON = "needs_person", "Needs a person"
    CONFIRMED = "confirmed", "Confirmed"
    REFUSED = "refused", "Refused"
    CANCELLED = "cancelled", "Cancelled"


MAY_BECOME: dict[OrderState, dict[OrderState, str]] = {
    OrderState.QUEUED: {
        OrderState.SENDING: "its turn has come, committed before a byte leaves",
        OrderState.REFUSED: "what to send could not be put together",
        OrderState.CANCELLED: "a person, before anything was sent",
    },
    OrderState.SENDING: {
        OrderState.QUEUED: "nothing reached Tenovi",
        OrderState.CONFIRMED: "Tenovi answered with the device",
        OrderState.REFUSED: "Tenovi said what is wrong",
        OrderState.UNKNOWN: "no usable answer, or the process died",
    },
    OrderState.UNKNOWN: {
        OrderState.CONFIRMED: "one device at Tenovi matches",
        OrderState.NEEDS_PERSON: "no trace in two looks, or several matches",
        OrderState.QUEUED: "Tenovi was asked too often, and has no trace of it",
    },
    OrderState.NEEDS_PERSON: {
        OrderState.CONFIRMED: "a person chose the device, or it turned up after all",
        OrderState.QUEUED: "a person sends it again, with a reason",
        OrderState.CANCELLED: "a person gives it up, with a reason",
    },
    OrderState.CONFIRMED: {},
    OrderState.REFUSED: {},
    OrderState.CANCELLED: {},
}
"""From each state the ones that may follow, each with what leads there."""


def check_step(before: str, after: str) -> None:
    """Raises for a step that is not in the table."""
    if OrderState(after) not in MAY_BECOME[OrderState(before)]:
        raise ValueError(f"An order that is {before} cannot become {after}.")
