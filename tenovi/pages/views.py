"""Show deliveries with what waits and why, their raw bytes, and the operations page."""

from __future__ import annotations

import datetime
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from clinics import audit
from clinics.access import ClinicAccess, Permission, clinic_page
from common.pages import page_of
from common.wording import Choice
from tenovi.inbound import deliveries as inbound_deliveries
from tenovi.inbound.reasons import sentence
from tenovi.models import Delivery, DeliveryItem, RequestKind
from tenovi.models.ledger import DeliveryState, ItemState
from tenovi.outbound.enqueue import why_unanswered
from tenovi.pages import actions, operations
from tenovi.pages.access import delivery_for, parked_request_for

PAGE_SIZE = 50
WAITING = ("quarantined", "pending")
COUNTED = (
    ("stored", "stored", "stored"),
    ("updated", "updated", "updated"),
    ("duplicate", "stored already", "stored already"),
    ("quarantined", "needs attention", "need attention"),
    ("pending", "waiting", "waiting"),
    ("discarded", "discarded", "discarded"),
)
"""States of elements, with the words for one element and for several."""


@dataclass(frozen=True)
class DeliveryRow:
    """A delivery as the list and its page show it."""

    id: uuid.UUID
    url: str
    kind: str
    state: str
    state_word: str
    sentence: str
    counts: dict[str, int]
    received_at: datetime.datetime
    settled_at: datetime.datetime | None
    elements: int
    size: int
    address: str | None
    attempts: int


@clinic_page(Permission.VIEW_DELIVERIES)
@require_safe
def deliveries(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    everything = Delivery.objects.for_clinic(access.clinic)
    per_state = dict(everything.order_by().values_list("state").annotate(count=Count("id")))
    state = request.GET.get("state", "")
    shown = everything.filter(state=state) if state in DeliveryState.values else everything
    newest = shown.order_by("-received_at", "id")
    page = page_of(newest, request.GET.get("page"), PAGE_SIZE, lambda rows: _rows(access, rows))
    waiting = per_state.get("quarantined", 0) + per_state.get("pending", 0)
    context = {
        "filters": _filters(state, per_state),
        "headline": _headline(access, waiting),
        "quiet": not waiting,
        "waiting_url": reverse("deliveries-waiting", args=[access.clinic.slug]),
        "settle_url": reverse("deliveries-settle", args=[access.clinic.slug]) if waiting else "",
        "page": page,
        "zone": access.clinic.zone,
    }
    return render(request, "tenovi/deliveries.html", context)


@clinic_page(Permission.VIEW_DELIVERIES)
@require_safe
def delivery(request: HttpRequest, access: ClinicAccess, delivery_id: uuid.UUID) -> HttpResponse:
    stored = delivery_for(access, delivery_id)
    row = _rows(access, [stored])[0]
    waits = stored.state in WAITING
    items = list(DeliveryItem.objects.for_clinic(access.clinic).filter(delivery=stored).order_by("index"))
    asked = why_unanswered(access.clinic, RequestKind.DEVICE, _devices_asked_about(items))
    context = {
        "delivery": row,
        "counts": [{"label": word, "number": row.counts.get(state, 0)} for state, _, word in COUNTED],
        "items": [
            {
                "position": item.index + 1,
                "state": item.state,
                "state_word": ItemState(item.state).label,
                "sentence": " ".join(
                    filter(None, [sentence(item.reason), asked.get(str(item.hwi_device_id))])
                ),
                "device": str(item.hwi_device_id or ""),
                "waits": item.state == ItemState.QUARANTINED,
                "discarded_id": item.id if item.state == ItemState.DISCARDED else "",
                "decision": f"{item.decided_by}: {item.note}" if item.decided_at else "",
            }
            for item in items
        ],
        "raw_url": reverse("delivery-raw", args=[access.clinic.slug, stored.id]),
        "back_url": reverse("deliveries", args=[access.clinic.slug]),
        "waiting_url": reverse("deliveries-waiting", args=[access.clinic.slug]),
        "settle_url": reverse("delivery-settle", args=[access.clinic.slug, stored.id]) if waits else "",
        "zone": access.clinic.zone,
    }
    return render(request, "tenovi/delivery.html", context)


def _devices_asked_about(items: Iterable[DeliveryItem]) -> list[str]:
    return [str(item.hwi_device_id) for item in items if item.reason == "unknown_device"]


@clinic_page(Permission.VIEW_DELIVERIES)
@require_safe
def raw(request: HttpRequest, access: ClinicAccess, delivery_id: uuid.UUID) -> HttpResponse:
    """Show the bytes as they arrived. They name patients, so each look is audited."""
    stored = delivery_for(access, delivery_id)
    audit.record("raw_payload_viewed", by=access.user, clinic=access.clinic, target=stored)
    context = {
        "delivery": _rows(access, [stored])[0],
        "text": bytes(stored.raw).decode("utf-8", "replace").replace("\0", "␀"),
        "back_url": reverse("delivery", args=[access.clinic.slug, stored.id]),
        "zone": access.clinic.zone,
    }
    return render(request, "tenovi/raw.html", context)


@require_POST
@clinic_page(Permission.VIEW_DELIVERIES)
def settle(request: HttpRequest, access: ClinicAccess, delivery_id: uuid.UUID) -> HttpResponse:
    stored = delivery_for(access, delivery_id)
    before = stored.state
    tried = inbound_deliveries.settle_again(stored.id)
    stored.refresh_from_db()
    detail = {"state": [before, stored.state]}
    audit.record("delivery_settled_again", by=access.user, clinic=access.clinic, target=stored, detail=detail)
    if stored.state == DeliveryState.SETTLED:
        messages.success(request, "Everything in this delivery is settled now.")
    elif tried:
        messages.warning(request, "Tried again: something still waits, for the reason given below.")
    else:
        messages.info(request, "Another process is settling this delivery right now. Look again in a moment.")
    return redirect("delivery", access.clinic.slug, stored.id)


@require_POST
@clinic_page(Permission.VIEW_DELIVERIES)
def settle_all(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    tried = inbound_deliveries.settle_waiting_of(access.clinic)
    left = Delivery.objects.for_clinic(access.clinic).filter(state__in=WAITING).count()
    audit.record("deliveries_settled_again", by=access.user, clinic=access.clinic, detail={"tried": tried})
    messages.info(request, f"{tried} tried again, {left} still waiting.")
    return redirect("deliveries", access.clinic.slug)


@clinic_page(Permission.VIEW_DELIVERIES)
@require_safe
def operations_page(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    return render(request, "tenovi/operations.html", operations.page_for(access))


@require_POST
@clinic_page(Permission.VIEW_DELIVERIES)
def retry(request: HttpRequest, access: ClinicAccess, request_id: uuid.UUID) -> HttpResponse:
    parked = parked_request_for(access, request_id)
    if actions.retry_request(request=parked, by=access.user):
        messages.success(request, "It is asked again, from the beginning.")
    return redirect("operations", access.clinic.slug)


@require_POST
@clinic_page(Permission.VIEW_DELIVERIES)
def cancel(request: HttpRequest, access: ClinicAccess, request_id: uuid.UUID) -> HttpResponse:
    parked = parked_request_for(access, request_id)
    if actions.cancel_request(request=parked, by=access.user):
        messages.success(request, "Given up: it will not be sent.")
    return redirect("operations", access.clinic.slug)


def _rows(access: ClinicAccess, listed: Iterable[Delivery]) -> list[DeliveryRow]:
    listed = list(listed)
    items = DeliveryItem.objects.for_clinic(access.clinic).filter(delivery__in=listed)
    per_delivery: dict[uuid.UUID, Counter[tuple[str, str]]] = {delivery.id: Counter() for delivery in listed}
    for delivery_id, state, reason in items.values_list("delivery_id", "state", "reason"):
        per_delivery[delivery_id][state, reason] += 1
    return [_row(access, delivery, per_delivery[delivery.id]) for delivery in listed]


def _row(access: ClinicAccess, delivery: Delivery, items: Counter[tuple[str, str]]) -> DeliveryRow:
    counts: Counter[str] = Counter()
    for (state, _), number in items.items():
        counts[state] += number
    counts["stored"] += delivery.elements - counts.total()
    reasons = sorted({reason for state, reason in items if state in WAITING})
    return DeliveryRow(
        id=delivery.id,
        url=reverse("delivery", args=[access.clinic.slug, delivery.id]),
        kind=delivery.get_kind_display(),
        state=delivery.state,
        state_word=delivery.get_state_display(),
        sentence=_summary(delivery, counts, reasons),
        counts=dict(counts),
        received_at=delivery.received_at,
        settled_at=delivery.settled_at,
        elements=delivery.elements,
        size=delivery.size,
        address="nowhere: it was fetched" if delivery.fetched else delivery.address,
        attempts=delivery.attempts,
    )


def _summary(delivery: Delivery, counts: Counter[str], reasons: list[str]) -> str:
    """Describe the result of a delivery."""
    if delivery.state == DeliveryState.REJECTED:
        return sentence(delivery.reason)
    numbers = [(counts[state], single, several) for state, single, several in COUNTED if counts[state]]
    text = ", ".join(f"{number} {single if number == 1 else several}" for number, single, several in numbers)
    return " ".join([f"{text[:1].upper()}{text[1:]}.", *map(sentence, reasons[:2])])


def _filters(state: str, per_state: dict[str, int]) -> list[Choice]:
    choices = [Choice("All", "?", not state, sum(per_state.values()))]
    for value, label in DeliveryState.choices:
        choices.append(Choice(label, f"?state={value}", state == value, per_state.get(value, 0)))
    return choices


def _headline(access: ClinicAccess, waiting: int) -> str:
    if not waiting:
        return "Everything that came in is settled."
    items = DeliveryItem.objects.for_clinic(access.clinic).filter(state__in=WAITING)
    reasons = items.values_list("reason").annotate(count=Count("id")).order_by("-count")[:2]
    return " ".join(_waits(count, sentence(reason)) for reason, count in reasons)


def _waits(count: int, why: str) -> str:
    return f"{count:,} wait{'s' * (count == 1)}: {why[:1].lower()}{why[1:]}"
