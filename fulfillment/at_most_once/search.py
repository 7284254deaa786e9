"""Search the vendor's lists for a row whose answer was lost."""

from __future__ import annotations

import datetime
from typing import Any

from django.db import transaction
from django.db.models import CharField, Exists, OuterRef
from django.db.models.functions import Cast
from django.utils import timezone

from clinics.tenancy import TenantQuerySet
from fulfillment.at_most_once.policy import C, Policy
from fulfillment.at_most_once.transitions import (
    Event,
    Locked,
    R,
    add_history,
    enqueue_creation,
    lock,
    rows_of,
    transition,
)
from fulfillment.order_states import OrderState
from tenovi.client.errors import TooManyRequests, VendorError
from tenovi.clock import database_now
from tenovi.models import Priority, Request
from tenovi.outbound.enqueue import enqueue_each

SEARCHES = 2  # without a trace, before a person may send it again
SEARCH_AGAIN = datetime.timedelta(minutes=10)  # the vendor may finish late what it began
MOST_SENDS = 5  # of one that the vendor keeps putting off

NO_TRACE = "Tenovi’s list shows no trace of this order."
NOT_WHOLE = "Tenovi’s list of the devices that may be this order could not be read as a whole."
SEVERAL = "More than one device at Tenovi could be this order: choose the one that is."
RIVALS = "Two orders of the same device are being looked for: say which device belongs to which."
GONE = "Its request is gone from the queue."
PUT_OFF = "Tenovi asked us to slow down and has no trace of the order: it is sent again."


def leave_unconfirmed(policy: Policy[R, C], row: R, reason: str, error: VendorError | None) -> None:
    """Mark that the vendor may have created the row, and start the first search at once."""
    audited = {"error": type(error).__name__ if error else "none", "status": error.status if error else None}
    transition(
        row,
        OrderState.UNCONFIRMED,
        Event.UNCONFIRMED,
        reason=reason,
        detail=audited,
        audited=audited,
        unconfirmed_at=timezone.now(),
        throttled=isinstance(error, TooManyRequests),
        searches=0,
        matches=0,
    )
    start_search(policy, row)


def start_search(policy: Policy[R, C], row: R) -> None:
    """Have the lists read that would show the row. Nothing is decided before all of them have been."""
    kind, targets = policy.lists(row)
    row.unread_lists, row.search_asked_at, row.search_due_at = list(targets), database_now(), None
    row.save(update_fields=["unread_lists", "search_asked_at", "search_due_at"])
    enqueue_each(row.clinic, kind, targets, priority=Priority.PERSON, insist=True, anew=True)


def list_read(policy: Policy[R, C], request: Request, *, is_last: bool, is_whole: bool) -> None:
    """Settle what a stored page of a list decides. Must be called inside the page's transaction.

    A list counts when its reading began after the search was asked for and reached the end: with one key
    all calls go one after the other. The last list decides, or one that could not be read as a whole.
    """
    if not (is_last or not is_whole):
        return
    asked_before = _searched_in(policy, request).filter(search_asked_at__lte=request.begun_at)
    for row_id in asked_before.order_by("id").values_list("id", flat=True):
        locked = lock(policy.model, request.clinic, row_id)
        row = locked.row
        if not _is_searched_in(policy, row, request):
            continue
        row.unread_lists = [target for target in row.unread_lists if target != request.target]
        row.save(update_fields=["unread_lists"])
        if not row.unread_lists or not is_whole:
            settle(policy, locked, is_whole=is_whole)


def list_failed(policy: Policy[R, C], request: Request, error: VendorError | None) -> None:
    """Hand over what was searched for in a list that could not be read, after so many attempts."""
    for row_id in _searched_in(policy, request).order_by("id").values_list("id", flat=True):
        row = lock(policy.model, request.clinic, row_id).row
        if _is_searched_in(policy, row, request):
            _hand_over(row, f"{NOT_WHOLE} {request.reason}", matches=row.matches)


def _searched_in(policy: Policy[R, C], request: Request) -> TenantQuerySet[R]:
    unconfirmed = rows_of(policy.model, request.clinic).filter(state=OrderState.UNCONFIRMED)
    return unconfirmed.filter(unread_lists__contains=[request.target])


def _is_searched_in(policy: Policy[R, C], row: R, request: Request) -> bool:
    if row.state != OrderState.UNCONFIRMED or request.target not in row.unread_lists:
        return False
    # A patient's id may look like the id of somebody's hardware.
    return policy.lists(row)[0] == request.kind


def settle(policy: Policy[R, C], locked: Locked[R], *, is_whole: bool = True) -> None:
    """Decide after a search: adopt the one match, search again later, or ask a person."""
    row = locked.row
    if row.state != OrderState.UNCONFIRMED:
        return
    candidates = list(policy.candidates(row))
    _note_search(policy, row, candidates, is_whole=is_whole)
    rivals = policy.has_rivals(row)
    if len(candidates) == 1 and not rivals:
        policy.adopt(locked, candidates[0], Event.ADOPTED, None)
    elif candidates:
        _hand_over(row, SEVERAL if len(candidates) > 1 else RIVALS, matches=len(candidates))
    elif not is_whole:
        _hand_over(row, NOT_WHOLE, matches=0)
    elif row.throttled and row.sends < MOST_SENDS:
        locked.forget_request()
        transition(row, OrderState.QUEUED, Event.SENT_AGAIN, reason=PUT_OFF, search_due_at=None)
        enqueue_creation(row)
    elif row.searches >= SEARCHES:
        _hand_over(row, NO_TRACE, matches=0)
    else:
        row.search_due_at = timezone.now() + SEARCH_AGAIN
        row.save(update_fields=["search_due_at"])


def _note_search(policy: Policy[R, C], row: R, candidates: list[C], *, is_whole: bool) -> None:
    row.searches, row.searched_at = row.searches + 1, timezone.now()
    row.unread_lists, row.matches = [], len(candidates)
    row.save(update_fields=["searches", "searched_at", "unread_lists", "matches"])
    evidence = {"found": [policy.evidence(candidate) for candidate in candidates], "whole": is_whole}
    audited = {"found": len(candidates), "look": row.searches}
    add_history(row, Event.SEARCHED, detail=evidence, audited=audited)


def _hand_over(row: R, reason: str, *, matches: int) -> None:
    fields: dict[str, Any] = {"search_due_at": None, "unread_lists": [], "matches": matches}
    transition(
        row, OrderState.NEEDS_PERSON, Event.HANDED, reason=reason, audited={"found": matches}, **fields
    )


def follow(policy: Policy[R, C]) -> None:
    """Take care of all rows whose answer is lost, or whose request is gone."""
    mend(policy)
    start_due_searches(policy)
    adopt_what_turned_up(policy)


def mend(policy: Policy[R, C]) -> int:
    """Take up rows whose request was deleted, and searches whose lists are not asked for any more.

    What has surely not been sent is queued again; what may have been is searched for. Returns how many.
    """
    requests = Request.objects.across_clinics().filter(
        clinic=OuterRef("clinic"), kind=policy.model.CREATE, target=Cast(OuterRef("id"), CharField())
    )
    stranded = _all(policy).filter(~Exists(requests), state__in=[OrderState.QUEUED, OrderState.SENDING])
    mended = 0
    for row in stranded.select_related("clinic").order_by("id"):
        with transaction.atomic():
            locked = lock(policy.model, row.clinic, row.id)
            if locked.request is None and locked.row.state == OrderState.QUEUED:
                enqueue_creation(locked.row)
            elif locked.request is None and locked.row.state == OrderState.SENDING:
                leave_unconfirmed(policy, locked.row, GONE, None)
            else:
                continue
            mended += 1
    return mended + _restart_forgotten_searches(policy)


def _restart_forgotten_searches(policy: Policy[R, C]) -> int:
    mended = 0
    waiting = _all(policy).filter(state=OrderState.UNCONFIRMED, search_due_at=None)
    for row in waiting.select_related("clinic").order_by("id"):
        with transaction.atomic():
            locked = lock(policy.model, row.clinic, row.id).row
            lists = Request.objects.for_clinic(row.clinic).filter(kind=policy.lists(locked)[0])
            being_read = lists.filter(target__in=locked.unread_lists).unanswered().count()
            is_searched_for = locked.search_due_at or 0 < len(locked.unread_lists) == being_read
            if locked.state == OrderState.UNCONFIRMED and not is_searched_for:
                start_search(policy, locked)
                mended += 1
    return mended


def start_due_searches(policy: Policy[R, C]) -> int:
    """Begin the searches that are due. Returns how many."""
    due = _all(policy).filter(state=OrderState.UNCONFIRMED, search_due_at__lte=timezone.now())
    started = 0
    for row in due.select_related("clinic").order_by("search_due_at"):
        with transaction.atomic():
            locked = lock(policy.model, row.clinic, row.id).row
            if locked.state == OrderState.UNCONFIRMED and locked.search_due_at == row.search_due_at:
                start_search(policy, locked)
                started += 1
    return started


def adopt_what_turned_up(policy: Policy[R, C]) -> int:
    """Adopt rows without a trace whose entry has become known since, by a webhook or a sync. Returns how many."""
    lost = _all(policy).filter(state=OrderState.NEEDS_PERSON, matches=0)
    adopted = 0
    for row in lost.select_related("clinic").order_by("id"):
        with transaction.atomic():
            locked = lock(policy.model, row.clinic, row.id)
            candidates = list(policy.candidates(locked.row)[:2])
            is_lost = locked.row.state == OrderState.NEEDS_PERSON
            if is_lost and len(candidates) == 1 and not policy.has_rivals(locked.row):
                policy.adopt(locked, candidates[0], Event.ADOPTED, None)
                adopted += 1
    return adopted


def _all(policy: Policy[R, C]) -> TenantQuerySet[R]:
    rows: TenantQuerySet[R] = policy.model.objects.across_clinics()  # type: ignore[assignment]
    return rows
