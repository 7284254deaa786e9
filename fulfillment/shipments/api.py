"""News about parcels over REST: the events of each device, and special orders with their steps."""

from __future__ import annotations

from typing import ClassVar

from django.db.models import QuerySet
from django.urls import path
from rest_framework import serializers

from clinics.access import Permission
from clinics.api import ClinicListView
from common.api_fields import UtcField
from fulfillment.access import events_for
from fulfillment.models import FulfillmentEvent


class FulfillmentEventSerializer(serializers.ModelSerializer[FulfillmentEvent]):
    """`patient` is the external id of who had the device when we were told."""

    hwi_device_id = serializers.UUIDField(source="device.hwi_device_id")
    patient = serializers.CharField(source="patient.external_id", default=None, allow_null=True)
    received_at = UtcField()

    class Meta:
        model = FulfillmentEvent
        fields: ClassVar = [
            "hwi_device_id",
            "patient",
            "status",
            "tracking_link",
            "hardware_uuid",
            "replaced_hardware_uuid",
            "device_name",
            "received_at",
        ]


class FulfillmentEventList(ClinicListView[FulfillmentEvent]):
    """What the vendor told about the way of each device, newest first, steps backwards included."""

    permission = Permission.VIEW_PATIENTS
    serializer_class = FulfillmentEventSerializer
    cursor_key = ("received_at", "id")
    newest_first = True

    def get_queryset(self) -> QuerySet[FulfillmentEvent]:
        return events_for(self.access)


urls_api = [
    path("fulfillment-events/", FulfillmentEventList.as_view(), name="api-fulfillment-events"),
]
