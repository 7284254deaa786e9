"""The only way a view obtains shipping events, shipments and special orders."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from clinics.access import Visit
from clinics.models import Clinic
from fulfillment.models import FulfillmentEvent, Shipment, SpecialOrder, SpecialOrderEvent
from fulfillment.queries import ShipmentQuerySet, SpecialOrderQuerySet
from patients.models import Patient


def events_for(visit: Visit) -> QuerySet[FulfillmentEvent]:
    return FulfillmentEvent.objects.for_clinic(visit.clinic).select_related("device", "patient")


def shipments_for(visit: Visit, text: str = "") -> ShipmentQuerySet:
    """This clinic's shipments; with `text`, those whose patient or whose hardware or tracking link,
    now or in an earlier event, contains it."""
    shipments = Shipment.objects.for_clinic(visit.clinic)
    if not text:
        return shipments
    patients = Patient.objects.for_clinic(visit.clinic).matching(text).values("id")
    events = FulfillmentEvent.objects.for_clinic(visit.clinic).mentioning(text)
    told = Exists(events.filter(device=OuterRef("device")))
    return shipments.with_holder().filter(Q(holder_id__in=patients) | told)


def special_orders_for(visit: Visit, text: str = "") -> SpecialOrderQuerySet:
    """This clinic's special orders with their steps; with `text`, those that mention it."""
    orders = _with_steps(SpecialOrder.objects.for_clinic(visit.clinic), visit.clinic)
    return orders.matching(text) if text else orders


def special_orders_of(patient: Patient) -> SpecialOrderQuerySet:
    """The special orders for a patient, with their steps."""
    return _with_steps(SpecialOrder.objects.of_patient(patient), patient.clinic)


def _with_steps(orders: SpecialOrderQuerySet, clinic: Clinic) -> SpecialOrderQuerySet:
    steps = SpecialOrderEvent.objects.for_clinic(clinic).oldest_first()
    return orders.select_related("patient").prefetch_related(Prefetch("events", queryset=steps))
