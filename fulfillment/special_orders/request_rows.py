"""Replacements and supply requests as pages show them."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse

from clinics.access import ClinicAccess
from clinics.models import Clinic
from fulfillment.access import special_orders_called
from fulfillment.models import Replacement, SpecialOrder, SpecialOrderRequest, SpecialOrderRequestState
from fulfillment.order_states import OrderState
from fulfillment.shipments.rows import Person
from fulfillment.shipments.tracking import Tracking, tracking_of
from fulfillment.special_orders import actions
from fulfillment.special_orders.policy import candidates_of
from fulfillment.vendor_statuses import Stage, order_status_named

STAGES = {
    SpecialOrderRequestState.QUEUED: Stage.PREPARING,
    SpecialOrderRequestState.UNCONFIRMED: Stage.NEEDS_YOU,
    SpecialOrderRequestState.CONFIRMED: Stage.PREPARING,
    SpecialOrderRequestState.WITHDRAWING: Stage.PREPARING,
    SpecialOrderRequestState.FULFILLED: Stage.TRAVELLING,
    SpecialOrderRequestState.REFUSED: Stage.NEEDS_YOU,
    SpecialOrderRequestState.CANCELLED: Stage.ENDED,
}
NEXT_STEPS = {
    SpecialOrderRequestState.QUEUED: "It waits for its turn; nothing has reached Tenovi yet.",
    SpecialOrderRequestState.UNCONFIRMED: "Look at what Tenovi has, and decide.",
    SpecialOrderRequestState.CONFIRMED: "Tenovi prepares it.",
    SpecialOrderRequestState.WITHDRAWING: "Tenovi is asked to take it back.",
    SpecialOrderRequestState.REFUSED: "Read what Tenovi says, mend it, and order_request anew.",
}
SENDING = "It is being sent to Tenovi."


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One replacement or supply request. `stage` and `word` are its state, or the parcel's once it has left."""

    id: uuid.UUID
    url: str
    what: str
    person: Person | None
    device: str
    device_url: str
    hardware_uuid: str
    stage: Stage
    word: str
    next_step: str
    reason: str
    asked_by: str
    asked_at: datetime.datetime
    changed_at: datetime.datetime
    tracking: Tracking
    steps: list[tuple[str, datetime.datetime]]


def names_of(model: type[SpecialOrderRequest]) -> tuple[str, str, str]:
    """Return the URL names of its list, its page and its forms."""
    word = "replacement" if model is Replacement else "supply"
    return ("replacements" if model is Replacement else "supplies", word, f"{word}-act")


def request_rows(clinic: Clinic, requests: Sequence[SpecialOrderRequest]) -> list[RequestRow]:
    """Return rows of requests that know their device and patient.

    Makes one further query for the parcels, and one for their steps.
    """
    numbers = [request.vendor_id for request in requests if request.vendor_id]
    parcels = special_orders_called(clinic, numbers) if numbers else ()
    by_number = {parcel.request_id: parcel for parcel in parcels}
    return [_row(clinic, request, by_number.get(request.vendor_id)) for request in requests]


def _row(clinic: Clinic, order_request: SpecialOrderRequest, parcel: SpecialOrder | None) -> RequestRow:
    state = order_request.shown_state
    stage, word = STAGES[state], str(state.label)
    if state == SpecialOrderRequestState.FULFILLED and parcel:
        stage, word = order_status_named(parcel.status).stage, parcel.status
    device = order_request.device
    return RequestRow(
        id=order_request.id,
        url=reverse(names_of(type(order_request))[1], args=[clinic.slug, order_request.id]),
        what=order_request.what,
        person=Person.of(order_request.patient, clinic) if order_request.patient else None,
        device=device.name if device else "",
        device_url=reverse("device", args=[clinic.slug, device.id]) if device else "",
        hardware_uuid=order_request.hardware_uuid,
        stage=stage,
        word=word,
        next_step=SENDING if order_request.state == OrderState.SENDING else NEXT_STEPS.get(state, ""),
        reason=order_request.reason,
        asked_by=order_request.asked_by.email if order_request.asked_by else "",
        asked_at=order_request.asked_at,
        changed_at=order_request.changed_at,
        tracking=tracking_of(parcel.tracking_link if parcel else ""),
        steps=[(event.status, event.updated_on or event.received_at) for event in parcel.events.all()]
        if parcel
        else [],
    )


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """What the searches for one that the vendor may have taken have shown, and what a person may do about it."""

    entries: list[RequestRow]
    searches: int
    searched_at: datetime.datetime | None
    may_send_again: bool


def unconfirmed_of(access: ClinicAccess, order_request: SpecialOrderRequest) -> Unconfirmed | None:
    """Return None for one that is settled."""
    if not actions.is_unsettled(order_request):
        return None
    entries = request_rows(access.clinic, candidates_of(order_request))
    return Unconfirmed(
        entries,
        order_request.searches,
        order_request.searched_at,
        actions.may_be_sent_again(order_request),
    )
