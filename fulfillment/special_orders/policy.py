"""What the engine has to know of replacements and supplies: what is sent, and which entry of the vendor's is it."""

from __future__ import annotations

from typing import Any, TypeVar

from clinics.models import Clinic, User
from devices.hardware import is_gateway_id
from devices.models import Gateway
from fulfillment.at_most_once.policy import Policy, created_between
from fulfillment.at_most_once.transitions import Event, Locked, transition
from fulfillment.models import Replacement, SpecialOrderRequest, SupplyRequest
from fulfillment.order_states import OrderState
from fulfillment.querysets import SpecialOrderRequestQuerySet
from fulfillment.special_orders.supply_types import note_module
from tenovi.client import order_records
from tenovi.client.errors import Invalid, VendorError
from tenovi.models import Request, RequestKind

S = TypeVar("S", bound=SpecialOrderRequest)

SHIPPING = ("shipping_name", "shipping_address", "shipping_city", "shipping_state", "shipping_zip_code")
UNSETTLED = (OrderState.SENDING, OrderState.UNCONFIRMED, OrderState.NEEDS_PERSON)


def requests_of(model: type[S], clinic: Clinic) -> SpecialOrderRequestQuerySet[S]:
    rows: SpecialOrderRequestQuerySet[S] = model.objects.for_clinic(clinic)  # type: ignore[assignment]
    return rows


def replacement_body(replacement: Replacement) -> dict[str, Any]:
    """Return the create's body; without an address where the new unit comes from stock."""
    assert replacement.device is not None
    parts = [{"name": part} for part in replacement.parts]
    body = {"hwi_device_id": str(replacement.device.hwi_device_id), "device_types": parts}
    return body | _shipping(replacement)


def supply_body(supply: SupplyRequest) -> dict[str, Any]:
    body: dict[str, Any] = {"supply_name": supply.supply_name}
    if supply.hardware_uuid:
        member = "gateway_id" if is_gateway_id(supply.hardware_uuid) else "imei"
        body[member] = Gateway.objects.for_clinic(supply.clinic).spelling_of(supply.hardware_uuid)
    if supply.device is not None:
        body["related_client_device_id"] = str(supply.device.hwi_device_id)
    return body | _shipping(supply)


def _shipping(order_request: SpecialOrderRequest) -> dict[str, str]:
    members = {name: getattr(order_request, name) for name in (*SHIPPING, "notify_emails")}
    return {name: value for name, value in members.items() if value}


def lists_of(order_request: SpecialOrderRequest) -> tuple[RequestKind, list[str]]:
    # The vendor's list has no filter: it is read as a whole.
    return order_request.LISTING, [""]


def candidates_of(order_request: S) -> list[S]:
    """Return the entries of the vendor's list that may be it: created in time, and not asked for here."""
    window = created_between(order_request)
    if window is None:
        return []
    entries = requests_of(type(order_request), order_request.clinic).filter(
        asked_by=None, asked_at__range=window
    )
    fitting = (entry for entry in entries.order_by("asked_at") if is_same_need(entry, order_request))
    return list(fitting)[:20]


def evidence_of(entry: SpecialOrderRequest) -> dict[str, Any]:
    return {"vendor_id": entry.vendor_id, "status": entry.state, "created": entry.asked_at.isoformat()}


def has_rivals(order_request: SpecialOrderRequest) -> bool:
    unsettled = requests_of(type(order_request), order_request.clinic).in_states(*UNSETTLED)
    others = unsettled.exclude(id=order_request.id)
    return any(is_same_need(other, order_request) for other in others)


def is_same_need(one: SpecialOrderRequest, other: SpecialOrderRequest) -> bool:
    if isinstance(one, Replacement) and isinstance(other, Replacement):
        return one.device_id == other.device_id and set(one.parts) == set(other.parts)
    assert isinstance(one, SupplyRequest) and isinstance(other, SupplyRequest)
    names_devices = one.device_id and other.device_id
    is_same_device = (
        one.device_id == other.device_id if names_devices else one.hardware_uuid == other.hardware_uuid
    )
    return one.supply_name == other.supply_name and is_same_device


def overlaps(one: SpecialOrderRequest, other: SpecialOrderRequest) -> bool:
    """Tell whether both would send the same thing to the same person."""
    if isinstance(one, Replacement) and isinstance(other, Replacement):
        return one.device_id == other.device_id and bool(set(one.parts) & set(other.parts))
    return is_same_need(one, other) and one.patient_id == other.patient_id


def confirm(
    locked: Locked[S], vendor_id: str, what: Event, by: User | None = None, *, is_fulfilled: bool
) -> None:
    """Settle the request with its id at the vendor, in place of the entry that its list had under that id."""
    row = locked.row
    requests_of(type(row), row.clinic).filter(vendor_id=vendor_id).exclude(id=row.id).delete()
    transition(
        row,
        OrderState.FULFILLED if is_fulfilled else OrderState.CONFIRMED,
        what,
        by=by,
        detail={"vendor_id": vendor_id},
        audited={"vendor_id": vendor_id},
        vendor_id=vendor_id,
        unread_lists=[],
        search_due_at=None,
    )
    locked.forget_request()


def store_replacement(locked: Locked[Replacement], answer: order_records.Replacement) -> None:
    confirm(locked, answer.id, Event.CONFIRMED, is_fulfilled=answer.fulfilled)


def store_supplies(locked: Locked[SupplyRequest], answer: order_records.SupplyRequest) -> None:
    note_module(locked.row.clinic, is_enabled=True)
    confirm(locked, answer.id, Event.CONFIRMED, is_fulfilled=answer.fulfilled)


def adopt(locked: Locked[S], entry: S, what: Event, by: User | None) -> None:
    """Settle the request with this entry of the vendor's list."""
    confirm(locked, entry.vendor_id, what, by, is_fulfilled=entry.state == OrderState.FULFILLED)


def refusal_of(request: Request, error: VendorError | None) -> str:
    """Return why the vendor refused, member by member."""
    problems = error.complaints if isinstance(error, Invalid) else ()
    return " ".join([request.reason, *(f"{name.replace('_', ' ')}: {text}" for name, text in problems)])


REPLACEMENTS: Policy[Replacement, Replacement] = Policy(
    model=Replacement,
    body=replacement_body,
    lists=lists_of,
    candidates=candidates_of,
    evidence=evidence_of,
    has_rivals=has_rivals,
    created=store_replacement,
    adopt=adopt,
    refusal=refusal_of,
)
SUPPLIES: Policy[SupplyRequest, SupplyRequest] = Policy(
    model=SupplyRequest,
    body=supply_body,
    lists=lists_of,
    candidates=candidates_of,
    evidence=evidence_of,
    has_rivals=has_rivals,
    created=store_supplies,
    adopt=adopt,
    refusal=refusal_of,
)
