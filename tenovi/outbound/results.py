"""Apply the result of each call, answer or failure, to its request and its key.

A request is charged an attempt when it is claimed, so that one which kills its process is counted
too. The charge is taken back where the request is not to blame: nothing was sent, the key is
refused, the vendor asks to slow down or has an outage (`tenovi.outbound.outages`).

A request that creates something at the vendor is sent at most once. With an uncertain result it becomes
`unknown`, until its room or a person has found out.
"""

from __future__ import annotations

import logging
import traceback
import uuid
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Case, F, Func, JSONField, Q, Value, When
from django.db.models.functions import Now

from tenovi.client import errors
from tenovi.client.endpoints import CallRecord
from tenovi.client.records import Page
from tenovi.clock import database_now, seconds_from_now
from tenovi.key_locks import try_key_lock
from tenovi.models import Call, Request, RequestState
from tenovi.outbound.api_keys import (
    Cause,
    VendorKey,
    account_digest,
    clinics_that_may_call,
    count_call,
    has_outage,
    is_turn_of_the_oldest,
    park,
    unpark,
)
from tenovi.outbound.calls import CREATES, DONE_WHEN_UNKNOWN, FINAL_WHEN_UNKNOWN, WRITES, other_way, removes
from tenovi.outbound.list_pages import FROM_THE_FIRST_PAGE, check_end
from tenovi.querysets import RequestQuerySet
from tenovi.registry import REQUESTS, NoLongerMeant

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 5
PAUSES = (5, 15, 60, 180)  # seconds after the first failure, the second, ...
NOT_FOUND_PAUSE = 24 * 3600  # seconds
PARKED_PAUSE = 3600  # seconds until asking for the same again revives it
MOST_RESTARTS = 2  # of a list whose end could not be proven

FROM_THE_FIRST_PATH = Func(
    F("params"), Value("path"), template="%(expressions)s", arg_joiner=" - ", output_field=JSONField()
)
"""The params of a request that has stopped. Queued again, it tries each of the vendor's paths again."""

DIED = "The process that sent this ended without a result, five times."
DIED_ONCE = "The process that sent this ended without a result: Tenovi may have done it."


def claim(key: VendorKey) -> Request | None:
    """Choose the next request of this key and commit that it is being sent.

    Returns the most urgent one, or the one that has waited longest when that has its turn; None for
    none. Must be called with the lock of the key held.
    """
    due = Request.objects.across_clinics().filter(clinic__in=clinics_that_may_call(key)).due()
    with transaction.atomic():
        oldest = is_turn_of_the_oldest(key)
        request = (
            (due.longest_waiting_first() if oldest else due.most_urgent_first())
            .select_related("clinic")
            .select_for_update(skip_locked=True, of=("self",))
            .first()
        )
        if request is not None:
            request.state = RequestState.SENDING
            request.claim = uuid.uuid4()
            request.sent_with = key.budget
            request.attempts += 1
            request.asked_at = database_now()
            request.begun_at = request.begun_at if request.pages else request.asked_at
            request.save(update_fields=["state", "claim", "sent_with", "attempts", "begun_at", "asked_at"])
            count_call(key)
    return request


def give_back_orphans(key: VendorKey) -> None:
    """Free requests that a dead process was sending with this key. Must be called with its lock held."""
    nameless = Q(sent_with="", clinic__in=key.clinics)
    _free(Request.objects.across_clinics().filter(nameless | Q(sent_with=key.budget)))


def give_back_abandoned() -> None:
    """Free requests that were being sent with a key which no process has locked, even a former key.

    While a process has the lock, its answer is still to come, whatever key the clinic has by now.
    """
    sending = Request.objects.across_clinics().filter(state=RequestState.SENDING).exclude(sent_with="")
    for budget in set(sending.values_list("sent_with", flat=True)):
        with try_key_lock(budget) as lock:
            if lock:
                _free(Request.objects.across_clinics().filter(sent_with=budget))


def _free(requests: RequestQuerySet) -> None:
    """Queue these requests again. Those that create something become unknown."""
    dead = requests.filter(state=RequestState.SENDING)
    for request in dead.filter(kind__in=CREATES).select_related("clinic"):
        _stop(request, RequestState.UNKNOWN, DIED_ONCE, None)
    dead.exclude(kind__in=CREATES).update(
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
    """Hand the answer to its room, and in the same transaction delete the request or turn its page."""
    call = _log(request, record)
    unpark(key.api_key, request.clinic)
    try:
        with transaction.atomic():
            if not _is_still_ours(request):
                return
            if isinstance(answer, Page):
                _page_answered(request, answer, call)
                return
            failed = REQUESTS[request.kind].answer(request, answer)
            items = 0 if answer is None else 1
            Call.objects.across_clinics().filter(id=call.id).update(items=items, failed=failed)
            _finish(request)
    except (OperationalError, InterfaceError):
        raise  # the database is away; the row is found again as an orphan
    except Exception as error:
        log.error("request %s (%s): %s", request.id, request.kind, described(error))
        reason = f"Vitaldays could not use the answer ({type(error).__name__})."
        if request.kind in CREATES:
            _stop(request, RequestState.UNKNOWN, reason, None)
        else:
            _try_later(request, reason)


def dropped(request: Request) -> None:
    """Delete a request that has nothing left to send."""
    Request.objects.across_clinics().filter(id=request.id, claim=request.claim).delete()


def no_longer_meant(request: Request, change: NoLongerMeant) -> None:
    """Park a request whose device has been reassigned. No byte has left; a person may send it again."""
    _stop(request, RequestState.PARKED, str(change), None)


def not_sent(request: Request, error: Exception) -> None:
    """Try a request later whose body could not be built. No byte has left."""
    if isinstance(error, OperationalError | InterfaceError):
        raise error
    log.error("request %s (%s): %s", request.id, request.kind, described(error))
    _try_later(request, f"Vitaldays could not put together what to send ({type(error).__name__}).")


def failed(key: VendorKey, request: Request, error: errors.VendorError, record: CallRecord) -> None:
    """Decide when a failed request is tried again, and whether its key is parked until then."""
    if isinstance(error, errors.SlotLost | errors.LockLost | errors.LimiterAway):
        _wait(request, error.sentence, charged=False)
        return
    is_gone = isinstance(error, errors.NotFound) and removes(request.kind)
    if is_gone and (request.attempts > 1 or request.kind in DONE_WHEN_UNKNOWN):
        answered(key, request, None, record)  # an attempt whose answer was lost may have removed it
        return
    _log(request, record)
    params = other_way(request, error)
    match error:
        case _ if params is not None and request.attempts < MOST_ATTEMPTS:
            _send_the_other_way(request, params)
        case errors.KeyRefused():
            reason = (
                f"{error.sentence} Create a new one in the Tenovi dashboard and enter it in the settings."
            )
            park(account_digest(key.api_key, request.clinic), Cause.KEY_REFUSED, reason)
            _wait(request, error.sentence, charged=False)
        case errors.DomainUnknown():
            reason = f"{error.sentence} Correct it in the settings."
            park(account_digest(key.api_key, request.clinic), Cause.DOMAIN_UNKNOWN, reason)
            _wait(request, error.sentence, charged=False)
        case errors.Unreachable():
            park(key.budget, Cause.UNREACHABLE, error.sentence)
            _wait(request, error.sentence, charged=False)
        case errors.NotFound() if request.kind not in WRITES and request.kind not in FINAL_WHEN_UNKNOWN:
            _try_later(request, error.sentence, pause=NOT_FOUND_PAUSE)
        case errors.Refused():
            _stop(request, RequestState.PARKED, error.sentence, error)
        case _ if request.kind in CREATES:
            _stop(request, RequestState.UNKNOWN, error.sentence, error)
        case _ if has_outage(key):
            _wait(request, error.sentence, charged=False)
        case _:
            _try_later(request, error.sentence, error=error)


def slow_down(key: VendorKey, request: Request, error: errors.TooManyRequests, record: CallRecord) -> float:
    """Park the key because the vendor asks to slow down. Returns the pause in seconds."""
    _log(request, record)
    pause = park(key.budget, Cause.SLOW_DOWN, error.sentence, seconds=error.retry_after)
    if request.kind in CREATES:
        _stop(request, RequestState.UNKNOWN, error.sentence, error)
        return pause
    _wait(request, error.sentence, charged=False)
    return pause


def described(error: Exception) -> str:
    """Describe an error of ours for the log, without its text, which may quote an answer."""
    return "".join([type(error).__name__, "\n", *traceback.format_tb(error.__traceback__)])


def _page_answered(request: Request, answer: Page[Any], call: Call) -> None:
    """Store a page of a list, then ask for the next one, or finish, or begin anew."""
    page, unproven = check_end(request, answer)
    failed = REQUESTS[request.kind].answer(request, page) + page.unusable
    Call.objects.across_clinics().filter(id=call.id).update(
        items=page.rows, failed=failed, reason=unproven[:300]
    )
    if unproven:
        _read_anew(request, unproven)
    elif page.ended:
        _finish(request)
    else:
        _update(
            request,
            state=RequestState.WAITING,
            cursor=page.next,
            pages=request.pages + 1,
            rows=request.rows + page.rows,
            digests=[*request.digests, *([page.digest] if page.digest else [])],
            total=page.total,
            attempts=0,
            reason="",
        )


def _finish(request: Request) -> None:
    rows = Request.objects.across_clinics().filter(id=request.id)
    if not rows.filter(renewed=False).delete()[0]:
        anew = {**FROM_THE_FIRST_PAGE, "restarts": 0}
        _update(request, state=RequestState.WAITING, attempts=0, reason="", renewed=False, **anew)


def _read_anew(request: Request, unproven: str) -> None:
    """Read a list again whose end is unproven, and park it when that has not helped.

    A list that became shorter while it was read ends well the next time; one that is cut never does.
    """
    if request.restarts >= MOST_RESTARTS:
        _stop(request, RequestState.PARKED, unproven, None)
        return
    _update(
        request,
        state=RequestState.WAITING,
        attempts=0,
        restarts=request.restarts + 1,
        reason=unproven[:300],
        not_before=seconds_from_now(PAUSES[request.restarts]),
        **FROM_THE_FIRST_PAGE,
    )


def _try_later(
    request: Request,
    reason: str,
    *,
    pause: float | None = None,
    error: errors.VendorError | None = None,
) -> None:
    if request.attempts >= MOST_ATTEMPTS:
        _stop(request, RequestState.PARKED, reason, error)
    else:
        _wait(request, reason, seconds=pause or PAUSES[request.attempts - 1], charged=True)


def _wait(request: Request, reason: str, *, charged: bool, seconds: float = 0) -> None:
    with transaction.atomic():
        waits = _update(
            request,
            state=RequestState.WAITING,
            reason=reason,
            attempts=request.attempts if charged else request.attempts - 1,
            not_before=seconds_from_now(seconds),
        )
        if waits and request.kind in CREATES:  # its room must learn that nothing was created
            request.state, request.reason = RequestState.WAITING, reason
            _report_failure(request, None)


def _send_the_other_way(request: Request, params: dict[str, Any]) -> None:
    with transaction.atomic():
        waits = _update(request, state=RequestState.WAITING, params=params, reason="")
        if waits and request.kind in CREATES:  # its room has to know that nothing was done
            request.state, request.reason = RequestState.WAITING, ""
            _report_failure(request, None)


def _stop(request: Request, state: str, reason: str, error: errors.VendorError | None) -> None:
    """Stop a request and call the failure handler of its room. One that was queued anew meanwhile goes on."""
    with transaction.atomic():
        if request.kind not in CREATES and _renewed(request):
            anew = {**FROM_THE_FIRST_PAGE, "restarts": 0, "params": FROM_THE_FIRST_PATH}
            _update(request, state=RequestState.WAITING, attempts=0, reason=reason, renewed=False, **anew)
        elif _update(
            request,
            state=state,
            reason=reason,
            not_before=seconds_from_now(PARKED_PAUSE),
            params=FROM_THE_FIRST_PATH,
        ):
            request.state, request.reason = state, reason
            _report_failure(request, error)


def _report_failure(request: Request, error: errors.VendorError | None) -> None:
    try:
        with transaction.atomic():
            REQUESTS[request.kind].failed(request, error)
    except (OperationalError, InterfaceError):
        raise
    except Exception as problem:  # the request has stopped all the same, and is shown
        log.error("request %s (%s): %s", request.id, request.kind, described(problem))


def _renewed(request: Request) -> bool:
    rows = Request.objects.across_clinics().filter(id=request.id, claim=request.claim, renewed=True)
    return rows.select_for_update().first() is not None


def _update(request: Request, **fields: Any) -> int:
    rows = Request.objects.across_clinics().filter(id=request.id, claim=request.claim)
    return rows.update(claim=None, **fields)


def _is_still_ours(request: Request) -> bool:
    """Lock the row until the answer is stored. False when another process has taken it over."""
    rows = Request.objects.across_clinics().filter(id=request.id, claim=request.claim)
    return rows.select_for_update().first() is not None


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
