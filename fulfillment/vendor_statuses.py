"""What the vendor's shipping statuses mean, and where a device is when its events disagree.

The vendor's fulfillment events carry neither an id nor a time, and arrive repeated, late and in any
order. So what is shown is decided by what the events say, never by which came last: within one
cycle the status furthest along the journey. A cycle begins with new hardware; a replacement names
the hardware it replaces.

Names and meanings: https://docs.tenovi.com/hwi-api/webhooks/fulfillment-webhooks
"""

from __future__ import annotations

import datetime
import enum
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from django.db.models import TextChoices


class Stage(TextChoices):
    """Statuses that ask for the same attention, in the order in which they do."""

    NEEDS_YOU = "needs-you", "Needs you"
    PREPARING = "preparing", "Being prepared"
    TRAVELLING = "travelling", "On its way"
    DELIVERED = "delivered", "Delivered, no reading yet"
    IN_USE = "in-use", "In use"
    ENDED = "ended", "Ended"
    OTHER = "other", "Other"


class Act(enum.Enum):
    """What a person of the clinic can do about a status, each on a page of its own."""

    SHIP = "record that it was packed"
    CORRECT_ID = "correct the id"
    ADDRESS = "correct or confirm the address"
    ASK_VENDOR = "ask Tenovi, and say so here"
    ORDER_AGAIN = "order again"


@dataclass(frozen=True, slots=True)
class Status:
    """One status. `rank` is its place on the journey; `turn` says who has to do what next, and `act` how,
    where that is somebody of the clinic."""

    name: str
    rank: int
    stage: Stage
    meaning: str
    turn: str
    act: Act | None = None


STATUSES = (
    Status(
        "Pending Shipment",
        10,
        Stage.PREPARING,
        "The clinic ships this device itself and has not done so yet.",
        "The clinic ships it.",
        Act.SHIP,
    ),
    Status(
        "Dropship Requested",
        20,
        Stage.PREPARING,
        "Tenovi was asked to ship.",
        "Tenovi prepares it.",
    ),
    Status(
        "Unknown Gateway ID",
        30,
        Stage.NEEDS_YOU,
        "Tenovi does not recognise the Gateway ID or IMEI.",
        "Compare the id with the one printed on the device, and correct it.",
        Act.CORRECT_ID,
    ),
    Status(
        "Ready to Ship",
        40,
        Stage.PREPARING,
        "Packed, and waiting for the carrier.",
        "Tenovi hands it to the carrier.",
    ),
    Status(
        "On Hold",
        50,
        Stage.NEEDS_YOU,
        "Tenovi paused the order.",
        "Ask Tenovi what it waits for.",
        Act.ASK_VENDOR,
    ),
    Status(
        "Client Action Required",
        60,
        Stage.NEEDS_YOU,
        "Tenovi needs something before it can ship, often a confirmed address.",
        "Correct or confirm the patient’s address.",
        Act.ADDRESS,
    ),
    Status(
        "Shipped",
        70,
        Stage.TRAVELLING,
        "With the carrier.",
        "The carrier delivers it.",
    ),
    Status(
        "Dropshipped",
        80,
        Stage.TRAVELLING,
        "Sent by Tenovi, with the carrier.",
        "The carrier delivers it.",
    ),
    Status(
        "Delivered",
        90,
        Stage.DELIVERED,
        "Arrived; nothing has been measured yet.",
        "The patient takes a first reading.",
    ),
    Status(
        "Connected",
        100,
        Stage.IN_USE,
        "The first reading has arrived.",
        "Nothing to do.",
    ),
    Status(
        "Returned",
        110,
        Stage.NEEDS_YOU,
        "The parcel or the device came back.",
        "Order again if the patient still needs it.",
        Act.ORDER_AGAIN,
    ),
    Status(
        "Replaced",
        120,
        Stage.TRAVELLING,
        "The hardware was exchanged; the new one is sent or handed over.",
        "The new hardware reaches the patient.",
    ),
    Status(
        "Unlinked",
        130,
        Stage.ENDED,
        "Detached: no more readings, no more monthly charge.",
        "Nothing to do.",
    ),
)
MAY_FOLLOW: dict[str, tuple[str, ...]] = {
    "Pending Shipment": ("Dropship Requested", "Shipped", "Delivered"),
    "Dropship Requested": (
        *("Unknown Gateway ID", "Ready to Ship", "On Hold", "Client Action Required"),
        *("Shipped", "Dropshipped"),
    ),
    "Unknown Gateway ID": ("Ready to Ship", "Shipped", "Delivered", "Connected"),
    "Ready to Ship": ("On Hold", "Client Action Required", "Shipped", "Dropshipped"),
    "On Hold": ("Client Action Required", "Shipped", "Dropshipped"),
    "Client Action Required": ("Shipped", "Dropshipped"),
    "Shipped": ("Dropshipped", "Delivered", "Connected", "Returned"),
    "Dropshipped": ("Delivered", "Connected", "Returned"),
    "Delivered": ("Connected", "Returned", "Replaced", "Unlinked"),
    "Connected": ("Returned", "Replaced", "Unlinked"),
    "Returned": ("Replaced", "Unlinked"),
    "Replaced": ("Unlinked",),
    "Unlinked": (),
}
"""Within one cycle, the statuses that may be shown next; as events get lost, also any that these lead
to (`may_follow`). Whatever else comes is kept in the history and changes nothing that is shown."""
CYCLE_BEGINS = ("Replaced", "Shipped", "Dropshipped", "Delivered", "Connected")
"""How a cycle of new hardware begins: a replacement comes when the new hardware leaves."""
ORDER_STATUSES = (
    Status("Pending", 10, Stage.PREPARING, "Asked for, not yet on its way.", "Tenovi prepares it."),
    Status("Shipped", 20, Stage.TRAVELLING, "With the carrier.", "The carrier delivers it."),
    Status("Delivered", 30, Stage.DELIVERED, "Arrived.", "Nothing to do."),
    Status("Returned", 40, Stage.ENDED, "Came back to Tenovi.", "Nothing to do."),
)
"""Of special and bulk orders: https://docs.tenovi.com/hwi-api/webhooks/special-order-webhooks"""

SILENT_AFTER_DELIVERY = datetime.timedelta(days=3)  # without a reading: somebody should call
REPLACED_AS_A_BEGINNING = 65  # the event comes when the new hardware leaves, so before Shipped
UNKNOWN_RANK = 0


def _folded(text: str) -> str:
    return re.sub(r"[\s_-]+", "", text).casefold()


_DEVICE_STATUS = {_folded(status.name): status for status in STATUSES}
_ORDER_STATUS = {_folded(status.name): status for status in ORDER_STATUSES}


def status_named(text: str) -> Status:
    """A device's status, its name in any case and spacing; one that we do not know keeps its text."""
    return _DEVICE_STATUS.get(_folded(text)) or _unknown(text)


def order_status_named(text: str) -> Status:
    """The same for the status of a special order."""
    return _ORDER_STATUS.get(_folded(text)) or _unknown(text)


def _unknown(text: str) -> Status:
    return Status(
        text,
        UNKNOWN_RANK,
        Stage.OTHER,
        "A status that is new to us.",
        "Ask Tenovi what it means.",
        Act.ASK_VENDOR,
    )


def may_follow(before: str, after: str) -> bool:
    """Whether `after` may replace `before` within one cycle. Any known status replaces an unknown text,
    and an unknown text replaces nothing."""
    if after not in MAY_FOLLOW or before == after:
        return False
    seen, waiting = set(), [before]
    while waiting:
        for following in MAY_FOLLOW.get(waiting.pop(), MAY_FOLLOW):
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    return after in seen


def names_of(stage: Stage) -> list[str]:
    """The device statuses of a stage; none for `OTHER`, which is every name that is not listed."""
    return [status.name for status in STATUSES if status.stage == stage]


class Event(Protocol):
    """What decides about the status shown. `received_at` is our clock; hardware ids are "" when unsaid."""

    @property
    def status(self) -> str: ...
    @property
    def hardware_uuid(self) -> str: ...
    @property
    def replaced_hardware_uuid(self) -> str: ...
    @property
    def former_hardware_uuid(self) -> str: ...
    @property
    def tracking_link(self) -> str: ...
    @property
    def received_at(self) -> datetime.datetime: ...


@dataclass(frozen=True, slots=True)
class Shown:
    """Where a device is. `since` is when we first heard so; the link is of the furthest event that has one."""

    status: Status
    hardware_uuid: str
    tracking_link: str
    since: datetime.datetime


def shown_status(events: Sequence[Event]) -> Shown:
    """Where the device of these events is; there must be at least one.

    The same for every order of arrival, except where two hardware ids are linked by no replacement:
    then the one that appeared last is taken for the new one, for lack of any other evidence.
    """
    current, is_first = _current_hardware(events)
    cycle = [event for event in events if _belongs(event, current, is_first)]

    def place(event: Event) -> tuple[int, str]:
        status = status_named(event.status)
        begins = status.name == "Replaced" and not is_first
        return REPLACED_AS_A_BEGINNING if begins else status.rank, status.name

    furthest = max(cycle, key=place)
    linked = [event for event in cycle if event.tracking_link]
    return Shown(
        status=status_named(furthest.status),
        hardware_uuid=current,
        tracking_link=max(linked, key=lambda event: (place(event), event.received_at)).tracking_link
        if linked
        else "",
        since=min(event.received_at for event in cycle if place(event) == place(furthest)),
    )


def _current_hardware(events: Iterable[Event]) -> tuple[str, bool]:
    """The hardware in use or on its way, and whether it is the first this device had. What our record
    named before an event named another was there earlier, even if an event of it comes late."""
    seen: dict[str, tuple[datetime.datetime, bool]] = {}
    links: list[Event] = []
    for event in sorted(events, key=lambda event: event.received_at):
        if event.hardware_uuid:
            if event.former_hardware_uuid:
                seen.setdefault(event.former_hardware_uuid, (event.received_at, False))
            seen.setdefault(event.hardware_uuid, (event.received_at, True))
            if event.replaced_hardware_uuid not in ("", event.hardware_uuid):
                links.append(event)
    if not seen:
        return "", True
    replaced = {event.replaced_hardware_uuid for event in links}
    standing = seen.keys() - replaced
    if standing:
        current = max(standing, key=lambda hardware: (seen[hardware], hardware))
    else:  # the old hardware came back into use
        current = links[-1].hardware_uuid
    return current, len(seen) == 1 and not links


def _belongs(event: Event, current: str, is_first: bool) -> bool:
    """An event without hardware was sent before any was chosen; only unlinking concerns them all."""
    if event.hardware_uuid:
        return event.hardware_uuid == current
    return is_first or status_named(event.status).name == "Unlinked"


ARRIVED_RANK = status_named("Delivered").rank


def is_under_way(vendor_status: str) -> bool:
    """Whether the device has yet to reach its patient. One with an unknown Gateway ID never will: it is
    there, under an id that has to be corrected."""
    status = status_named(vendor_status)
    return status.rank < ARRIVED_RANK and status.name != "Unknown Gateway ID"
