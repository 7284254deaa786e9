"""What an answer or a failure does to its request and to its key. Each call ends in one of them.

A request is charged an attempt when it is claimed, so that one which kills its process is counted
too. The charge is taken back where the request is not to blame: nothing was sent, the key is
refused, the vendor asks to slow down or has an outage.
"""

from __future__ import annotations

import logging
import traceback
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Now

from clinics.models import Clinic
from tenovi import errors
from tenovi.client import CallRecord
from tenovi.keys import Cause, VendorKey, account, has_outage, park, seconds_from_now, unpark
from tenovi.models import Call, Request, RequestState
from tenovi.registry import answer_handler
from tenovi.shapes import Page

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 5
PAUSES = (5, 15, 60, 180)  # seconds after the first failure, the second, ...
NOT_FOUND_PAUSE = 24 * 3600  # seconds
PARKED_PAUSE = 3600  # seconds until asking for the same again revives it
MOST_PAGES = 10_000
OUTAGE_CALLS = 3  # unanswered in a row, of more than one request

DIED = "The process that sent this ended without a result, five times."


def claim(clinics: Sequence[Clinic]) -> Request | None:
    """The most urgent request of these clinics, marked as being sent, committed."""
    with transaction.atomic():
        request = (
            Request.objects.across_clinics()
            .filter(clinic__in=clinics)
            .due()
            .most_urgent_first()
            .select_related("clinic")
            .select_for_update(skip_locked=True, of=("self",))
            .first()
        )
        if request is not None:
            request.state = RequestState.SENDING
            request.claim = uuid.uuid4()
            request.attempts += 1
            request.save(update_fields=["state", "claim", "attempts"])
    return request


def give_back_orphans(clinics: Sequence[Clinic]) -> None:
    """Free what a dead process was sending. Only for who holds the key's lock: nobody else sends.

    These are reads, so sending them again does no harm.
    """
    dead = Request.objects.across_clinics().filter(clinic__in=clinics, state=RequestState.SENDING)
    dead.update(
        state=Case(
            When(attempts__gte=MOST_ATTEMPTS, then=Value(RequestState.PARKED.value)),
            default=Value(RequestState.WAITING.value),
        ),
        reason=Case(When(attempts__gte=MOST_ATTEMPTS, then=Value(DIED)), default=F("reason")),
        not_before=Case(
            When(attempts__gte=MOST_ATTEMPTS, then=seconds_from_now(PARKED_PAUSE)), default=Now()
        ),
        claim=None,
    )


def answered(key: VendorKey, request: Request, answer: Any, record: CallRecord) -> None:
    """Hand the answer to the room it is for, and delete the request, or move it to its next page,
    in the same transaction."""
    call = _log(request, record)
    unpark(key.api_key, request.clinic)
    try:
        with transaction.atomic():
            if not _is_still_ours(request):
                return
            failed = answer_handler(request.kind)(request, answer)
            items = 1
            if isinstance(answer, Page):
                items, failed = len(answer.results) + answer.unusable, failed + answer.unusable
            Call.objects.across_clinics().filter(id=call.id).update(items=items, failed=failed)
            _finish(request, answer)
    except (OperationalError, InterfaceError):
        raise  # the database is away; the row is found again as an orphan
    except Exception as error:
        log.error("request %s (%s): %s", request.id, request.kind, described(error))
        _try_later(request, f"Vitaldays could not use the answer ({type(error).__name__}).")


def failed(key: VendorKey, request: Request, error: errors.VendorError, record: CallRecord) -> None:
    """Decide when the request is tried again, and whether its key rests until then."""
    if isinstance(error, errors.SlotLost | errors.LimiterAway):
        _wait(request, error.sentence, charged=False)
        return
    _log(request, record)
    match error:
        case errors.KeyRefused():
            reason = (
                f"{error.sentence} Create a new one in the Tenovi dashboard and enter it in the settings."
            )
            park(account(key.api_key, request.clinic), Cause.KEY_REFUSED, reason)
            _wait(request, error.sentence, charged=False)
        case errors.DomainUnknown():
            reason = f"{error.sentence} Correct it in the settings."
            park(account(key.api_key, request.clinic), Cause.DOMAIN_UNKNOWN, reason)
            _wait(request, error.sentence, charged=False)
        case errors.Unreachable():
            park(key.budget, Cause.UNREACHABLE, error.sentence)
            _wait(request, error.sentence, charged=False)
        case errors.NotFound():
            _try_later(request, error.sentence, pause=NOT_FOUND_PAUSE)
        case errors.Refused():
            _park(request, error.sentence)
        case _ if _is_outage(key):
            pause = park(key.budget, Cause.OUTAGE, f"Tenovi seems to have an outage: {error.sentence}")
            # Another one is the next to try: if that is answered, this one was to blame after all.
            _wait(request, error.sentence, charged=False, seconds=pause + 1)
        case _:
            _try_later(request, error.sentence)


def slow_down(key: VendorKey, request: Request, error: errors.TooManyRequests, record: CallRecord) -> float:
    """The vendor asks for a pause: all work of this key waits. The seconds chosen."""
    _log(request, record)
    pause = park(key.budget, Cause.SLOW_DOWN, error.sentence, seconds=error.retry_after)
    _wait(request, error.sentence, charged=False)
    return pause


def described(error: Exception) -> str:
    """An error of ours for the log, without its text: that may quote an answer."""
    return "".join([type(error).__name__, "\n", *traceback.format_tb(error.__traceback__)])


def _finish(request: Request, answer: Any) -> None:
    if not isinstance(answer, Page) or not answer.next:
        Request.objects.across_clinics().filter(id=request.id).delete()
    elif request.pages + 1 >= MOST_PAGES:
        _park(request, f"The list did not end after {MOST_PAGES:,} pages.")
    else:
        _update(
            request,
            state=RequestState.WAITING,
            cursor=answer.next,
            pages=request.pages + 1,
            total=answer.total,
            attempts=0,
            reason="",
        )


def _try_later(request: Request, reason: str, *, pause: float | None = None) -> None:
    if request.attempts >= MOST_ATTEMPTS:
        _park(request, reason)
    else:
        _wait(request, reason, seconds=pause or PAUSES[request.attempts - 1], charged=True)


def _wait(request: Request, reason: str, *, charged: bool, seconds: float = 0) -> None:
    _update(
        request,
        state=RequestState.WAITING,
        reason=reason,
        attempts=request.attempts if charged else request.attempts - 1,
        not_before=seconds_from_now(seconds),
    )


def _park(request: Request, reason: str) -> None:
    _update(request, state=RequestState.PARKED, reason=reason, not_before=seconds_from_now(PARKED_PAUSE))


def _update(request: Request, **fields: Any) -> None:
    mine = Request.objects.across_clinics().filter(id=request.id, claim=request.claim)
    mine.update(claim=None, **fields)


def _is_still_ours(request: Request) -> bool:
    """Locks the row until the answer is stored. False when another process has taken it over."""
    mine = Request.objects.across_clinics().filter(id=request.id, claim=request.claim)
    return mine.select_for_update().first() is not None


def _log(request: Request, record: CallRecord) -> Call:
    error = record.error
    return Call.objects.create(
        clinic=request.clinic,
        request_id=request.id,
        kind=request.kind,
        method=record.method,
        path=record.path,
        status=record.status,
        milliseconds=record.milliseconds,
        outcome=error.effect.value if error else Call.Outcome.ANSWERED,
        reason=error.sentence if error else "",
    )


def _is_outage(key: VendorKey) -> bool:
    """Several requests in a row went without answer: that is the vendor, not one of them. It
    lasts until something is answered."""
    if has_outage(key):
        return True
    calls = Call.objects.across_clinics().filter(clinic__in=key.clinics).newest_first()
    last = list(calls.values_list("outcome", "request_id")[:OUTAGE_CALLS])
    unanswered = all(outcome == Call.Outcome.DOUBTFUL for outcome, _ in last)
    return len(last) == OUTAGE_CALLS and unanswered and len({request for _, request in last}) > 1
