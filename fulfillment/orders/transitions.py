"""Moving an order from one state to the next: the row, its history and the record, in one transaction.

Whoever moves an order holds its request and then the order itself, in this sequence, so that a person
and a worker who meet wait for each other and never in a circle.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from clinics import audit
from clinics.models import Clinic, User
from devices.actions.properties import set_property
from devices.models import Device
from devices.properties import PASSKEY
from fulfillment.models import Order, OrderStep
from fulfillment.order_states import OrderState, check_step
from fulfillment.vendor_statuses import is_under_way
from tenovi.models import Priority, Request, RequestKind, RequestState
from tenovi.outbound.enqueue import enqueue

Event = OrderStep.What


@dataclass(slots=True)
class LockedOrder:
    """An order and its request to create the device, both locked until the transaction ends."""

    order: Order
    request: Request | None

    @property
    def is_on_its_way(self) -> bool:
        return self.request is not None and self.request.state == RequestState.SENDING

    def forget_request(self) -> None:
        """It is settled: nobody needs to know any more what became of that call."""
        if self.request is not None:
            self.request.delete()
            self.request = None


def lock_order(clinic: Clinic, order_id: uuid.UUID) -> LockedOrder:
    """Lock an order; raises `Order.DoesNotExist`."""
    request = request_of(clinic, order_id)
    order = (
        Order.objects.for_clinic(clinic).select_for_update(of=("self",)).select_related("patient", "clinic")
    )
    return LockedOrder(order.get(id=order_id), request)


def request_of(clinic: Clinic, order_id: uuid.UUID) -> Request | None:
    """The request that creates the device, locked; None once it is settled."""
    mine = Request.objects.for_clinic(clinic).filter(kind=RequestKind.DEVICE_CREATE, target=str(order_id))
    return mine.select_for_update().first()


def enqueue_creation(order: Order) -> None:
    """A person waits for it."""
    enqueue(order.clinic, RequestKind.DEVICE_CREATE, str(order.id), priority=Priority.PERSON)


def transition(
    order: Order,
    to: str,
    what: OrderStep.What,
    *,
    by: User | None = None,
    said: str = "",
    detail: dict[str, Any] | None = None,
    audited: dict[str, Any] | None = None,
    **fields: Any,
) -> None:
    """One step to another state. `detail` goes into the order's history, `audited` into the record, which
    holds no names; `fields` change with the state."""
    check_step(order.state, to)
    closed = to in (OrderState.REFUSED, OrderState.CANCELLED)
    fields = {
        "state": OrderState(to),
        "reason": said[:500],
        **({"is_open": False} if closed else {}),
        **fields,
    }
    for name, value in fields.items():
        setattr(order, name, value)
    order.save(update_fields=[*fields])
    add_history(order, what, by=by, said=said, detail=detail, audited=audited)


def add_history(
    order: Order,
    what: OrderStep.What,
    *,
    by: User | None = None,
    said: str = "",
    detail: dict[str, Any] | None = None,
    audited: dict[str, Any] | None = None,
) -> None:
    """A line in the order's history and in the record, without a change of state."""
    OrderStep.objects.create(
        clinic=order.clinic, order=order, what=what, said=said[:500], detail=detail or {}, by=by
    )
    audit.record(
        f"order_{what.value}",
        by=by,
        clinic=order.clinic,
        target=order,
        detail={"state": order.state, **(audited or {})},
        in_background=by is None,
    )


def confirm(
    held: LockedOrder, device: Device, what: OrderStep.What, *, by: User | None = None, said: str = ""
) -> None:
    """This device is what came of the order. One that bonds by a passkey is told it right away."""
    order, passkey = held.order, held.order.bluetooth_passkey
    audited = {"hwi_device_id": str(device.hwi_device_id), "status": device.status}
    transition(
        order,
        OrderState.CONFIRMED,
        what,
        by=by,
        said=said,
        detail=audited,
        audited=audited,
        device=device,
        vendor_status=device.status,
        is_open=order.is_open and is_under_way(device.status),
        unread_lists=[],
        look_due_at=None,
        bluetooth_passkey="",
    )
    held.forget_request()
    if passkey:
        set_property(device=device, key=PASSKEY, value=passkey, by=by or order.placed_by)
