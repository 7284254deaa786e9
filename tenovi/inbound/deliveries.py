"""Keep the raw bytes of a delivery and settle its elements.

`receive` keeps the bytes first and settles them in the same transaction. `settle_pending`
finishes what could not be settled at once; `resettle_for_device` what waited for a device to
become known. Handlers come from the registry. PostgreSQL is all that any of it needs.
"""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import F
from django.db.models.functions import Greatest, Now

from clinics.models import Clinic
from tenovi.inbound.one_by_one import Ending, one_by_one, reraise_if_database_is_away
from tenovi.models import Delivery, DeliveryItem
from tenovi.models.ledger import DeliveryState, ItemState
from tenovi.querysets import DeliveryItemQuerySet
from tenovi.registry import DELIVERIES, ElementResult
from tenovi.strict_json import JsonObject, Unreadable, elements_of, pieces_of, value_of

log = logging.getLogger(__name__)

WAITING = (ItemState.PENDING.value, ItemState.QUARANTINED.value)  # of elements and of deliveries alike
ATTEMPTS_BEFORE_QUARANTINE = 5
ATTEMPTS_TOGETHER = 3
"""An element tried so often and still waiting is tried alone: one that takes the process down with it must
not be charged to its siblings."""
LONGEST_STATEMENT = 2.0
"""Seconds after which an acknowledgement ends a statement, which may wait for a lock or have too much
to do; its elements are then left to the sweeper."""
KEPT = ("id", "clinic_id", "kind", "raw", "size", "content_type", "address", "elements", "state", "fetched")
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
INSERT INTO {DeliveryItem._meta.db_table} AS known
    (clinic_id, delivery_id, index, state, reason, hwi_device_id, content, raw, attempts)
SELECT %s, %s, given.* FROM unnest(
    %s::int[], %s::text[], %s::text[], %s::uuid[], %s::uuid[], %s::bytea[], %s::int[]) AS given
ON CONFLICT (delivery_id, index) DO UPDATE
SET state = excluded.state, reason = excluded.reason, attempts = excluded.attempts,
    hwi_device_id = coalesce(excluded.hwi_device_id, known.hwi_device_id),
    content = coalesce(excluded.content, known.content), raw = coalesce(known.raw, excluded.raw)
"""
_owed: set[int] = set()
"""Items that were charged for a try which the database broke off, and could not be told so yet."""


@dataclass(frozen=True)
class DeliveryResult:
    """The answer to the sender: every element is in exactly one of the counts."""

    delivery: uuid.UUID
    rejected: str
    counts: Counter[str]

    @property
    def received(self) -> int:
        return self.counts.total()


def receive(
    clinic: Clinic, kind: str, body: bytes, *, content_type: str, address: str | None, fetched: bool = False
) -> DeliveryResult:
    """Keep an authenticated body, or a row that was fetched, and settle it. Commits the bytes before it returns."""
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
            fetched=fetched,
        )
    keep = partial(_keep, clinic, kind, body, len(elements), content_type[:200], address, fetched)
    try:
        with transaction.atomic():
            delivery = keep()
            endings = [Ending(result) for result in _handled(delivery, elements)]
            counts = _record_first(delivery, endings)
    except Exception as error:
        reraise_if_database_is_away(error)
        with transaction.atomic():  # the bytes once more: a savepoint would cost every delivery to keep these
            delivery = keep()
            endings = _handled_alone(delivery, elements, error)
            counts = _record_first(delivery, endings)
    return DeliveryResult(delivery.id, "", counts)


def reject(
    clinic: Clinic,
    kind: str,
    body: bytes,
    *,
    reason: str,
    content_type: str,
    address: str | None,
    size: int,
    fetched: bool = False,
) -> DeliveryResult:
    """Keep the bytes of a body we answer with 4xx: a repeat of it may never come."""
    delivery = Delivery.objects.create(
        clinic=clinic,
        kind=kind,
        raw=body,
        size=size,
        state=DeliveryState.REJECTED,
        reason=reason,
        content_type=content_type[:200],
        address=address,
        fetched=fetched,
    )
    return DeliveryResult(delivery.id, reason, Counter())


def settle_pending(limit: int = 500) -> int:
    """Settle deliveries that were left pending, the oldest first. Returns how many were tried."""
    waiting = (
        Delivery.objects.across_clinics().unsettled().order_by("received_at").values_list("id", flat=True)
    )
    return sum(settle_again(delivery_id) for delivery_id in list(waiting[:limit]))


def settle_quarantined(limit: int = 10_000) -> int:
    """Try everything in quarantine again, the oldest first. Returns how many deliveries were tried."""
    waiting = Delivery.objects.across_clinics().waiting_for_attention().order_by("received_at")
    return sum(
        settle_again(delivery_id) for delivery_id in list(waiting.values_list("id", flat=True)[:limit])
    )


def settle_waiting_of(clinic: Clinic) -> int:
    """Try everything of one clinic that waits, the oldest first. Returns how many deliveries were tried."""
    waiting = Delivery.objects.for_clinic(clinic).filter(state__in=WAITING)
    return sum(
        settle_again(delivery_id)
        for delivery_id in list(waiting.order_by("received_at").values_list("id", flat=True))
    )


def resettle_for_device(clinic: Clinic, hwi_device_id: uuid.UUID) -> int:
    """Settle what waited for this device to become known. Returns how many deliveries were tried."""
    waiting = DeliveryItem.objects.for_clinic(clinic).quarantined().naming_device(hwi_device_id)
    return sum(
        settle_again(delivery_id) for delivery_id in set(waiting.values_list("delivery_id", flat=True))
    )


def settle_again(delivery_id: uuid.UUID) -> bool:
    """Run the elements of one delivery that are still waiting through their handler again.

    Returns False when another process is settling it now. Safe to repeat: elements that are stored
    already come out as duplicates.
    """
    _pay_back()
    waiting = list(_waiting_items(delivery_id).order_by("index").values_list("id", "state", "attempts"))
    alone = [
        item for item, state, tries in waiting if state == ItemState.PENDING and tries >= ATTEMPTS_TOGETHER
    ]
    if not _try([item for item, *_ in waiting if item not in alone], delivery_id):
        return False
    ended = [_try([item], delivery_id) for item in alone]  # each of them, whatever becomes of the others
    return all(ended)


def _try(item_ids: list[int], delivery_id: uuid.UUID) -> bool:
    """Settle these items of a delivery together. Locks it; returns False when another process has it."""
    charged = list(
        _waiting_items(delivery_id)
        .filter(id__in=item_ids, state=ItemState.PENDING)
        .values_list("id", flat=True)
    )
    chargeable = DeliveryItem.objects.across_clinics().filter(id__in=charged)
    chargeable.update(attempts=F("attempts") + 1)  # committed: a try that takes the process down counts too
    try:
        with transaction.atomic():
            waiting = Delivery.objects.across_clinics().filter(id=delivery_id, state__in=WAITING)
            locked = waiting.select_for_update(of=("self",), skip_locked=True).select_related("clinic")
            if delivery := locked.first():
                items = list(_waiting_items(delivery_id).filter(id__in=item_ids).order_by("index"))
                _record(delivery, items, _endings_of(delivery, items), again=True)
    except (DatabaseError, InterfaceError):
        _owed.update(charged)
        raise
    if delivery is None:
        _owed.update(charged)
        _pay_back()
    return delivery is not None


def _pay_back() -> None:
    """Take back the tries that items were charged for though the fault was not theirs."""
    for item in list(_owed):
        _owed.discard(item)
        charged = DeliveryItem.objects.across_clinics().filter(id=item, state=ItemState.PENDING)
        try:
            charged.update(attempts=Greatest(F("attempts") - 1, 0))
        except (DatabaseError, InterfaceError):
            _owed.add(item)
            raise


def _waiting_items(delivery_id: uuid.UUID) -> DeliveryItemQuerySet:
    items = DeliveryItem.objects.across_clinics().filter(delivery=delivery_id)
    return items.filter(state__in=WAITING)


def _endings_of(delivery: Delivery, items: list[DeliveryItem]) -> list[Ending]:
    """Try waiting items. Those that failed, or took the process down, too often are given up without a try."""
    tired = [item.state == ItemState.PENDING and item.attempts > ATTEMPTS_BEFORE_QUARANTINE for item in items]
    tried = [item for item, is_tired in zip(items, tired, strict=True) if not is_tired]
    endings = iter(_handled_again(delivery, _elements_of(delivery, tried)))
    given_up = Ending(ElementResult("pending", "not_settled"), is_its_fault=True)
    return [given_up if is_tired else next(endings) for is_tired in tired]


def _elements_of(delivery: Delivery, items: list[DeliveryItem]) -> list[Any]:
    """Read each element from its own bytes, or from those of its delivery where it is older than these are kept."""
    together: list[Any] = []
    if any(item.raw is None for item in items):
        together = elements_of(bytes(delivery.raw))
    return [
        _as_decided(item, together[item.index] if item.raw is None else value_of(bytes(item.raw)))
        for item in items
    ]


def _as_decided(item: DeliveryItem, element: Any) -> Any:
    """Leave out the patient that the vendor names, where a person decided that the reading is the holder's."""
    if not item.goes_by_holder or not isinstance(element, JsonObject):
        return element
    left = JsonObject([(name, value) for name, value in element.items() if name != "patient_id"])
    left.repeated = element.repeated
    return left


def tell_what_waits(delivery_ids: Iterable[uuid.UUID]) -> None:
    """Set the state of deliveries whose elements a person decided about: some may still wait."""
    for delivery in Delivery.objects.across_clinics().filter(id__in=set(delivery_ids)):
        states = set(_waiting_items(delivery.id).values_list("state", flat=True))
        delivery.state = _state_with(states)
        delivery.settled_at = None if delivery.state == DeliveryState.PENDING else Now()
        delivery.save(update_fields=["state", "settled_at"])


def _state_with(states: Collection[str]) -> DeliveryState:
    """Derive the state of a delivery from those of its elements that still wait."""
    if ItemState.PENDING in states:
        return DeliveryState.PENDING
    return DeliveryState.QUARANTINED if ItemState.QUARANTINED in states else DeliveryState.SETTLED


def _record_first(delivery: Delivery, endings: Sequence[Ending]) -> Counter[str]:
    """Record the elements of a new delivery that were not simply stored: nearly always none. Returns the counts."""
    odd = [(index, ending) for index, ending in enumerate(endings) if ending.result.state != "stored"]
    if odd:
        clinic = delivery.clinic_id
        items = [
            DeliveryItem(
                clinic_id=clinic, delivery=delivery, index=index, state=ItemState.PENDING.value, attempts=1
            )
            for index, _ in odd
        ]
        _record(delivery, items, [ending for _, ending in odd])
    return Counter(ending.result.state for ending in endings)


def _keep(
    clinic: Clinic,
    kind: str,
    body: bytes,
    elements: int,
    content_type: str,
    address: str | None,
    fetched: bool,
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
        state=DeliveryState.SETTLED.value,
        fetched=fetched,
    )
    with connection.cursor() as cursor:
        cursor.execute(KEEP, [*(getattr(delivery, name) for name in KEPT), f"{LONGEST_STATEMENT}s"])
        (delivery.received_at, *_) = cursor.fetchone()
    delivery._state.adding = False
    return delivery


def _handled(delivery: Delivery, elements: list[Any]) -> list[ElementResult]:
    results = DELIVERIES[delivery.kind](delivery, elements)
    if len(results) != len(elements):
        raise RuntimeError(f"{len(results)} results on {len(elements)} elements")
    return results


def _handled_again(delivery: Delivery, elements: list[Any]) -> list[Ending]:
    if not elements:
        return []
    try:
        with transaction.atomic():
            return [Ending(result) for result in _handled(delivery, elements)]
    except Exception as error:
        reraise_if_database_is_away(error)
        return _handled_alone(delivery, elements, error)


def _handled_alone(delivery: Delivery, elements: list[Any], error: Exception) -> list[Ending]:
    log.warning("delivery %s: %s", delivery.id, type(error).__name__)
    return one_by_one(partial(_handled, delivery), elements, error)


def _record(
    delivery: Delivery, items: Sequence[DeliveryItem], endings: Sequence[Ending], *, again: bool = False
) -> None:
    """Write the states of items that were not simply stored at first, and the state of their delivery."""
    for item, ending in zip(items, endings, strict=True):
        _end(item, ending)
    if items:
        _keep_bytes(delivery, items)
        columns = ("index", "state", "reason", "hwi_device_id", "content", "raw", "attempts")
        values = [[getattr(item, name) for item in items] for name in columns]
        with connection.cursor() as cursor:
            cursor.execute(RECORD, [delivery.clinic_id, delivery.id, *values])
    waiting = [(item.state, item.attempts) for item in items]
    if again:  # others of it may have been tried apart
        waiting = list(_waiting_items(delivery.id).values_list("state", "attempts"))
    before, states = (delivery.state, delivery.attempts), {state for state, _ in waiting}
    delivery.state = _state_with(states)
    delivery.attempts = max((tries for _, tries in waiting), default=0)
    if (delivery.state, delivery.attempts) != before:
        delivery.settled_at = None if delivery.state == DeliveryState.PENDING else Now()
        delivery.save(update_fields=["state", "settled_at", "attempts"])


def _end(item: DeliveryItem, ending: Ending) -> None:
    """Set the state of an item after a try.

    Charges it only for its own fault: when the database failed, it goes on waiting as before. Each try of a
    pending item was charged beforehand.
    """
    result, was_pending = ending.result, item.state == ItemState.PENDING
    item.hwi_device_id = result.hwi_device_id or item.hwi_device_id
    item.content = result.content or item.content
    if result.state != "pending":
        item.state, item.reason, item.attempts = result.state, result.reason, 0
    elif ending.is_its_fault:
        item.attempts += 0 if was_pending else 1
        gives_up = item.attempts >= ATTEMPTS_BEFORE_QUARANTINE
        item.state = (ItemState.QUARANTINED if gives_up else ItemState.PENDING).value
        item.reason = "internal_error" if gives_up else "not_settled"
    elif was_pending:
        item.reason, item.attempts = "not_settled", max(item.attempts - 1, 0)


def _keep_bytes(delivery: Delivery, items: Iterable[DeliveryItem]) -> None:
    lacking = [item for item in items if item.raw is None and item.state in WAITING]
    if lacking:
        pieces = pieces_of(bytes(delivery.raw))
        for item in lacking:
            item.raw = pieces[item.index]
