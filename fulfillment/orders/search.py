"""Look in the vendor's list for an order whose answer was lost."""

from __future__ import annotations

import datetime
from typing import Any

from django.db import transaction
from django.db.models import CharField, Exists, F, OuterRef, Q
from django.db.models.functions import Cast
from django.utils import timezone

from devices.models import Device
from fulfillment.models import Order
from fulfillment.order_states import OrderState
from fulfillment.orders.candidates import candidates_for, rivals_of
from fulfillment.orders.transitions import (
    Event,
    LockedOrder,
    add_history,
    confirm,
    enqueue_creation,
    lock_order,
    transition,
)
from fulfillment.querysets import OrderQuerySet
from fulfillment.vendor_statuses import Stage, is_under_way, may_follow, names_of, status_named
from tenovi.client.errors import TooManyRequests, VendorError
from tenovi.clock import database_now
from tenovi.models import Priority, Request, RequestKind
from tenovi.outbound.enqueue import enqueue

LOOKS = 2  # without a trace, before a person may send it again


LOOK_AGAIN = datetime.timedelta(minutes=10)


MOST_SENDS = 5  # of one that the vendor keeps putting off


NO_TRACE = "Tenovi’s list shows no trace of this order."


NOT_WHOLE = "Tenovi’s list of the devices that may be this order could not be read as a whole."


SEVERAL = "More than one device at Tenovi could be this order: choose the one that is."


RIVALS = "Two orders of the same device are being looked for: say which device belongs to which."


GONE = "Its request is gone from the queue."


PUT_OFF = "Tenovi asked us to slow down and has no trace of the order: it is sent again."


def leave_in_doubt(order: Order, said: str, error: VendorError | None) -> None:
    """From now on it is looked for, at once and by itself."""
    audited = {"error": type(error).__name__ if error else "none", "status": error.status if error else None}
    transition(
        order,
        OrderState.UNKNOWN,
        Event.DOUBTED,
        said=said,
        detail=audited,
        audited=audited,
        doubted_at=timezone.now(),
        throttled=isinstance(error, TooManyRequests),
        looks=0,
        found=0,
    )
    ask_for_look(order)


def ask_for_look(order: Order) -> None:
    """Have the vendor's lists of devices that could be it read. Nothing is decided before all have been."""
    order.unread_lists, order.look_asked_at, order.look_due_at = _lists_of(order), database_now(), None
    order.save(update_fields=["unread_lists", "look_asked_at", "look_due_at"])
    for target in order.unread_lists:
        enqueue(order.clinic, _look_of(order), target, priority=Priority.PERSON, insist=True, anew=True)


def _lists_of(order: Order) -> list[str]:
    """Name the lists to read: what is on the hardware, or the patient's devices under every spelling of the id.

    The vendor's filter minds the case of an id, and its records do not.
    """
    if order.patient is None:
        return [order.hardware_uuid]
    named = order.patient.external_id
    known = Device.objects.for_clinic(order.clinic).filter(vendor_patient_id__iexact=named)
    return sorted({named, *known.values_list("vendor_patient_id", flat=True)})


def _look_of(order: Order) -> RequestKind:
    return RequestKind.DEVICES_ON_HARDWARE if order.is_for_stock else RequestKind.DEVICES_OF_PATIENT


def looked(request: Request, *, is_last: bool, is_whole: bool) -> None:
    """A page of one of those lists is stored. A list counts when its reading began after it was asked for,
    and reached the end; the last of them decides, or one that could not be read as a whole."""
    if not (is_last or not is_whole):
        return
    mine = _looked_for_in(request).filter(look_asked_at__lte=request.begun_at)
    for order_id in mine.order_by("id").values_list("id", flat=True):
        held = lock_order(request.clinic, order_id)
        order = held.order
        if order.state != OrderState.UNKNOWN or request.target not in order.unread_lists:
            continue
        order.unread_lists = [one for one in order.unread_lists if one != request.target]
        order.save(update_fields=["unread_lists"])
        if not order.unread_lists or not is_whole:
            settle(held, is_whole=is_whole)


def look_failed(request: Request, error: VendorError | None) -> None:
    """The list could not be read: after so many attempts a person has to look."""
    for order_id in _looked_for_in(request).order_by("id").values_list("id", flat=True):
        held = lock_order(request.clinic, order_id)
        if held.order.state == OrderState.UNKNOWN:
            _hand_over(held.order, f"{NOT_WHOLE} {request.reason}", found=held.order.found)


def _looked_for_in(request: Request) -> OrderQuerySet:
    return Order.objects.for_clinic(request.clinic).filter(
        state=OrderState.UNKNOWN,
        unread_lists__contains=[request.target],
        patient__isnull=request.kind == RequestKind.DEVICES_ON_HARDWARE,
    )


def settle(held: LockedOrder, *, is_whole: bool = True) -> None:
    """Decide after a look: adopt the one match, look again later, or ask a person."""
    order = held.order
    if order.state != OrderState.UNKNOWN:
        return
    found = list(candidates_for(order).order_by("vendor_created_at", "hwi_device_id")[:20])
    evidence = {
        "found": [
            {
                "hwi_device_id": str(one.hwi_device_id),
                "status": one.status,
                "created": one.vendor_created_at.isoformat() if one.vendor_created_at else None,
            }
            for one in found
        ],
        "whole": is_whole,
    }
    looks = order.looks + 1
    order.looks, order.unread_lists, order.found = looks, [], len(found)
    order.save(update_fields=["looks", "unread_lists", "found"])
    add_history(order, Event.LOOKED, detail=evidence, audited={"found": len(found), "look": looks})
    rivals = rivals_of(order)
    if len(found) == 1 and not rivals:
        confirm(held, found[0], Event.ADOPTED)
    elif found:
        _hand_over(order, SEVERAL if len(found) > 1 else RIVALS, found=len(found))
    elif not is_whole:
        _hand_over(order, NOT_WHOLE, found=0)
    elif order.throttled and order.sends < MOST_SENDS:
        held.forget_request()
        transition(order, OrderState.QUEUED, Event.SENT_AGAIN, said=PUT_OFF, look_due_at=None)
        enqueue_creation(order)
    elif looks >= LOOKS:
        _hand_over(order, NO_TRACE, found=0)
    else:
        order.look_due_at = timezone.now() + LOOK_AGAIN
        order.save(update_fields=["look_due_at"])


def _hand_over(order: Order, said: str, *, found: int) -> None:
    fields: dict[str, Any] = {"look_due_at": None, "unread_lists": [], "found": found}
    transition(order, OrderState.NEEDS_PERSON, Event.HANDED, said=said, audited={"found": found}, **fields)


def mend() -> int:
    """Orders under way whose request somebody has deleted are queued again, or looked for if they may
    have been sent; how many."""
    requests = Request.objects.across_clinics().filter(
        clinic=OuterRef("clinic"), kind=RequestKind.DEVICE_CREATE, target=Cast(OuterRef("id"), CharField())
    )
    stranded = Order.objects.across_clinics().filter(
        ~Exists(requests), state__in=[OrderState.QUEUED, OrderState.SENDING]
    )
    mended = 0
    for order in stranded.select_related("clinic").order_by("id"):
        with transaction.atomic():
            held = lock_order(order.clinic, order.id)
            if held.request is None and held.order.state == OrderState.QUEUED:
                enqueue_creation(held.order)
            elif held.request is None and held.order.state == OrderState.SENDING:
                leave_in_doubt(held.order, GONE, None)
            else:
                continue
            mended += 1
    return mended + _look_again_where_nobody_does()


def _look_again_where_nobody_does() -> int:
    """Orders in doubt that wait for a list which nobody is asked for any more; how many."""
    mended = 0
    waiting = Order.objects.across_clinics().filter(state=OrderState.UNKNOWN, look_due_at=None)
    for order in waiting.select_related("clinic").order_by("id"):
        with transaction.atomic():
            held = lock_order(order.clinic, order.id)
            asked = Request.objects.for_clinic(order.clinic).filter(kind=_look_of(held.order))
            being_read = asked.filter(target__in=held.order.unread_lists).unanswered().count()
            is_looked_for = held.order.look_due_at or 0 < len(held.order.unread_lists) == being_read
            if held.order.state == OrderState.UNKNOWN and not is_looked_for:
                ask_for_look(held.order)
                mended += 1
    return mended


def catch_up() -> int:
    """Orders under way, or waiting for a person, whose device is further along by the vendor's own record
    than by its events, some of which get lost; how many."""
    waits = Q(is_open=True) | Q(vendor_status__in=names_of(Stage.NEEDS_YOU))
    behind = Order.objects.across_clinics().filter(waits, device__isnull=False)
    moved = 0
    for order in behind.exclude(vendor_status=F("device__status")).select_related("device"):
        status = status_named(order.device.status).name if order.device else ""
        if may_follow(order.vendor_status, status):
            order.vendor_status = status
            order.is_open = order.is_open and is_under_way(status)
            order.save(update_fields=["vendor_status", "is_open"])
            moved += 1
    return moved


def start_looks() -> int:
    """Begin the looks that are due; how many."""
    due = Order.objects.across_clinics().filter(state=OrderState.UNKNOWN, look_due_at__lte=timezone.now())
    started = 0
    for order in due.select_related("clinic", "patient").order_by("look_due_at"):
        with transaction.atomic():
            held = lock_order(order.clinic, order.id)
            if held.order.state == OrderState.UNKNOWN and held.order.look_due_at == order.look_due_at:
                ask_for_look(held.order)
                started += 1
    return started


def adopt_what_turned_up() -> int:
    """Orders without a trace, whose device has become known since then, by a webhook or a sync; how many."""
    lost = Order.objects.across_clinics().filter(state=OrderState.NEEDS_PERSON, found=0)
    adopted = 0
    for order in lost.select_related("clinic").order_by("id"):
        with transaction.atomic():
            held = lock_order(order.clinic, order.id)
            found = list(candidates_for(held.order)[:2])
            if held.order.state == OrderState.NEEDS_PERSON and len(found) == 1 and not rivals_of(held.order):
                confirm(held, found[0], Event.ADOPTED)
                adopted += 1
    return adopted
