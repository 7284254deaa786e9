"""Send a row to the vendor once, and store what came back.

A call without a usable answer is never repeated by software, save one: where the vendor answered that it was
asked too often, and its list shows no trace of the row afterwards (`search.settle`).
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from fulfillment.at_most_once.policy import C, Policy
from fulfillment.at_most_once.search import leave_unconfirmed
from fulfillment.at_most_once.transitions import Event, Locked, R, enqueue_creation, locked_rows, transition
from fulfillment.models import AtMostOnce
from fulfillment.order_states import OrderState
from tenovi.client.errors import Invalid, VendorError
from tenovi.models import Request, RequestState
from tenovi.registry import FailureHandler, Handler, NothingToSend, SendCheck, always_meant


def handler_of(
    policy: Policy[R, C], check: SendCheck = always_meant, failed: FailureHandler | None = None
) -> Handler:
    """Return what the vendor's room calls for the create of this kind; `failed` replaces `not_created`."""
    return Handler(
        payload=partial(body_to_send, policy),
        answer=partial(store_created, policy),
        check=check,
        failed=failed or partial(not_created, policy),
    )


def body_to_send(policy: Policy[R, C], request: Request) -> dict[str, Any]:
    """Return the body of the create. Raises `NothingToSend` for a row that is not queued.

    The row says `sending`, committed, before a byte leaves: a worker that dies earlier has sent nothing.
    """
    with transaction.atomic():
        row = _locked(policy, request)
        if row is None or row.state != OrderState.QUEUED:
            raise NothingToSend
        body = policy.body(row)
        fields: dict[str, Any] = {
            "first_sent_at": row.first_sent_at or timezone.now(),
            "sends": row.sends + 1,
        }
        audited = {"fields": _names_in(body), "time": row.sends + 1}
        transition(row, OrderState.SENDING, Event.SENT, audited=audited, sent=body, **fields)
    return body


def store_created(policy: Policy[R, C], request: Request, answer: Any) -> int:
    """Store that the vendor has created the row. Returns 1 when the row is gone, else 0."""
    row = _locked(policy, request)
    if row is None:
        return 1
    policy.created(Locked(row, None), answer)
    return 0


def not_created(policy: Policy[R, C], request: Request, error: VendorError | None) -> None:
    """Store that the request waits again, was refused, or that its answer is lost (`request.state`)."""
    row = _locked(policy, request)
    if row is None:
        return
    if request.state == RequestState.WAITING:
        if row.state == OrderState.SENDING:
            fields = _as_if_not_sent(row)
            transition(row, OrderState.QUEUED, Event.WAITS, reason=request.reason, **fields)
    elif request.state == RequestState.PARKED:
        _refuse(policy, row, request, error)
    elif row.state == OrderState.QUEUED:  # its process died before the row was marked as being sent
        request.delete()
        enqueue_creation(row)
    else:
        leave_unconfirmed(policy, row, request.reason, error)


def _as_if_not_sent(row: AtMostOnce) -> dict[str, Any]:
    sends = row.sends - 1
    return {"sends": sends, "first_sent_at": row.first_sent_at if sends else None}


def _refuse(policy: Policy[R, C], row: R, request: Request, error: VendorError | None) -> None:
    problems = error.complaints if isinstance(error, Invalid) else ()
    audited = {"status": error.status if error else None, "about": [name for name, _ in problems]}
    transition(
        row,
        OrderState.REFUSED,
        Event.REFUSED,
        reason=policy.refusal(request, error),
        detail={"said": [list(problem) for problem in problems], "status": audited["status"]},
        audited=audited,
    )
    request.delete()


def _locked(policy: Policy[R, C], request: Request) -> R | None:
    """Lock the row of a request that creates it; the request is locked already."""
    return locked_rows(policy.model, request.clinic).filter(id=request.target).first()


def _names_in(body: dict[str, Any], prefix: str = "") -> list[str]:
    names: list[str] = []
    for name, value in body.items():
        names += _names_in(value, f"{prefix}{name}.") if isinstance(value, dict) else [f"{prefix}{name}"]
    return sorted(names)
