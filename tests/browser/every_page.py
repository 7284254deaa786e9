"""Every page there is, by the routes themselves: a new page is looked at without being listed."""

from __future__ import annotations

import datetime
import inspect
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from clinics.access import ROLE_PERMISSIONS, Permission
from clinics.models import Clinic, Role
from devices.models import Device, DeviceProperty, Gateway
from fulfillment.models import Order, Replacement, RequestEvent, SpecialOrder, SupplyRequest
from tests.browser.steps import patient_named
from tests.factories import deliver, element, make_device, make_order
from tests.fulfillment.vendor import make_asked

NOT_A_PAGE = {"billing-export", "shipments-export", "patient-news", "record-export"}
"""A file, and what a script asks for."""

FURTHER_STATES = {
    "patients": ["?q=foxhallow", "?q=nobody", "?sort=days"],
    "replacements": ["?show=open", "?search=nobody"],
    "supplies": ["?show=needs-you", "?search=nobody"],
    "orders": ["?show=needs-you", "?search=nobody"],
    "order-for": ["?search=foxhallow", "?search=nobody"],
    "shipments": ["?view=board", "?stage=needs-you", "?stage=ended", "?search=nobody"],
    "patient": ["?view=table", "?view=table&from=2025-08-01&to=2025-08-02", "?month=2025-08"],
    "billing": ["?month=2025-10&open={patient_id}-RPM", "?month=2024-01"],
    "devices": ["?show=silent", "?search=nobody", "?search=ffff-ffff-fff0"],
    "gateways": ["?show=weak", "?search=nobody"],
    "deliveries": ["?state=pending"],
}
SPECIALISTS = (Role.BILLING, Role.CARE_MANAGER, Role.CLINIC_ADMIN)  # who sees most, last


@dataclass(frozen=True)
class Route:
    """A page below `/c/<clinic>/`; `permission` is what opens it."""

    name: str
    permission: Permission
    parameters: frozenset[str]

    @property
    def role(self) -> str:
        """Whose work the page belongs to: the most special role that may open it."""
        return next(role for role in SPECIALISTS if self.permission in ROLE_PERMISSIONS[role])

    def address(self, samples: dict[str, Any]) -> str:
        """Where it is, with these values for its parameters."""
        return reverse(self.name, kwargs={name: samples[name] for name in self.parameters})

    def addresses(self, samples: dict[str, Any]) -> Iterator[str]:
        """Where it is in each of its states."""
        for query in ("", *FURTHER_STATES.get(self.name, [])):
            yield self.address(samples) + query.format(**samples)


def routes() -> list[Route]:
    """Every page that asks for a permission; what only forms are sent to is none."""
    found = []
    for pattern in _patterns(get_resolver().url_patterns):
        permission = getattr(pattern.callback, "required_permission", None)
        if permission and pattern.name not in NOT_A_PAGE and _can_be_looked_at(pattern.callback):
            found.append(Route(pattern.name or "", permission, frozenset(pattern.pattern.converters)))
    return found


def _can_be_looked_at(view: Any) -> bool:
    """Whether no `require_POST` stands before the view."""
    while view:
        methods = inspect.getclosurevars(view).nonlocals.get("request_method_list")
        if methods and "GET" not in methods:
            return False
        view = getattr(view, "__wrapped__", None)
    return True


def _patterns(patterns: list[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern.url_patterns)
        else:
            yield pattern


def samples(clinic: Clinic) -> dict[str, Any]:
    """A value for each parameter that a route of this clinic may have: a patient with pressure, weight
    and glucose, a day of hers, a device that needs a person, a gateway with a poor signal, an order
    that somebody has to decide about, and a delivery of which something waits."""
    known = make_device(clinic)
    unknown = element(known, hwi_device_id="9f0c4b8e-3c70-4d3a-8a55-5f2f0b6c1d2e")
    answer = deliver(clinic, [element(known), unknown])
    return {
        "clinic": clinic.slug,
        "patient_id": patient_named(clinic, "P-0003").id,
        "day": datetime.date(2025, 10, 20),
        "device_id": _with_other_properties(known).id,
        "order_id": _order_to_decide(clinic).id,
        "gateway_id": Gateway.objects.for_clinic(clinic).filter(signal_strength__lt=12)[0].id,
        "special_order_id": SpecialOrder.objects.for_clinic(clinic)[0].id,
        "replacement_id": make_asked(Replacement, clinic, known, parts=["Gateway"]).id,
        "supply_id": make_asked(SupplyRequest, clinic, known, supply_name="Lancets (100)").id,
        "delivery_id": uuid.UUID(answer.json()["delivery"]),
    }


def _with_other_properties(device: Device) -> Device:
    """Of one that is long, and of one that nobody set at the vendor, something else was wanted here."""
    wanted = {"measurement_webhook_id": str(uuid.UUID(int=7)), "shelf": "B 12"}
    for key, value in wanted.items():
        DeviceProperty.objects.create(
            clinic=device.clinic,
            device=device,
            key=key,
            wanted=value,
            said=str(uuid.UUID(int=9)) if key != "shelf" else "",
        )
    return device


def _order_to_decide(clinic: Clinic) -> Order:
    """Its answer was lost, and a device at the vendor could be it."""
    patient, now = patient_named(clinic, "P-0003"), timezone.now()
    fields: dict[str, Any] = {
        "name": "Tenovi Scale",
        "vendor_patient_id": patient.external_id,
        "vendor_created_at": now,
    }
    order = make_order(
        patient,
        state="needs_person",
        sends=1,
        first_sent_at=now,
        unconfirmed_at=now,
        reason="Two could be it.",
    )
    make_device(clinic, status="Dropship Requested", **fields)
    RequestEvent.objects.create(clinic=clinic, order=order, what="handed", text=order.reason)
    return order
