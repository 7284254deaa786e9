"""From raw bytes to settled elements: the way in.

`receive` keeps the raw bytes first and settles them in the same transaction; `settle_pending`
finishes what could not be settled at once, `resettle_for_device` what waited for a device to
become known. Handlers come from the registry. PostgreSQL is all that any of it needs.
"""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from clinics.models import Clinic
from tenovi.models import Delivery, DeliveryItem
from tenovi.registry import Verdict, delivery_handler
from tenovi.wire import Unreadable, elements_of

log = logging.getLogger(__name__)

ATTEMPTS_BEFORE_QUARANTINE = 5
LONGEST_STATEMENT = 2.0
"""Seconds after which an acknowledgement ends a statement, which may wait for a lock or have too much
to do; its elements are then left to the sweeper."""
KEPT = ("id", "clinic_id", "kind", "raw", "size", "content_type", "address", "elements", "state")
KEEP = f"""
INSERT INTO {Delivery._meta.db_table} ({", ".join(KEPT)}, reason, attempts, settled_at)
VALUES ({", ".join(["%s"] * len(KEPT))}, '', 0, statement_timestamp())
RETURNING received_at, set_config('statement_timeout', %s, true),
          set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true)
"""
"""Kept as settled: nearly every delivery is by the end of this transaction, the others are corrected then.
What settling asks of the database goes by key: one plan for each statement serves every delivery, and one
made while a table was empty must not go on reading it from end to end when a first night has filled it."""
RECORD = f"""
INSERT INTO {DeliveryItem._meta.db_table} (clinic_id, delivery_id, index, state, reason, hwi_device_id)
SELECT %s, %s, given.* FROM unnest(%s::int[], %s::text[], %s::text[], %s::uuid[]) AS given
ON CONFLICT (delivery_id, index) DO UPDATE
SET state = excluded.state, reason = excluded.reason, hwi_device_id = excluded.hwi_device_id
"""
CANCELLED = "57014"
NOT_SETTLED = Verdict("pending", "not_settled")
GIVEN_UP = Verdict("quarantined", "internal_error")
OUR_STATE_IS_LOST = ("08", "25", "53", "57", "58", "XX")
"""SQLSTATE classes after which nothing can be committed: connection, read-only, resources,
shutdown, system. (A cancelled statement is the exception: the next one may do.)"""


@dataclass(frozen=True)
class Receipt:
    """What the sender is told: every element is in exactly one of the counts."""

    delivery: uuid.UUID
    rejected: str
    counts: Counter[str]

    @property
    def received(self) -> int:
        return self.counts.total()


def receive(clinic: Clinic, kind: str, body: bytes, *, content_type: str, address: str | None) -> Receipt:
    """Keep an authenticated body and settle it. Once this returns, the bytes are committed."""
    try:
        elements = elements_of(body)
    except Unreadable as problem:
        return reject(
            clinic,
            kind,
            body,
            reason=problem.reason,
            content_type=content_type,
            address=address,
            size=len(body),
        )
    keep = partial(_keep, clinic, kind, body, len(elements), content_type[:200], address)
    try:
        with transaction.atomic():
            delivery = keep()
            counts = _record(delivery, range(len(elements)), _handled(delivery, elements))
    except Exception as error:
        _reraise_if_database_is_away(error)
        with transaction.atomic():  # the bytes once more: a savepoint would cost every delivery to keep these
            delivery = keep()
            counts = _record(delivery, range(len(elements)), _handled_alone(delivery, elements, error))
    return Receipt(delivery.id, "", counts)


def reject(
    clinic: Clinic, kind: str, body: bytes, *, reason: str, content_type: str, address: str | None, size: int
) -> Receipt:
    """Keep the bytes of a body we answer with 4xx: a repeat of it may never come."""
    delivery = Delivery.objects.create(
        clinic=clinic,
        kind=kind,
        raw=body,
        size=size,
        state="rejected",
        reason=reason,
        content_type=content_type[:200],
        address=address,
    )
    return Receipt(delivery.id, reason, Counter())


def settle_pending(limit: int = 500) -> int:
    """Settle deliveries left pending, oldest first; the number tried."""
    waiting = (
        Delivery.objects.across_clinics().unsettled().order_by("received_at").values_list("id", flat=True)
    )
    return sum(settle_again(delivery_id) for delivery_id in list(waiting[:limit]))


def settle_quarantined(limit: int = 10_000) -> int:
    """Try everything in quarantine again, oldest first; the number of deliveries tried."""
    waiting = Delivery.objects.across_clinics().waiting_for_attention().order_by("received_at")
    return sum(
        settle_again(delivery_id) for delivery_id in list(waiting.values_list("id", flat=True)[:limit])
    )


def settle_waiting_of(clinic: Clinic) -> int:
    """Try everything of one clinic that waits, oldest first; the number of deliveries tried."""
    waiting = Delivery.objects.for_clinic(clinic).filter(state__in=["pending", "quarantined"])
    return sum(
        settle_again(delivery_id)
        for delivery_id in list(waiting.order_by("received_at").values_list("id", flat=True))
    )


def resettle_for_device(clinic: Clinic, hwi_device_id: uuid.UUID) -> int:
    """Settle what waited for this device to become known; the number of deliveries tried."""
    waiting = DeliveryItem.objects.for_clinic(clinic).quarantined().naming_device(hwi_device_id)
    return sum(
        settle_again(delivery_id) for delivery_id in set(waiting.values_list("delivery_id", flat=True))
    )


def settle_again(delivery_id: uuid.UUID) -> bool:
    """Run the elements of one delivery that are still waiting through their handler again.

    False when another process is at it right now. Safe to repeat: elements that are stored
    already come out as duplicates.
    """
    waiting = Delivery.objects.across_clinics().filter(id=delivery_id, state__in=["pending", "quarantined"])
    free = waiting.select_for_update(of=("self",), skip_locked=True)
    with transaction.atomic():  # committed first, so that an attempt that takes the process down counts too
        Delivery.objects.across_clinics().filter(id__in=free.values("id")).update(attempts=F("attempts") + 1)
    with transaction.atomic():
        delivery = free.select_related("clinic").first()
        if delivery is None:
            return False
        items = delivery.items.across_clinics().filter(state__in=["pending", "quarantined"])
        indexes = list(items.order_by("index").values_list("index", flat=True))
        if delivery.state == "pending" and delivery.attempts > ATTEMPTS_BEFORE_QUARANTINE:
            verdicts = [GIVEN_UP] * len(indexes)
        else:
            elements = elements_of(bytes(delivery.raw))
            verdicts = _handled_again(delivery, [elements[index] for index in indexes])
        _record(delivery, indexes, verdicts, again=True)
    return True


def _keep(
    clinic: Clinic, kind: str, body: bytes, elements: int, content_type: str, address: str | None
) -> Delivery:
    delivery = Delivery(
        id=uuid.uuid4(),
        clinic=clinic,
        kind=kind,
        raw=body,
        size=len(body),
        content_type=content_type,
        address=address,
        elements=elements,
        state="settled",
    )
    with connection.cursor() as cursor:
        cursor.execute(KEEP, [*(getattr(delivery, name) for name in KEPT), f"{LONGEST_STATEMENT}s"])
        (delivery.received_at, *_) = cursor.fetchone()
    delivery._state.adding = False
    return delivery


def _handled(delivery: Delivery, elements: list[Any]) -> list[Verdict]:
    verdicts = delivery_handler(delivery.kind)(delivery, elements)
    if len(verdicts) != len(elements):
        raise RuntimeError(f"{len(verdicts)} verdicts on {len(elements)} elements")
    return verdicts


def _handled_again(delivery: Delivery, elements: list[Any]) -> list[Verdict]:
    try:
        with transaction.atomic():
            return _handled(delivery, elements)
    except Exception as error:
        _reraise_if_database_is_away(error)
        return _handled_alone(delivery, elements, error)


def _handled_alone(delivery: Delivery, elements: list[Any], error: Exception) -> list[Verdict]:
    """After `error` of all together, a savepoint for each: one bad element never costs its siblings."""
    log.warning("delivery %s: %s", delivery.id, type(error).__name__)
    if _sqlstate(error) == CANCELLED:  # each of them alone may take as long
        return [_not_settled(delivery)] * len(elements)
    return [_verdict_on(delivery, element) for element in elements]


def _verdict_on(delivery: Delivery, element: Any) -> Verdict:
    try:
        with transaction.atomic():
            return _handled(delivery, [element])[0]
    except Exception as error:
        _reraise_if_database_is_away(error)
        # No exception text: it may quote the payload.
        log.error("delivery %s: an element stays pending: %s", delivery.id, type(error).__name__)
    return _not_settled(delivery)


def _not_settled(delivery: Delivery) -> Verdict:
    return GIVEN_UP if delivery.attempts >= ATTEMPTS_BEFORE_QUARANTINE else NOT_SETTLED


def _reraise_if_database_is_away(error: Exception) -> None:
    if isinstance(error, DatabaseError):
        state = _sqlstate(error) or "08000"
        if state[:2] in OUR_STATE_IS_LOST and state != CANCELLED:
            raise error


def _sqlstate(error: Exception) -> str | None:
    return getattr(error.__cause__, "sqlstate", None)


def _record(
    delivery: Delivery, indexes: Iterable[int], verdicts: Sequence[Verdict], *, again: bool = False
) -> Counter[str]:
    """Write the items that were not simply stored, and what that makes of the delivery."""
    counts: Counter[str] = Counter(verdict.state for verdict in verdicts)
    if items := [each for each in zip(indexes, verdicts, strict=True) if each[1].state != "stored" or again]:
        with connection.cursor() as cursor:
            cursor.execute(RECORD, [delivery.clinic_id, delivery.id, *_columns(items)])
    before = delivery.state, delivery.attempts
    delivery.state = next((state for state in ("pending", "quarantined") if counts[state]), "settled")
    failed = any(verdict in (NOT_SETTLED, GIVEN_UP) for verdict in verdicts)
    delivery.attempts = max(delivery.attempts, 1) if failed else 0
    if (delivery.state, delivery.attempts) != before:
        delivery.settled_at = None if delivery.state == "pending" else Now()
        delivery.save(update_fields=["state", "settled_at", "attempts"])
    return counts


def _columns(items: Sequence[tuple[int, Verdict]]) -> tuple[list[Any], ...]:
    return (
        [index for index, _ in items],
        [verdict.state for _, verdict in items],
        [verdict.reason for _, verdict in items],
        [verdict.hwi_device_id for _, verdict in items],
    )
