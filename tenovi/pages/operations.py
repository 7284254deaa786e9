"""Build the operations page: the queue, stopped requests with their reasons, the latest calls, alarms."""

from __future__ import annotations

import datetime
import math
import uuid
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Count, Min
from django.urls import reverse
from django.utils import timezone

from clinics.access import ClinicAccess
from clinics.models import Clinic
from common.formats import ago, exact
from tenovi import disk
from tenovi.clock import database_now, seconds_from_now
from tenovi.inbound import refusals
from tenovi.models import Call, Delivery, Heartbeat, Priority, Request, RequestKind, RequestState
from tenovi.outbound.api_keys import parked_keys_of, standing_problem
from tenovi.outbound.calls import rows_a_page
from tenovi.outbound.enqueue import Overview, calls_left, overview
from tenovi.outbound.outages import PROBE
from tenovi.registered_webhooks.actions import are_changing, changed_since

CALLS_SHOWN = 200
STOPPED_SHOWN = 100
TOO_LONG = datetime.timedelta(hours=24)
STILL = datetime.timedelta(minutes=3)  # without a heartbeat, background work counts as stopped
MINUTE, HOUR, DAY = 60, 3600, 86_400


@dataclass(frozen=True)
class WaitingRow:
    """Requests of one kind and priority. `eta`: until the last of them is answered."""

    kind: str
    priority: str
    count: int
    oldest: datetime.datetime
    eta: str


@dataclass(frozen=True)
class ListRow:
    """A list being read page by page."""

    kind: str
    done: int
    total: int
    percent: int
    eta: str


@dataclass(frozen=True)
class StoppedRow:
    """A request that is not sent again by itself. Its URLs are "" where only its room can settle it."""

    id: uuid.UUID
    kind: str
    target: str
    is_unknown: bool
    reason: str
    attempts: int
    since: datetime.datetime
    retry_url: str
    cancel_url: str


@dataclass(frozen=True)
class Pulse:
    """Deliveries and background work.

    `still`: background work has stopped, so nothing is sent. `refused`: calls of the last hour without a
    valid secret.
    """

    last_heartbeat: datetime.datetime | None
    still: bool
    last_minute: int
    last_hour: int
    refused: int


@dataclass(frozen=True)
class Alarm:
    """A warning that every page shows to admins.

    `page` says more, or is where to act. `is_over`: nothing is left to do.
    """

    text: str
    page: str
    label: str
    is_over: bool = False


def lasting(seconds: float) -> str:
    """Format a duration in its coarsest useful unit: `40 s`, `5 min`, `3 h`, `2 days`."""
    if seconds < MINUTE:
        return f"{math.ceil(seconds)} s"
    if seconds < 2 * HOUR:
        return f"{math.ceil(seconds / MINUTE)} min"
    return f"{math.ceil(seconds / HOUR)} h" if seconds < 2 * DAY else f"{math.ceil(seconds / DAY)} days"


def problem(clinic: Clinic) -> str:
    """Explain why nothing is sent to the vendor, "" while requests go out."""
    pulse_at = Heartbeat.objects.order_by("-minute").values_list("minute", flat=True).first()
    if pulse_at and timezone.now() - pulse_at > STILL:
        return "The background work of Vitaldays has stopped: nothing is sent to Tenovi. The work waits."
    return standing_problem(clinic)


def alarms(clinic: Clinic) -> list[Alarm]:
    """Return what keeps requests from being sent, what has waited too long, and what will soon stop all."""
    raised = _refused_calls(clinic)
    if why := problem(clinic):
        raised.append(Alarm(why, "operations", "Operations"))
    percent = disk_percent()
    if percent is not None and percent >= disk.ALARM_AT:
        text = f"The disk of the database is {percent} % full. Once it is full, readings are turned away."
        raised.append(Alarm(text, "operations", "Operations"))
    since = Delivery.objects.for_clinic(clinic).waiting().aggregate(at=Min("received_at"))["at"]
    if since and timezone.now() - since > TOO_LONG:
        days = (timezone.now() - since).days
        waited = "a day" if days == 1 else f"{days} days"
        text = f"A delivery has waited for more than {waited} to be settled."
        raised.append(Alarm(text, "deliveries-waiting", "See what to do"))
    return raised


def _refused_calls(clinic: Clinic) -> list[Alarm]:
    """Return alarms for refused calls of the last hour, which may go on at one address and be over at another."""
    refused, now = refusals.of_last_hour(clinic), database_now()
    raised = []
    if going_on := [refusal for refusal in refused if not refusal.is_over]:
        raised.append(_going_on(clinic, going_on, now))
    if over := [refusal for refusal in refused if refusal.is_over]:
        last = max(refusal.last_at for refusal in over)
        text = (
            f"Calls are let in again. Before, {_calls(over)} refused, the last one at "
            f"{exact(last, clinic.zone, now)}; what Tenovi holds of that time is fetched by itself."
        )
        raised.append(Alarm(text, "completeness", "Completeness", is_over=True))
    return raised


def _going_on(clinic: Clinic, refused: list[refusals.Refused], now: datetime.datetime) -> Alarm:
    """Describe refusals that go on. While the webhooks are being changed, there is nothing to do but wait."""
    last = max(refusal.last_at for refusal in refused)
    text = f"{_calls(refused)} refused in the last hour, the last one {ago(last, now)}"
    if are_changing(clinic):
        text += ". The webhooks at Tenovi are being changed. This goes once a call is let in."
        return Alarm(text, "vendor-webhooks", "How far it is", is_over=True)
    if at := changed_since(clinic, last):
        text += (
            f". None since the webhooks at Tenovi were changed, {exact(at, clinic.zone, now)}. This goes once a call "
            "is let in, or after an hour without another refusal."
        )
        return Alarm(text, "vendor-webhooks", "Webhooks at Tenovi", is_over=True)
    shown = (
        "a secret that was retired here" if any(refusal.retired for refusal in refused) else "no valid secret"
    )
    text += f": {shown} was shown. If Tenovi calls, what it sends does not come in."
    return Alarm(text, "vendor-webhooks", "Register again")


def _calls(refused: list[refusals.Refused]) -> str:
    """Return text such as `62 calls (Readings 60, Shipping 2) were`."""
    total = sum(refusal.count for refusal in refused)
    webhooks = ", ".join(f"{refusal.endpoint} {refusal.count:,}" for refusal in refused)
    return f"{total:,} call{'s' * (total != 1)} ({webhooks}) {'was' if total == 1 else 'were'}"


def disk_percent() -> int | None:
    """Return how full the database's disk was a minute ago, None where that is unknown."""
    return Heartbeat.objects.order_by("-minute").values_list("disk_percent", flat=True).first()


def waiting(clinic: Clinic) -> list[WaitingRow]:
    """Return the queue by priority and kind, the most urgent first."""
    unanswered = Request.objects.for_clinic(clinic).unanswered()
    groups = unanswered.values("priority", "kind").annotate(count=Count("id"), oldest=Min("created_at"))
    rows, calls = [], 0
    for group in groups.order_by("priority", "kind"):
        calls += calls_left(unanswered.filter(priority=group["priority"], kind=group["kind"]))
        rows.append(
            WaitingRow(
                kind=_kind(group["kind"]),
                priority=Priority(group["priority"]).label,
                count=group["count"],
                oldest=group["oldest"],
                eta=lasting(calls * settings.TENOVI_SPACING_SECONDS),
            )
        )
    return rows


def lists_under_way(clinic: Clinic) -> list[ListRow]:
    unanswered = Request.objects.for_clinic(clinic).unanswered()
    rows = []
    for request in unanswered.filter(total__isnull=False, pages__gt=0).order_by("kind", "target")[:20]:
        size, total = rows_a_page(request.kind), request.total or 0
        done = min(request.pages * size, total)
        rows.append(
            ListRow(
                kind=_kind(request.kind),
                done=done,
                total=total,
                percent=round(100 * done / total) if total else 100,
                eta=lasting(math.ceil((total - done) / size) * settings.TENOVI_SPACING_SECONDS),
            )
        )
    return rows


def stopped(access: ClinicAccess) -> list[StoppedRow]:
    """Return the stopped requests. Those whose result is unknown come before those that are parked."""
    requests = Request.objects.for_clinic(access.clinic).stopped().order_by("-state", "created_at", "id")
    return [_stopped(access, request) for request in requests[:STOPPED_SHOWN]]


def calls(clinic: Clinic) -> list[Call]:
    """Return the latest calls, newest first, with the label of their kind."""
    latest = list(Call.objects.for_clinic(clinic).newest_first()[:CALLS_SHOWN])
    for call in latest:
        call.kind = _kind(call.kind)
    return latest


def pulse(clinic: Clinic) -> Pulse:
    last = Heartbeat.objects.order_by("-minute").values_list("minute", flat=True).first()
    came = Delivery.objects.for_clinic(clinic).by_webhook()
    return Pulse(
        last_heartbeat=last,
        still=last is None or timezone.now() - last > STILL,
        last_minute=came.filter(received_at__gt=seconds_from_now(-MINUTE)).count(),
        last_hour=came.filter(received_at__gt=seconds_from_now(-HOUR)).count(),
        refused=sum(refusal.count for refusal in refusals.of_last_hour(clinic)),
    )


def headline(queue: Overview, why: str) -> str:
    if queue.waiting and why:
        return f"{queue.waiting:,} waiting, and nothing is sent."
    if queue.waiting:
        return f"{queue.waiting:,} waiting; all answered in about {lasting(queue.eta_seconds)}."
    return "Nothing is sent." if why else "Nothing waits: everything that was asked of Tenovi is answered."


def page_for(access: ClinicAccess) -> dict[str, Any]:
    """Return the context of `tenovi/operations.html`."""
    clinic = access.clinic
    queue, why = overview(clinic), problem(clinic)
    return {
        "overview": queue,
        "headline": headline(queue, why),
        "eta": lasting(queue.eta_seconds),
        "problem": why,
        "pulse": pulse(clinic),
        "disk": disk_percent(),
        "waiting": waiting(clinic),
        "lists": lists_under_way(clinic),
        "keys": parked_keys_of(clinic),
        "stopped": stopped(access),
        "calls": calls(clinic),
        "now": timezone.now(),
        "zone": clinic.zone,
    }


def _kind(value: str) -> str:
    if value == PROBE:
        return "Whether Tenovi answers at all"
    return RequestKind(value).label if value in RequestKind.values else value


def _stopped(access: ClinicAccess, request: Request) -> StoppedRow:
    def url(name: str) -> str:
        is_parked = request.state == RequestState.PARKED
        return reverse(name, args=[access.clinic.slug, request.id]) if is_parked else ""

    return StoppedRow(
        id=request.id,
        kind=_kind(request.kind),
        target=request.target,
        is_unknown=request.state == RequestState.UNKNOWN,
        reason=request.reason,
        attempts=request.attempts,
        since=request.created_at,
        retry_url=url("request-retry"),
        cancel_url=url("request-cancel"),
    )
