"""What the vendor tells about parcels: the events of each device, and special or bulk orders."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from clinics.tenancy import TenantModel
from devices.models import Device
from fulfillment.querysets import (
    FulfillmentEventQuerySet,
    ShipmentQuerySet,
    SpecialOrderEventQuerySet,
    SpecialOrderQuerySet,
)
from patients.models import Patient


class FulfillmentEvent(TenantModel):
    """One step of a device's way to the patient, as the vendor told it: kept for ever, never changed.

    `received_at` is when we were told, the only time there is. `replaced_hardware_uuid` is the old
    hardware where `hardware_uuid` takes its place. `former_hardware_uuid` is the other hardware that our
    record of the device still had when this came: a replacement need not name it. `patient` had the
    device at that moment; `named_patient` is the id that the payload gave.
    """

    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, null=True, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=60)
    tracking_link = models.CharField(max_length=500, blank=True)
    hardware_uuid = models.CharField(max_length=64, blank=True)
    replaced_hardware_uuid = models.CharField(max_length=64, blank=True)
    former_hardware_uuid = models.CharField(max_length=64, blank=True)
    device_name = models.CharField(max_length=200, blank=True)
    named_patient = models.CharField(max_length=200, blank=True)
    received_at = models.DateTimeField()
    delivery_id = models.UUIDField(null=True)

    objects: ClassVar[FulfillmentEventQuerySet] = FulfillmentEventQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(status=""), name="fulfillment_event_has_a_status"),
        ]
        indexes = [
            models.Index(fields=["device", "received_at", "id"], name="fulfillment_event_history"),
            models.Index(fields=["clinic", "-received_at", "-id"], name="fulfillment_event_newest"),
        ]


class Shipment(TenantModel):
    """Where a device is, according to all its events (`statuses.shown_status`); kept for lists that
    must not weigh every event. `since` is when we first heard of this status."""

    device = models.OneToOneField(Device, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=60)
    hardware_uuid = models.CharField(max_length=64, blank=True)
    tracking_link = models.CharField(max_length=500, blank=True)
    since = models.DateTimeField()

    objects: ClassVar[ShipmentQuerySet] = ShipmentQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes = [models.Index(fields=["clinic", "-since", "-id"], name="shipment_newest")]


class OrderMessage(TenantModel):
    """What one message about a special order says. `created_on` and `updated_on` are the vendor's
    clock; `contents` and `manifest` are as received."""

    status = models.CharField(max_length=60)
    order_number = models.CharField(max_length=100, blank=True)
    order_type = models.CharField(max_length=20, blank=True)
    hardware_uuid = models.CharField(max_length=64, blank=True)
    client_device_id = models.CharField(max_length=100, blank=True)
    tracking_link = models.CharField(max_length=500, blank=True)
    named_patient = models.CharField(max_length=200, blank=True)
    patient = models.ForeignKey(Patient, null=True, on_delete=models.PROTECT, related_name="+")
    created_on = models.DateTimeField(null=True)
    updated_on = models.DateTimeField(null=True)
    contents = models.JSONField(default=list)
    manifest = models.JSONField(default=dict)
    received_at = models.DateTimeField()

    class Meta:
        abstract = True


class SpecialOrder(OrderMessage):
    """A demo, bulk, supply, replacement or return order, as its newest message has it.

    `request_id` is the vendor's root order id, for supplies equal to the supply request's.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request_id = models.CharField(max_length=100)
    first_received_at = models.DateTimeField()

    objects: ClassVar[SpecialOrderQuerySet] = SpecialOrderQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clinic", "request_id"], name="special_order_once"),
            models.CheckConstraint(condition=~Q(request_id=""), name="special_order_has_a_request_id"),
        ]
        indexes = [
            models.Index(fields=["clinic", "-first_received_at", "-id"], name="special_order_newest"),
            models.Index(fields=["patient"], name="special_order_patient"),
        ]


class SpecialOrderEvent(OrderMessage):
    """The newest message of a special order in one status: the steps it has taken."""

    order = models.ForeignKey(SpecialOrder, on_delete=models.CASCADE, related_name="events")
    delivery_id = models.UUIDField(null=True)

    objects: ClassVar[SpecialOrderEventQuerySet] = SpecialOrderEventQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "status"], name="special_order_status_once"),
            models.CheckConstraint(condition=~Q(status=""), name="special_order_event_has_a_status"),
        ]
