"""Reading shipping events, shipments and special orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar

from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.utils import timezone

from clinics.tenancy import TenantQuerySet
from devices.hardware import normal_hardware_id
from devices.models import Assignment
from fulfillment.order_states import OrderState
from fulfillment.vendor_statuses import SILENT_AFTER_DELIVERY, STATUSES, Stage, names_of
from patients.models import Patient

if TYPE_CHECKING:
    from fulfillment.models import (  # noqa: F401
        FulfillmentEvent,
        Order,
        Replacement,
        Shipment,
        SpecialOrder,
        SpecialOrderEvent,
        SpecialOrderRequest,
        SupplyRequest,
    )
    from fulfillment.models.at_most_once import AtMostOnce
    from fulfillment.models.events import RequestEvent  # noqa: F401

A = TypeVar("A", bound="SpecialOrderRequest", covariant=True)


class OrderQuerySet(TenantQuerySet["Order"]):
    def for_need(self, patient: Patient | None, device_name: str) -> Self:
        """Orders of this device for this patient, or for stock, whose need is not met yet."""
        return self.filter(patient=patient, device_name=device_name, is_open=True)

    def of_patient(self, patient: Patient) -> Self:
        return self.filter(patient=patient)

    def into_stock(self) -> Self:
        """Keep those for no patient yet."""
        return self.filter(patient__isnull=True)

    def needing_a_person(self) -> Self:
        return self.filter(state=OrderState.NEEDS_PERSON)

    def with_hardware(self, hardware_uuid: str) -> Self:
        """Open orders that carry this Gateway ID or IMEI."""
        return self.filter(hardware_uuid=hardware_uuid, is_open=True)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-line", "-id")

    def matching(self, text: str) -> Self:
        """Every word of `text` is in the patient's name or id, in the device's name, or in a hardware id."""
        found = self
        for word in text.split():
            named = Q(patient__name__icontains=word) | Q(patient__external_id__icontains=word)
            named |= Q(device_name__icontains=word)
            if hardware := normal_hardware_id(word):
                named |= Q(hardware_uuid__contains=hardware) | Q(device__hardware_uuid__contains=hardware)
            found = found.filter(named)
        return found


class RequestEventQuerySet(TenantQuerySet["RequestEvent"]):
    def about(self, row: AtMostOnce) -> Self:
        """Keep the events of one order, replacement or request for supplies, the oldest first."""
        return self.for_clinic(row.clinic).filter(**{row.HISTORY: row.pk}).order_by("at", "id")


class FulfillmentEventQuerySet(TenantQuerySet["FulfillmentEvent"]):
    def mentioning(self, text: str) -> Self:
        """The hardware, old or new, or the tracking link contains `text`, however people group an id."""
        found = Q(tracking_link__icontains=text)
        if hardware := normal_hardware_id(text):
            found |= self._names(hardware)
        return self.filter(found)

    def naming(self, part: str) -> Self:
        """Keep events of which an id, old or new, contains this part of a normal hardware id."""
        return self.filter(self._names(part))

    def _names(self, part: str) -> Q:
        members = ("hardware_uuid", "replaced_hardware_uuid", "former_hardware_uuid")
        return Q(*[(f"{name}__contains", part) for name in members], _connector=Q.OR)


class ShipmentQuerySet(TenantQuerySet["Shipment"]):
    def in_stage(self, stage: Stage) -> Self:
        """What is delivered to somebody and stays silent needs the clinic."""
        if stage == Stage.OTHER:
            return self.exclude(status__in=[status.name for status in STATUSES])
        if stage == Stage.NEEDS_YOU:
            return self.filter(Q(status__in=names_of(stage)) | self._is_silent())
        found = self.filter(status__in=names_of(stage))
        return found.exclude(self._is_silent()) if stage == Stage.DELIVERED else found

    def delivered_but_silent(self) -> Self:
        """Days after delivery the vendor has not had a reading of the device."""
        return self.filter(self._is_silent())

    def _is_silent(self) -> Q:
        """Ask for the rule of `presentation.silent_since_delivery`."""
        unheard = Q(device__last_measurement_at__isnull=True) | Q(device__last_measurement_at__lt=F("since"))
        limit = timezone.now() - SILENT_AFTER_DELIVERY
        held = Assignment.objects.across_clinics().filter(device=OuterRef("device"), ends_at=None)
        return Q(Exists(held.filter(starts_at__lt=limit)), status="Delivered", since__lt=limit) & unheard

    def of_patient(self, patient: Patient) -> Self:
        """Of devices this patient has, or had last."""
        held = Assignment.objects.for_clinic(patient.clinic).of_patient(patient).values("device")
        mine = self.for_clinic(patient.clinic).filter(device__in=held)
        return mine.with_holder().filter(holder_id=patient.id)

    def with_holder(self) -> Self:
        """`holder_id`: the patient who has the device, or had it last; None when nobody ever did."""
        held = Assignment.objects.across_clinics().filter(device=OuterRef("device")).order_by("-starts_at")
        return self.annotate(holder_id=Subquery(held.values("patient")[:1]))


class SpecialOrderQuerySet(TenantQuerySet["SpecialOrder"]):
    def of_patient(self, patient: Patient) -> Self:
        """Orders for this patient, also those that came before the patient was known."""
        unknown_then = Q(patient__isnull=True, named_patient__iexact=patient.external_id)
        return self.for_clinic(patient.clinic).filter(Q(patient=patient) | unknown_then)

    def matching(self, text: str) -> Self:
        """`text` is in the order's number or id, its patient, hardware or tracking link."""
        found = Q(tracking_link__icontains=text) | Q(order_number__icontains=text)
        found |= Q(request_id__icontains=text) | Q(named_patient__icontains=text)
        found |= Q(patient__name__icontains=text) | Q(patient__external_id__icontains=text)
        if hardware := normal_hardware_id(text):
            found |= Q(hardware_uuid__contains=hardware)
        return self.filter(found)


class SpecialOrderEventQuerySet(TenantQuerySet["SpecialOrderEvent"]):
    def oldest_first(self) -> Self:
        """By the vendor's clock; messages without a time come first."""
        return self.order_by(F("updated_on").asc(nulls_first=True), "received_at", "id")


class SpecialOrderRequestQuerySet(TenantQuerySet[A]):
    def in_states(self, *states: str) -> Self:
        return self.filter(state__in=states)

    def asked_here(self) -> Self:
        """Not those that only the vendor's list told us of."""
        return self.filter(asked_by__isnull=False)

    def matching(self, text: str) -> Self:
        """Every word of `text` is in the patient's name or id, in what is asked for, or in the hardware id."""
        found = self
        for word in text.split():
            named = Q(patient__name__icontains=word) | Q(patient__external_id__icontains=word)
            named |= Q(**{f"{self._what}__icontains": word})
            if hardware := normal_hardware_id(word):
                named |= Q(hardware_uuid__contains=hardware)
            found = found.filter(named)
        return found

    _what = ""


class ReplacementQuerySet(SpecialOrderRequestQuerySet["Replacement"]):
    _what = "parts"


class SupplyRequestQuerySet(SpecialOrderRequestQuerySet["SupplyRequest"]):
    _what = "supply_name"
