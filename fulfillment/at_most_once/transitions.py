"""Move a row from one state to the next: the row, its history and the audit record, in one transaction.

A row's request is locked first and then the row itself, always in this sequence. So a person and a
worker who meet wait for each other, and never in a circle.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from clinics import audit
from clinics.models import Clinic, User
from clinics.tenancy import TenantQuerySet
from fulfillment.models import AtMostOnce, RequestEvent
from fulfillment.order_states import OrderState
from tenovi.models import Priority, Request, RequestState
from tenovi.outbound.enqueue import enqueue

R = TypeVar("R", bound=AtMostOnce)
Event = RequestEvent.What


@dataclass(slots=True)
class Locked(Generic[R]):
    """A row and its request to create it at the vendor, both locked until the transaction ends."""

    row: R
    request: Request | None

    @property
    def is_on_its_way(self) -> bool:
        return self.request is not None and self.request.state == RequestState.SENDING

    def forget_request(self) -> None:
        """Delete the request: the row is settled, so what became of that call no longer matters."""
        if self.request is not None:
            self.request.delete()
            self.request = None


def rows_of(model: type[R], clinic: Clinic) -> TenantQuerySet[R]:
    rows: TenantQuerySet[R] = model.objects.for_clinic(clinic)  # type: ignore[assignment]
    return rows


def lock(model: type[R], clinic: Clinic, row_id: uuid.UUID) -> Locked[R]:
    """Lock a row and its request. Raises `model.DoesNotExist`."""
    request = request_of(model, clinic, row_id)
    return Locked(locked_rows(model, clinic).get(id=row_id), request)


def locked_rows(model: type[R], clinic: Clinic) -> TenantQuerySet[R]:
    return rows_of(model, clinic).select_for_update(of=("self",)).select_related("patient", "clinic")


def request_of(model: type[R], clinic: Clinic, row_id: uuid.UUID) -> Request | None:
    """Lock the request that creates the row; None once it is settled."""
    creates = Request.objects.for_clinic(clinic).filter(kind=model.CREATE, target=str(row_id))
    return creates.select_for_update().first()


def enqueue_creation(row: AtMostOnce) -> None:
    # A person waits for it.
    enqueue(row.clinic, row.CREATE, str(row.id), priority=Priority.PERSON)


def transition(
    row: AtMostOnce,
    to: OrderState,
    what: RequestEvent.What,
    *,
    by: User | None = None,
    reason: str = "",
    detail: dict[str, Any] | None = None,
    audited: dict[str, Any] | None = None,
    **fields: Any,
) -> None:
    """Move a row to another state. Raises ValueError for a step that is not in its table.

    `detail` goes into the row's history, `audited` into the audit record, which holds no names;
    `fields` change with the state.
    """
    row.LIFECYCLE.check(row.state, to)
    fields = {"state": to, "reason": reason[:500], **row.stamps(to), **fields}
    for name, value in fields.items():
        setattr(row, name, value)
    row.save(update_fields=[*fields])
    add_history(row, what, by=by, text=reason, detail=detail, audited=audited)


def mark_sent_out(rows: TenantQuerySet[R]) -> None:
    """Mark as fulfilled what is under way among these: its parcel was sent, and it cannot be withdrawn any more."""
    under_way = rows.filter(state__in=[OrderState.CONFIRMED, OrderState.WITHDRAWING])
    for row in under_way.select_related("clinic").select_for_update(of=("self",)).order_by("id"):
        transition(row, OrderState.FULFILLED, Event.FULFILLED, reason=row.reason)


def add_history(
    row: AtMostOnce,
    what: RequestEvent.What,
    *,
    by: User | None = None,
    text: str = "",
    detail: dict[str, Any] | None = None,
    audited: dict[str, Any] | None = None,
) -> None:
    """Add a line to the row's history and to the audit record, without a change of state."""
    RequestEvent.objects.create(
        clinic=row.clinic, what=what, text=text[:500], detail=detail or {}, by=by, **{row.HISTORY: row}
    )
    audit.record(
        f"{row.WORD}_{row.AUDITED_AS.get(what.value, what.value)}",
        by=by,
        clinic=row.clinic,
        target=row,
        detail={"state": row.state, **row.audited(), **(audited or {})},
        in_background=by is None,
    )
