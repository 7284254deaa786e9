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
from fulfillment.shipments.rows import Person
from fulfillment.shipments.tracking import Tracking, tracking_of
from fulfillment.special_orders import actions
from fulfillment.vendor_statuses import Stage, order_status_named

STAGES = {
    SpecialOrderRequestState.QUEUED: Stage.PREPARING,
    SpecialOrderRequestState.UNKNOWN: Stage.NEEDS_YOU,
    SpecialOrderRequestState.CONFIRMED: Stage.PREPARING,
    SpecialOrderRequestState.WITHDRAWING: Stage.PREPARING,
    SpecialOrderRequestState.FULFILLED: Stage.TRAVELLING,
    SpecialOrderRequestState.REFUSED: Stage.NEEDS_YOU,
    SpecialOrderRequestState.CANCELLED: Stage.ENDED,
}
NEXT_STEPS = {
    SpecialOrderRequestState.QUEUED: "It waits for its turn; nothing has reached Tenovi yet.",
    SpecialOrderRequestState.UNKNOWN: "Look at what Tenovi has, and decide.",
    SpecialOrderRequestState.CONFIRMED: "Tenovi prepares it.",
    SpecialOrderRequestState.WITHDRAWING: "Tenovi is asked to take it back.",
    SpecialOrderRequestState.REFUSED: "Read what Tenovi says, mend it, and ask anew.",
}


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
    said: str
    asked_by: str
    asked_at: datetime.datetime
    changed_at: datetime.datetime
    tracking: Tracking
    steps: list[tuple[str, datetime.datetime]]


def names_of(model: type[SpecialOrderRequest]) -> tuple[str, str, str]:
    """The names of its list, its page and where its forms go."""
    word = "replacement" if model is Replacement else "supply"
    return ("replacements" if model is Replacement else "supplies", word, f"{word}-act")


def request_rows(clinic: Clinic, found: Sequence[SpecialOrderRequest]) -> list[RequestRow]:
    """Rows of asks that know their device and patient. One further query for the parcels, one for their steps."""
    numbers = [one.vendor_id for one in found if one.vendor_id]
    known = {one.request_id: one for one in special_orders_called(clinic, numbers)} if numbers else {}
    return [_row(clinic, one, known.get(one.vendor_id)) for one in found]


def _row(clinic: Clinic, ask: SpecialOrderRequest, parcel: SpecialOrder | None) -> RequestRow:
    state = SpecialOrderRequestState(ask.state)
    stage, word = STAGES[state], str(state.label)
    if state == SpecialOrderRequestState.FULFILLED and parcel:
        stage, word = order_status_named(parcel.status).stage, parcel.status
    device = ask.device
    return RequestRow(
        id=ask.id,
        url=reverse(names_of(type(ask))[1], args=[clinic.slug, ask.id]),
        what=ask.what,
        person=Person.of(ask.patient, clinic) if ask.patient else None,
        device=device.name if device else "",
        device_url=reverse("device", args=[clinic.slug, device.id]) if device else "",
        hardware_uuid=ask.hardware_uuid,
        stage=stage,
        word=word,
        next_step=NEXT_STEPS.get(state, ""),
        said=ask.said,
        asked_by=ask.asked_by.email if ask.asked_by else "",
        asked_at=ask.asked_at,
        changed_at=ask.changed_at,
        tracking=tracking_of(parcel.tracking_link if parcel else ""),
        steps=[(one.status, one.updated_on or one.received_at) for one in parcel.events.all()]
        if parcel
        else [],
    )


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is known about one that the vendor may have taken, and what a person may do about it."""

    found: list[RequestRow]
    looks: int
    looked_at: datetime.datetime | None
    may_send_again: bool


def doubt_about(access: ClinicAccess, ask: SpecialOrderRequest) -> Doubt | None:
    """None for one that is in no doubt."""
    if ask.state != SpecialOrderRequestState.UNKNOWN:
        return None
    found = actions.candidates(ask)
    rows = request_rows(access.clinic, found)
    return Doubt(rows, ask.looks, ask.looked_at, actions.may_be_sent_again(ask))
