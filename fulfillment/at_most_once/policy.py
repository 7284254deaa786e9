"""Tell the one engine, as data, how orders, replacements and requests for supplies differ."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from clinics.models import User
from fulfillment.at_most_once.transitions import Event, Locked, R
from fulfillment.models import AtMostOnce
from tenovi.client.errors import VendorError
from tenovi.models import Request, RequestKind

C = TypeVar("C")
"""Stand for an entry of the vendor's lists: a device for an order, else a row of the kind's own model."""

CLOCKS_DIFFER = datetime.timedelta(minutes=10)
"""How far the vendor's clock may be from ours. Too little would miss what the vendor did create, and a
second parcel would go out; too much only leaves the choice between two matches to a person."""
STILL_WORKING = datetime.timedelta(hours=1)
"""For a create that the vendor finished late."""


@dataclass(frozen=True, slots=True)
class Policy(Generic[R, C]):
    """How one kind is sent, listed, recognised and taken.

    `body` puts together what is sent. `lists` names the lists that would show the row, by kind and
    targets. `candidates` are entries that may be it, at most 20, the oldest first; `evidence` is what the
    history keeps of one. `has_rivals`: another row is being sent or searched for that the same entry
    could be. `created` takes the vendor's answer, `adopt` an entry that is the row. `refusal` is the
    reason that a refused one shows.
    """

    model: type[R]
    body: Callable[[R], dict[str, Any]]
    lists: Callable[[R], tuple[RequestKind, Sequence[str]]]
    candidates: Callable[[R], Sequence[C]]
    evidence: Callable[[C], dict[str, Any]]
    has_rivals: Callable[[R], bool]
    created: Callable[[Locked[R], Any], None]
    adopt: Callable[[Locked[R], C, Event, User | None], None]
    refusal: Callable[[Request, VendorError | None], str]


def created_between(row: AtMostOnce) -> tuple[datetime.datetime, datetime.datetime] | None:
    """Return between which times of the vendor's the row was created, if it was; None before it is unconfirmed."""
    if row.first_sent_at is None or row.unconfirmed_at is None:
        return None
    return row.first_sent_at - CLOCKS_DIFFER, row.unconfirmed_at + STILL_WORKING
