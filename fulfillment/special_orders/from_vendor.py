"""Store what the vendor says about replacements and supplies that it has."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, OuterRef
from django.db.transaction import atomic

from clinics.models import Clinic
from fulfillment.at_most_once.search import GONE
from fulfillment.at_most_once.transitions import Event, mark_sent_out, transition
from fulfillment.models import Replacement, SpecialOrderRequest, SupplyRequest
from fulfillment.order_states import OrderState
from fulfillment.querysets import SpecialOrderRequestQuerySet
from fulfillment.special_orders.policy import requests_of
from tenovi.models import Request

KINDS: tuple[type[SpecialOrderRequest], ...] = (Replacement, SupplyRequest)


def store_listed(entries: Iterable[tuple[SpecialOrderRequest, bool]]) -> None:
    """Store entries of the vendor's list, not saved yet, each with whether it is fulfilled.

    Those we know move on. The others were requested elsewhere, or are the evidence about one of ours.
    """
    for entry, is_fulfilled in entries:
        requests = requests_of(type(entry), entry.clinic).select_related("clinic")
        row = requests.filter(vendor_id=entry.vendor_id).select_for_update(of=("self",)).first()
        if row is None:
            entry.state = OrderState.FULFILLED if is_fulfilled else OrderState.CONFIRMED
            entry.changed_at = entry.asked_at
            entry.save(force_insert=True)
        elif is_fulfilled and row.state != OrderState.FULFILLED:
            transition(row, OrderState.FULFILLED, Event.FULFILLED, reason=row.reason)


def note_orders_sent(clinic: Clinic, request_ids: Iterable[str]) -> None:
    """Mark as fulfilled what these special orders carry: it cannot be withdrawn any more.

    A supply request has the id of its order, and a replacement may have.
    """
    for model in KINDS:
        mark_sent_out(requests_of(model, clinic).filter(vendor_id__in=list(request_ids)))


def withdrawn(request: Request, model: type[SpecialOrderRequest]) -> None:
    """Store that the vendor has taken it off its list."""
    for row in _withdrawing(model, request):
        transition(row, OrderState.CANCELLED, Event.CANCELLED, reason="Withdrawn at Tenovi.")


def not_withdrawn(request: Request, model: type[SpecialOrderRequest]) -> None:
    """Store that the vendor did not withdraw it: most likely it is on its way."""
    for row in _withdrawing(model, request):
        _keep(row, request.reason)


def _keep(row: SpecialOrderRequest, why: str) -> None:
    transition(row, OrderState.CONFIRMED, Event.KEPT, reason=f"It could not be withdrawn. {why}")


def _withdrawing(
    model: type[SpecialOrderRequest], request: Request
) -> SpecialOrderRequestQuerySet[SpecialOrderRequest]:
    rows = requests_of(model, request.clinic).in_states(OrderState.WITHDRAWING)
    return rows.filter(vendor_id=request.target).select_related("clinic").select_for_update(of=("self",))


def mend_withdrawals() -> int:
    """Confirm what waits for a withdrawal whose request was deleted: it was not withdrawn. Returns how many."""
    mended = 0
    for model in KINDS:
        requests = Request.objects.across_clinics().filter(
            clinic=OuterRef("clinic"), kind=model.WITHDRAW, target=OuterRef("vendor_id")
        )
        rows: SpecialOrderRequestQuerySet[SpecialOrderRequest] = model.objects.across_clinics()  # type: ignore[assignment]
        stranded = rows.in_states(OrderState.WITHDRAWING).filter(~Exists(requests))
        for row in stranded.select_related("clinic").order_by("id"):
            mended += _mend_withdrawal(row)
    return mended


@atomic
def _mend_withdrawal(row: SpecialOrderRequest) -> bool:
    rows = requests_of(type(row), row.clinic).select_related("clinic").select_for_update(of=("self",))
    locked = rows.get(id=row.id)
    asked = Request.objects.for_clinic(row.clinic).filter(kind=row.WITHDRAW, target=row.vendor_id)
    if locked.state != OrderState.WITHDRAWING or asked.exists():
        return False
    _keep(locked, GONE)
    return True
