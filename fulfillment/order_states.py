"""Where an order, a replacement or a request for supplies is on our side, and from where it may go on.

`MAY_BECOME` is the whole truth: a step that is not in it raises. Behind `confirmed` the vendor's own
statuses begin (`fulfillment.vendor_statuses`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db.models import TextChoices


class OrderState(TextChoices):
    QUEUED = "queued", "Waiting to be sent"
    SENDING = "sending", "Being sent"
    UNCONFIRMED = "unknown", "Being looked for"
    NEEDS_PERSON = "needs_person", "Needs a person"
    CONFIRMED = "confirmed", "Confirmed"
    WITHDRAWING = "withdrawing", "Being withdrawn"
    FULFILLED = "fulfilled", "Sent out"
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
        OrderState.CONFIRMED: "Tenovi answered with what it created",
        OrderState.FULFILLED: "Tenovi answered that it is sent out already",
        OrderState.REFUSED: "Tenovi said what is wrong",
        OrderState.UNCONFIRMED: "no usable answer, or the process died",
    },
    OrderState.UNCONFIRMED: {
        OrderState.CONFIRMED: "one entry at Tenovi matches",
        OrderState.FULFILLED: "one entry at Tenovi matches, and is sent out",
        OrderState.NEEDS_PERSON: "no trace in two searches, or several matches",
        OrderState.QUEUED: "Tenovi was asked too often, and has no trace of it",
        OrderState.CANCELLED: "a person gives it up",
    },
    OrderState.NEEDS_PERSON: {
        OrderState.CONFIRMED: "a person chose the match, or it turned up after all",
        OrderState.FULFILLED: "a person chose the match, which is sent out",
        OrderState.QUEUED: "a person sends it again, with a reason",
        OrderState.CANCELLED: "a person gives it up",
    },
    OrderState.CONFIRMED: {
        OrderState.WITHDRAWING: "a person takes it back",
        OrderState.FULFILLED: "Tenovi has sent it out",
    },
    OrderState.WITHDRAWING: {
        OrderState.CANCELLED: "Tenovi has taken it off its list",
        OrderState.CONFIRMED: "Tenovi did not withdraw it",
        OrderState.FULFILLED: "Tenovi has sent it out",
    },
    OrderState.FULFILLED: {},
    OrderState.REFUSED: {},
    OrderState.CANCELLED: {
        OrderState.FULFILLED: "Tenovi has sent it out all the same",
    },
}
"""From each state the ones that may follow, each with what leads there."""

Step = tuple[OrderState, OrderState]


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The part of the table that one kind of request uses: its states, and the steps it never takes."""

    word: str
    states: tuple[OrderState, ...]
    never: frozenset[Step] = field(default_factory=frozenset)

    @property
    def table(self) -> dict[OrderState, dict[OrderState, str]]:
        """Return the steps of `MAY_BECOME` that this kind may take."""
        return {
            before: {
                after: why
                for after, why in MAY_BECOME[before].items()
                if after in self.states and (before, after) not in self.never
            }
            for before in self.states
        }

    def check(self, before: str, after: str) -> None:
        """Raise ValueError for a step that is not in the table."""
        if OrderState(after) not in self.table.get(OrderState(before), {}):
            raise ValueError(f"{self.word} that is {before} cannot become {after}.")

    @property
    def choices(self) -> list[tuple[str, str]]:
        return [(state.value, str(state.label)) for state in self.states]


ORDER = Lifecycle(
    "An order",
    tuple(state for state in OrderState if state not in (OrderState.WITHDRAWING, OrderState.FULFILLED)),
    # Its page offers to give it up only once the searches are over.
    never=frozenset({(OrderState.UNCONFIRMED, OrderState.CANCELLED)}),
)
SPECIAL_ORDER = Lifecycle(
    "A request",
    tuple(OrderState),
    # A person sends it again as a new request, which names this one.
    never=frozenset({(OrderState.NEEDS_PERSON, OrderState.QUEUED)}),
)
ENDED = (OrderState.FULFILLED, OrderState.REFUSED, OrderState.CANCELLED)
