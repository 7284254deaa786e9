"""Queue requests to the vendor: write a row and wake a worker, which sends it.

Safe to repeat: a request that waits already is not queued twice.
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from clinics.models import Clinic
from tenovi.models import Call, Priority, Request, RequestKind
from tenovi.outbound.api_keys import keys_of, why_nothing_is_sent
from tenovi.outbound.calls import WRITES, rows_a_page
from tenovi.outbound.wakeup import wake_worker
from tenovi.querysets import RequestQuerySet

DRAIN = "tenovi.drain"

_TABLE = Request._meta.db_table
_FIELDS = "coalesce({0}.params -> 'fields', '[]'::jsonb)"
_ALL_FIELDS = f"""jsonb_build_object('fields', (
    SELECT coalesce(jsonb_agg(DISTINCT field), '[]'::jsonb)
    FROM jsonb_array_elements({_FIELDS.format(_TABLE)} || {_FIELDS.format("excluded")}) AS field
))"""
_REVIVES = f"{_TABLE}.state = 'parked' AND (%(insist)s OR {_TABLE}.not_before <= statement_timestamp())"
_BEGINS_ANEW = f"({_REVIVES} OR (%(anew)s AND {_TABLE}.state = 'waiting'))"
_ASK = f"""
INSERT INTO {_TABLE} (id, clinic_id, kind, target, params, priority, state, attempts, reason, cursor, pages)
SELECT gen_random_uuid(), %(clinic)s, %(kind)s, target, %(params)s::jsonb, %(priority)s, 'waiting', 0, '', '', 0
FROM unnest(%(targets)s::text[]) AS target ORDER BY target
ON CONFLICT (clinic_id, kind, target) DO UPDATE SET
    priority = least({_TABLE}.priority, excluded.priority),
    state = CASE WHEN {_REVIVES} THEN 'waiting' ELSE {_TABLE}.state END,
    attempts = CASE WHEN {_REVIVES} OR %(insist)s THEN 0 ELSE {_TABLE}.attempts END,
    cursor = CASE WHEN {_BEGINS_ANEW} THEN '' ELSE {_TABLE}.cursor END,
    pages = CASE WHEN {_BEGINS_ANEW} THEN 0 ELSE {_TABLE}.pages END,
    rows = CASE WHEN {_BEGINS_ANEW} THEN 0 ELSE {_TABLE}.rows END,
    digests = CASE WHEN {_BEGINS_ANEW} THEN '[]'::jsonb ELSE {_TABLE}.digests END,
    restarts = CASE WHEN {_REVIVES} OR %(insist)s THEN 0 ELSE {_TABLE}.restarts END,
    renewed = {_TABLE}.renewed OR ((%(writes)s OR %(anew)s) AND {_TABLE}.state = 'sending'),
    params = CASE WHEN {_TABLE}.params ? 'fields' AND excluded.params ? 'fields'
        THEN {_TABLE}.params || excluded.params || {_ALL_FIELDS}
        ELSE ({_TABLE}.params || excluded.params) - 'fields' END,
    not_before = CASE WHEN %(insist)s THEN statement_timestamp() ELSE {_TABLE}.not_before END
"""


def enqueue(
    clinic: Clinic,
    kind: str,
    target: str = "",
    *,
    priority: int = Priority.ROUTINE,
    params: dict[str, Any] | None = None,
    insist: bool = False,
    anew: bool = False,
    wake: bool = True,
) -> None:
    """Queue one request. See `enqueue_each`."""
    enqueue_each(
        clinic, kind, [target], priority=priority, params=params, insist=insist, anew=anew, wake=wake
    )


def enqueue_each(
    clinic: Clinic,
    kind: str,
    targets: Iterable[str],
    *,
    priority: int = Priority.ROUTINE,
    params: dict[str, Any] | None = None,
    insist: bool = False,
    anew: bool = False,
    wake: bool = True,
) -> None:
    """Queue a request of `kind` for each target. A request that waits already is not doubled.

    A write that changes some members names them in `params["fields"]`; those of two such requests are
    merged. For all else in `params` the latest request wins. A write that is queued again while it is
    being sent is sent once more.

    `insist` forgets earlier failures and pauses, for a person who has repaired something. Requests of
    `Priority.PERSON` always do, since pages say that they are being sent. `anew` begins a list that is half
    read with its first page, for callers that need the state from now on. `wake` wakes a worker after the
    commit. Without it (webhooks publish nothing) the scheduler finds the rows within seconds.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _ASK,
            {
                "clinic": clinic.id,
                "kind": RequestKind(kind).value,
                "targets": sorted(set(targets)),
                "params": json.dumps(params or {}),
                "priority": int(priority),
                "insist": insist or priority == Priority.PERSON,
                "anew": anew,
                "writes": kind in WRITES,
            },
        )
    if wake:
        wake_worker(DRAIN)


@dataclass(frozen=True, slots=True)
class Overview:
    """A clinic's queue in figures.

    `eta_seconds` is the time to empty it and the queues that share its key: a slot for each call,
    and a call for each page that its lists are known to have.
    """

    waiting: int
    parked: int
    oldest_seconds: float
    eta_seconds: float
    parked_reason: str
    last_call: Call | None


def overview(clinic: Clinic) -> Overview:
    requests = Request.objects.for_clinic(clinic)
    unanswered = requests.unanswered()
    oldest = unanswered.order_by("created_at").values_list("created_at", flat=True).first()
    sharing = [key.clinics for key in keys_of(Clinic.objects.all()) if clinic in key.clinics]
    ahead = Request.objects.across_clinics().filter(
        clinic__in=[other for clinics in sharing for other in clinics]
    )
    return Overview(
        waiting=unanswered.count(),
        parked=requests.parked().count(),
        oldest_seconds=_age(oldest),
        eta_seconds=round(calls_left(ahead.unanswered()) * settings.TENOVI_SPACING_SECONDS, 1),
        parked_reason=why_nothing_is_sent(clinic),
        last_call=Call.objects.for_clinic(clinic).newest_first().first(),
    )


def calls_left(unanswered: RequestQuerySet) -> int:
    """Count the calls that these requests still take, as far as their lists are known."""
    lists = unanswered.filter(total__isnull=False).values_list("kind", "total", "pages")
    further = 0
    for kind, total, pages in lists:
        further += max(0, math.ceil((total or 0) / rows_a_page(kind)) - pages - 1)
    return unanswered.count() + further


def why_unanswered(clinic: Clinic, kind: str, targets: Iterable[str]) -> dict[str, str]:
    """Return, for each target with a request in the queue, a sentence why there is no answer yet."""
    stopped = why_nothing_is_sent(clinic)
    rows = Request.objects.for_clinic(clinic).filter(kind=kind, target__in=set(targets))
    reasons = {target: reason or stopped for target, reason in rows.values_list("target", "reason")}
    return {target: reason for target, reason in reasons.items() if reason}


def _age(moment: datetime.datetime | None) -> float:
    return round((timezone.now() - moment).total_seconds(), 1) if moment else 0.0
