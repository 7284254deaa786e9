"""News about parcels as the vendor posts it, and the captured payloads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.utils import timezone

from clinics.models import Clinic
from devices.models import Device
from fulfillment.models import FulfillmentEvent, Shipment, SpecialOrder, SpecialOrderRequest
from tenovi.models import DeliveryItem
from tests.factories import ABSENT, deliver, settled

PAYLOADS = Path(__file__).parent.parent / "payloads"
OLD, NEW = "A1B2C3D4E5F6", "A1B2C3D4E5A7"


def payload(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_bytes())


def news(device: Device, status: str = "Shipped", **changes: Any) -> dict[str, Any]:
    """A fulfillment element; `changes` replace members, `ABSENT` leaves one out."""
    members = payload("fulfillment/shipped") | {
        "hwi_device_id": str(device.hwi_device_id),
        "status": status,
        "tracking_link": None,
    }
    return {name: value for name, value in (members | changes).items() if value is not ABSENT}


def order(**changes: Any) -> dict[str, Any]:
    members = payload("special-orders/bulk") | changes
    return {name: value for name, value in members.items() if value is not ABSENT}


def tell(clinic: Clinic, body: Any) -> dict[str, int]:
    """Post at the fulfillment door; what became of it."""
    return settled(deliver(clinic, body, kind="fulfillment"))


def tell_order(clinic: Clinic, body: Any) -> dict[str, int]:
    return settled(deliver(clinic, body, kind="special-orders"))


def history(device: Device) -> list[str]:
    events = FulfillmentEvent.objects.for_clinic(device.clinic).filter(device=device)
    return list(events.order_by("received_at", "id").values_list("status", flat=True))


def shown(device: Device) -> Shipment:
    return Shipment.objects.for_clinic(device.clinic).get(device=device)


def the_order(clinic: Clinic) -> SpecialOrder:
    return SpecialOrder.objects.for_clinic(clinic).get()


def make_asked(
    model: type[SpecialOrderRequest], clinic: Clinic, device: Device | None, **fields: Any
) -> SpecialOrderRequest:
    """Something that was asked for and that nobody knows whether the vendor took."""
    now = timezone.now()
    lost = {"sends": 1, "first_sent_at": now, "unconfirmed_at": now}
    made = {"state": "unknown", "reason": "No answer came.", "asked_at": now, "changed_at": now}
    fields = lost | made | fields
    asked = model(clinic=clinic, device=device, **fields)
    asked.save(force_insert=True)
    return asked


def reasons(clinic: Clinic) -> list[str]:
    return list(DeliveryItem.objects.for_clinic(clinic).order_by("id").values_list("reason", flat=True))
