"""Show the history of an order, a replacement or a request for supplies on its page."""

from __future__ import annotations

import datetime
import itertools
from dataclasses import dataclass

from fulfillment.models import AtMostOnce, Order, RequestEvent
from fulfillment.shipments.tracking import Tracking, tracking_of


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the history, of ours or of the vendor's. `by` is a person's name, "" where none did it."""

    at: datetime.datetime
    title: str
    text: str = ""
    by: str = ""
    tracking: Tracking | None = None
    hardware: str = ""


def happenings_of(row: AtMostOnce) -> list[Happening]:
    """Return what happened to it on our side, the oldest first."""
    events = list(RequestEvent.objects.about(row).select_related("by"))
    return [
        Happening(
            event.at,
            _title(event, following),
            event.text or _matches(row, event),
            str(event.by) if event.by else "",
            tracking_of(event.detail["tracking"]) if "tracking" in event.detail else None,
        )
        for event, following in itertools.zip_longest(events, events[1:])
    ]


def _title(event: RequestEvent, following: RequestEvent | None) -> str:
    """Return what an event was. Only the next one tells what became of sending: nothing may have left."""
    if event.what == RequestEvent.What.SENT and following is None:
        return "Being sent to Tenovi"
    if event.what == RequestEvent.What.SENT and following and following.what == RequestEvent.What.WAITS:
        return "Sending was tried"
    return str(event.get_what_display())


def _matches(row: AtMostOnce, event: RequestEvent) -> str:
    if event.what != RequestEvent.What.SEARCHED:
        return ""
    one, several = ("device", "devices") if isinstance(row, Order) else ("entry", "entries")
    count = len(event.detail.get("found", []))
    return f"{count} {one if count == 1 else several} could be it." if count else "No trace of it."
