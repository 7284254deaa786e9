"""Asking the vendor for replacements and supplies: each sent at most once, whatever fails.

A row is written, and the queue sends it. Where nobody knows whether the vendor took it, the vendor's
own list decides: exactly one entry that fits is adopted, none in two looks ten minutes apart leaves
*send again* to a person with a reason, more than one leaves the choice to a person.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from django.db import transaction
from django.db.models import CharField, Exists, F, OuterRef
from django.db.models.functions import Cast
from django.utils import timezone

from clinics import audit
from clinics.models import Clinic, User
from common.locks import hold
from fulfillment.models import (
    STILL_OPEN,
    Replacement,
    SpecialOrderRequest,
    SpecialOrderRequestState,
    SupplyRequest,
)
from fulfillment.querysets import SpecialOrderRequestQuerySet
from tenovi.models import Priority, Request, RequestKind
from tenovi.outbound.enqueue import enqueue as ask_vendor

A = TypeVar("A", bound=SpecialOrderRequest)

SHIPPING = ("shipping_name", "shipping_address", "shipping_city", "shipping_state", "shipping_zip_code")
GATEWAY = "Gateway"
LOOKS = 2
BETWEEN_LOOKS = datetime.timedelta(minutes=10)
GONE = "Its request is gone from the queue."
CLOCKS_DIFFER = datetime.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class VendorCalls:
    """The vendor's calls for one sort of ask, and its word in the record."""

    create: str
    remove: str
    listing: str
    word: str


VENDOR_CALLS: dict[type[SpecialOrderRequest], VendorCalls] = {
    Replacement: VendorCalls(
        RequestKind.REPLACEMENT_CREATE,
        RequestKind.REPLACEMENT_DELETE,
        RequestKind.REPLACEMENTS,
        "replacement",
    ),
    SupplyRequest: VendorCalls(
        RequestKind.SUPPLY_CREATE, RequestKind.SUPPLY_DELETE, RequestKind.SUPPLY_REQUESTS, "supplies"
    ),
}


class AlreadyRequested(Exception):
    """The same is open already: `existing`."""

    def __init__(self, existing: SpecialOrderRequest) -> None:
        super().__init__("The same was asked for already.")
        self.existing = existing


def rows_of(model: type[A], clinic: Clinic) -> SpecialOrderRequestQuerySet[A]:
    rows: SpecialOrderRequestQuerySet[A] = model.objects.for_clinic(clinic)  # type: ignore[assignment]
    return rows


@transaction.atomic
def place_request(*, ask: A, by: User, again: bool = False) -> A:
    """Have the vendor send it; `ask` is not saved yet. The same token twice is the first one again.

    Raises `AlreadyRequested` while the same need is open, unless `again`.
    """
    sort, clinic = VENDOR_CALLS[type(ask)], ask.clinic
    hold(clinic.id, [f"asks for {sort.word}".encode()])
    if ask.token and (first := rows_of(type(ask), clinic).filter(token=ask.token).first()):
        return first
    still_open = rows_of(type(ask), clinic).filter(state__in=STILL_OPEN)
    same = next((one for one in still_open.order_by("-asked_at") if _overlaps(one, ask)), None)
    if same and not again:
        raise AlreadyRequested(same)
    ask.state, ask.asked_by = SpecialOrderRequestState.QUEUED, by
    ask.asked_at = ask.changed_at = timezone.now()
    ask.save(force_insert=True)
    sent = {"what": ask.what, "ships": bool(ask.shipping_address), "again": again}
    _record(f"{sort.word}_asked_for", ask, by, **sent)
    ask_vendor(clinic, sort.create, str(ask.id), priority=Priority.PERSON)
    return ask


def confirm(ask: SpecialOrderRequest, *, vendor_id: str, fulfilled: bool) -> None:
    """The vendor has it, under this id."""
    rows_of(type(ask), ask.clinic).filter(vendor_id=vendor_id).exclude(id=ask.id).delete()
    ask.vendor_id = vendor_id
    ask.state = SpecialOrderRequestState.FULFILLED if fulfilled else SpecialOrderRequestState.CONFIRMED
    ask.said = ""
    _save(ask, "vendor_id")
    _record(f"{VENDOR_CALLS[type(ask)].word}_confirmed", ask, None, vendor_id=vendor_id, state=ask.state)


def refuse(ask: SpecialOrderRequest, said: str) -> None:
    ask.state, ask.said = SpecialOrderRequestState.REFUSED, said[:500]
    _save(ask)
    _record(f"{VENDOR_CALLS[type(ask)].word}_refused", ask, None)


def leave_in_doubt(ask: SpecialOrderRequest, said: str) -> None:
    """Nobody knows whether the vendor took it. Its list is asked for at once."""
    ask.state, ask.said = SpecialOrderRequestState.UNKNOWN, said[:500]
    _save(ask)
    _record(f"{VENDOR_CALLS[type(ask)].word}_in_doubt", ask, None)
    ask_vendor(ask.clinic, VENDOR_CALLS[type(ask)].listing, priority=Priority.PERSON, anew=True)


@transaction.atomic
def withdraw(*, ask: SpecialOrderRequest, by: User) -> bool:
    """Take it back: at once where nothing was sent, by asking the vendor where it is pending there.
    False when it is too late: it is being sent right now, or it has been sent out."""
    ask = _locked(ask)
    sort = VENDOR_CALLS[type(ask)]
    if ask.state == SpecialOrderRequestState.QUEUED:
        unsent = Request.objects.for_clinic(ask.clinic).filter(kind=sort.create, target=str(ask.id))
        if not unsent.filter(state="waiting").delete()[0]:
            return False
        ask.state, ask.said = SpecialOrderRequestState.CANCELLED, "Taken back before it was sent."
    elif ask.state == SpecialOrderRequestState.CONFIRMED:
        ask.state = SpecialOrderRequestState.WITHDRAWING
        ask_vendor(ask.clinic, sort.remove, ask.vendor_id, priority=Priority.PERSON, insist=True)
    else:
        return False
    _save(ask)
    _record(f"{sort.word}_withdrawn", ask, by, vendor_id=ask.vendor_id)
    return True


def withdrawn(ask: SpecialOrderRequest) -> None:
    """The vendor has taken it off its list."""
    ask.state, ask.said = SpecialOrderRequestState.CANCELLED, "Withdrawn at Tenovi."
    _save(ask)


def not_withdrawn(ask: SpecialOrderRequest, said: str) -> None:
    """The vendor did not: most likely it is on its way."""
    ask.state, ask.said = SpecialOrderRequestState.CONFIRMED, f"It could not be withdrawn. {said}"[:500]
    _save(ask)


def store_listed(rows: Iterable[tuple[SpecialOrderRequest, bool]]) -> None:
    """Rows of the vendor's list, not saved, each with whether it is fulfilled. Those we know move on;
    others were asked for elsewhere, or are the evidence about one of ours."""
    for row, fulfilled in rows:
        known = rows_of(type(row), row.clinic).filter(vendor_id=row.vendor_id).first()
        if known is None:
            row.state = (
                SpecialOrderRequestState.FULFILLED if fulfilled else SpecialOrderRequestState.CONFIRMED
            )
            row.changed_at = row.asked_at
            row.save(force_insert=True)
        elif fulfilled and known.state != SpecialOrderRequestState.FULFILLED:
            known.state = SpecialOrderRequestState.FULFILLED
            _save(known)


def settle_doubtful(clinic: Clinic, model: type[SpecialOrderRequest], *, read_at: datetime.datetime) -> None:
    """The vendor's list was read to its end, from `read_at` on: resolve what was in doubt by then, where
    it can be."""
    now = timezone.now()
    doubtful = (
        rows_of(model, clinic).in_states(SpecialOrderRequestState.UNKNOWN).filter(changed_at__lte=read_at)
    )
    for ask in doubtful.select_for_update():
        found = candidates(ask)
        if len(found) == 1:
            adopt(ask=ask, found=found[0], by=None)
        elif not found and (ask.looked_at is None or now - ask.looked_at >= BETWEEN_LOOKS):
            rows_of(model, clinic).filter(id=ask.id).update(looks=F("looks") + 1, looked_at=now)


def candidates(ask: A) -> list[A]:
    """Entries of the vendor's list that may be this one: nobody here asked for them."""
    since = ask.asked_at - CLOCKS_DIFFER
    elsewhere = rows_of(type(ask), ask.clinic).filter(asked_by=None, asked_at__gte=since)
    return [one for one in elsewhere.order_by("asked_at") if _same_need(one, ask)]


@transaction.atomic
def adopt(*, ask: A, found: A, by: User | None) -> None:
    """The vendor's entry `found` is this one. `by` is None where the evidence left no choice."""
    vendor_id, fulfilled = found.vendor_id, found.state == SpecialOrderRequestState.FULFILLED
    _settle_request(ask)
    confirm(ask, vendor_id=vendor_id, fulfilled=fulfilled)
    _record(f"{VENDOR_CALLS[type(ask)].word}_adopted", ask, by, vendor_id=vendor_id)


@transaction.atomic
def send_again(*, ask: A, reason: str, by: User) -> A | None:
    """Give up one that is nowhere to be found and ask anew. None when there is no cause for it (any more)."""
    ask = _locked(ask)
    if not may_be_sent_again(ask):
        return None
    ask.state, ask.said = SpecialOrderRequestState.CANCELLED, f"Sent again: {reason}"[:500]
    _save(ask)
    _settle_request(ask)
    _record(f"{VENDOR_CALLS[type(ask)].word}_sent_again", ask, by, reason=reason)
    copied = {field.attname: getattr(ask, field.attname) for field in ask._meta.concrete_fields}
    fresh = {"id": uuid.uuid4(), "token": "", "said": "", "looks": 0, "looked_at": None}
    return place_request(ask=type(ask)(**copied | fresh | {"instead_of_id": ask.id}), by=by, again=True)


@transaction.atomic
def give_up(*, ask: SpecialOrderRequest, by: User) -> bool:
    """A person knows better: nothing more is done about one in doubt. False when it is no longer."""
    ask = _locked(ask)
    if ask.state != SpecialOrderRequestState.UNKNOWN:
        return False
    ask.state = SpecialOrderRequestState.CANCELLED
    _save(ask)
    _settle_request(ask)
    _record(f"{VENDOR_CALLS[type(ask)].word}_given_up", ask, by)
    return True


def may_be_sent_again(ask: SpecialOrderRequest) -> bool:
    return ask.state == SpecialOrderRequestState.UNKNOWN and ask.looks >= LOOKS and not candidates(ask)


def _mend(model: type[SpecialOrderRequest]) -> None:
    """What waits for a request that is no more: nobody knows about the one, and the other was not withdrawn."""
    sort = VENDOR_CALLS[model]
    for state, kind, target in (
        (SpecialOrderRequestState.QUEUED, sort.create, Cast(OuterRef("id"), CharField())),
        (SpecialOrderRequestState.WITHDRAWING, sort.remove, OuterRef("vendor_id")),
    ):
        requests = Request.objects.across_clinics().filter(
            clinic=OuterRef("clinic"), kind=kind, target=target
        )
        rows: SpecialOrderRequestQuerySet[SpecialOrderRequest] = model.objects.across_clinics()  # type: ignore[assignment]
        for ask in rows.in_states(state).filter(~Exists(requests)).select_related("clinic"):
            with transaction.atomic():
                held = _locked(ask)
                if held.state != state or _is_asked(held.clinic, kind, str(held.id), held.vendor_id):
                    continue
                (leave_in_doubt if state == SpecialOrderRequestState.QUEUED else not_withdrawn)(held, GONE)


def _is_asked(clinic: Clinic, kind: str, *targets: str) -> bool:
    return Request.objects.for_clinic(clinic).filter(kind=kind, target__in=targets).exists()


def look_again() -> int:
    """Have the lists read that may settle what is in doubt; how many."""
    for model in VENDOR_CALLS:
        _mend(model)
    due = timezone.now() - BETWEEN_LOOKS
    asked = 0
    for model, sort in VENDOR_CALLS.items():
        rows: SpecialOrderRequestQuerySet[SpecialOrderRequest] = model.objects.across_clinics()  # type: ignore[assignment]
        doubtful = rows.in_states(SpecialOrderRequestState.UNKNOWN).filter(looks__lt=LOOKS)
        waiting = doubtful.exclude(looked_at__gt=due)
        for clinic in Clinic.objects.filter(id__in=waiting.values("clinic")):
            ask_vendor(clinic, sort.listing, priority=Priority.READING)
            asked += 1
    return asked


def note_orders_sent(clinic: Clinic, request_ids: Iterable[str]) -> None:
    """Mark as fulfilled what these special orders carry: none of it can be withdrawn any more.

    A supply request has the id of its order, and a replacement may have.
    """
    for model in VENDOR_CALLS:
        rows_of(model, clinic).filter(vendor_id__in=list(request_ids)).note_sent()


def _overlaps(one: SpecialOrderRequest, other: SpecialOrderRequest) -> bool:
    """Whether both would send the same thing to the same person."""
    if isinstance(one, Replacement) and isinstance(other, Replacement):
        return one.device_id == other.device_id and bool(set(one.parts) & set(other.parts))
    return _same_need(one, other) and one.patient_id == other.patient_id


def _same_need(one: SpecialOrderRequest, other: SpecialOrderRequest) -> bool:
    if isinstance(one, Replacement) and isinstance(other, Replacement):
        return one.device_id == other.device_id and set(one.parts) == set(other.parts)
    assert isinstance(one, SupplyRequest) and isinstance(other, SupplyRequest)
    told = one.device_id and other.device_id
    same_device = one.device_id == other.device_id if told else one.hardware_uuid == other.hardware_uuid
    return one.supply_name == other.supply_name and same_device


def _locked(ask: A) -> A:
    return rows_of(type(ask), ask.clinic).select_for_update(of=("self",)).get(id=ask.id)


def _save(ask: SpecialOrderRequest, *fields: str) -> None:
    ask.changed_at = timezone.now()
    ask.save(update_fields=["state", "said", "changed_at", *fields])


def _settle_request(ask: SpecialOrderRequest) -> None:
    """What was kept because nobody knew is known now."""
    kept = Request.objects.for_clinic(ask.clinic).filter(
        kind=VENDOR_CALLS[type(ask)].create, target=str(ask.id)
    )
    kept.filter(state="unknown").delete()


def _record(action: str, ask: SpecialOrderRequest, by: User | None, **detail: object) -> None:
    known = {"device": str(ask.device_id or ""), "patient": str(ask.patient_id or "")}
    audit.record(
        action, by=by, clinic=ask.clinic, target=ask, detail=known | detail, in_background=by is None
    )
