"""The only way a view obtains shipping events, shipments and special orders."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from clinics.access import Visit
from fulfillment.models import FulfillmentEvent, Shipment, SpecialOrder, SpecialOrderEvent
from fulfillment.queries import ShipmentQuerySet, SpecialOrderQuerySet
from patients.models import Patient


def events_for(visit: Visit) -> QuerySet[FulfillmentEvent]:
    return FulfillmentEvent.objects.for_clinic(visit.clinic).select_related("device", "patient")


def shipments_for(visit: Visit, text: str = "") -> ShipmentQuerySet:
    """This clinic's shipments; with `text`, those whose patient or whose hardware or tracking link,
    now or in an earlier event, contains it."""
    shipments = Shipment.objects.for_clinic(visit.clinic).with_holder()
    if not text:
        return shipments
    patients = Patient.objects.for_clinic(visit.clinic).matching(text).values("id")
    events = FulfillmentEvent.objects.for_clinic(visit.clinic).mentioning(text)
    return shipments.filter(Q(holder_id__in=patients) | Exists(events.filter(device=OuterRef("device"))))


def special_orders_for(visit: Visit, text: str = "") -> SpecialOrderQuerySet:
    """This clinic's special orders with their steps; with `text`, those that mention it."""
    steps = SpecialOrderEvent.objects.for_clinic(visit.clinic).oldest_first()
    orders = SpecialOrder.objects.for_clinic(visit.clinic).select_related("patient")
    orders = orders.prefetch_related(Prefetch("events", queryset=steps))
    return orders.matching(text) if text else orders
