"""Request replacements and supplies of the vendor: each is sent at most once, whatever fails.

A row is written, and the queue sends it. What happens to one whose answer is lost is the engine's
(`fulfillment.at_most_once`), as for orders.
"""

from __future__ import annotations

import uuid

from django.db import transaction
from django.utils import timezone

from clinics.models import User
from common.locks import hold
from fulfillment.at_most_once.transitions import (
    Event,
    add_history,
    enqueue_creation,
    lock,
    transition,
)
from fulfillment.models import STILL_OPEN, AtMostOnce, SpecialOrderRequest
from fulfillment.order_states import OrderState
from fulfillment.special_orders.policy import S, adopt, candidates_of, overlaps, requests_of
from tenovi.models import Priority
from tenovi.outbound.enqueue import enqueue

GATEWAY = "Gateway"


class AlreadyRequested(Exception):
    """The same is open already: `existing`."""

    def __init__(self, existing: SpecialOrderRequest) -> None:
        super().__init__("The same was asked for already.")
        self.existing = existing


@transaction.atomic
def place_request(*, order_request: S, by: User, again: bool = False) -> S:
    """Have the vendor send it; `order_request` is not saved yet. The same token twice is the first one again.

    Raises `AlreadyRequested` while the same need is open, unless `again`.
    """
    clinic, requests = order_request.clinic, requests_of(type(order_request), order_request.clinic)
    hold(clinic.id, [f"asks for {order_request.WORD}".encode()])
    if order_request.token and (first := requests.filter(token=order_request.token).first()):
        return first
    still_open = requests.in_states(*STILL_OPEN).order_by("-asked_at")
    existing = next((row for row in still_open if overlaps(row, order_request)), None)
    if existing and not again:
        raise AlreadyRequested(existing)
    order_request.state, order_request.asked_by = OrderState.QUEUED, by
    order_request.asked_at = order_request.changed_at = timezone.now()
    order_request.save(force_insert=True)
    audited = {"what": order_request.what, "ships": bool(order_request.shipping_address), "again": again}
    add_history(order_request, Event.PLACED, by=by, audited=audited)
    enqueue_creation(order_request)
    return order_request


@transaction.atomic
def withdraw(*, order_request: SpecialOrderRequest, by: User) -> bool:
    """Take it back: at once where nothing was sent, else by having the vendor withdraw it while it is pending.

    Returns False when it is too late: it is being sent right now, or it has been sent out.
    """
    locked = lock(type(order_request), order_request.clinic, order_request.id)
    row = locked.row
    if row.state == OrderState.QUEUED and not locked.is_on_its_way:
        reason = "Taken back before it was sent."
        transition(row, OrderState.CANCELLED, Event.WITHDRAWN, by=by, reason=reason)
        locked.forget_request()
    elif row.state == OrderState.CONFIRMED:
        audited = {"vendor_id": row.vendor_id}
        transition(row, OrderState.WITHDRAWING, Event.WITHDRAWN, by=by, reason=row.reason, audited=audited)
        enqueue(row.clinic, row.WITHDRAW, row.vendor_id, priority=Priority.PERSON, insist=True)
    else:
        return False
    return True


@transaction.atomic
def choose_entry(*, order_request: S, entry: S, by: User) -> bool:
    """Settle one whose answer was lost with the entry that a person chose. False when it is settled already."""
    locked = lock(type(order_request), order_request.clinic, order_request.id)
    if not is_unsettled(locked.row) or entry not in candidates_of(locked.row):
        return False
    adopt(locked, entry, Event.ADOPTED, by)
    return True


@transaction.atomic
def send_again(*, order_request: S, reason: str, by: User) -> S | None:
    """Give up one without a trace and request the same anew. None when there is no cause for it (any more)."""
    locked = lock(type(order_request), order_request.clinic, order_request.id)
    row = locked.row
    if not may_be_sent_again(row):
        return None
    why = f"Sent again: {reason}"
    transition(
        row, OrderState.CANCELLED, Event.SENT_AGAIN, by=by, reason=why, audited={"reason": reason[:500]}
    )
    locked.forget_request()
    return place_request(order_request=_copy(row), by=by, again=True)


def _copy(row: S) -> S:
    """Return the same need as a new row, with nothing of what happened to the first."""
    asked = {field.attname for field in row._meta.concrete_fields}
    asked -= {field.attname for field in AtMostOnce._meta.local_fields} - {"clinic_id"}
    copied = {name: getattr(row, name) for name in asked}
    fresh = {"id": uuid.uuid4(), "token": "", "vendor_id": "", "instead_of_id": row.id}
    return type(row)(**copied | fresh)


@transaction.atomic
def give_up(*, order_request: SpecialOrderRequest, by: User) -> bool:
    """Do nothing more about one whose answer was lost. False when it is settled already."""
    locked = lock(type(order_request), order_request.clinic, order_request.id)
    if not is_unsettled(locked.row):
        return False
    transition(locked.row, OrderState.CANCELLED, Event.GIVEN_UP, by=by, reason=locked.row.reason)
    locked.forget_request()
    return True


def is_unsettled(row: SpecialOrderRequest) -> bool:
    """Tell whether the vendor may have taken it, which a search or a person has to find out."""
    return row.state in (OrderState.UNCONFIRMED, OrderState.NEEDS_PERSON)


def may_be_sent_again(row: SpecialOrderRequest) -> bool:
    return row.state == OrderState.NEEDS_PERSON and not candidates_of(row)
