"""Serve devices and gateways over REST."""

from __future__ import annotations

from typing import ClassVar

from django.db.models import QuerySet
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from clinics.access import Permission
from clinics.api import ClinicListView, ClinicView
from common.api_fields import UtcField
from devices.access import device_with_hwi_id, devices_for, gateway_called, gateways_for
from devices.hardware import SIGNAL_WORDS
from devices.models import Device, Gateway


class DeviceSerializer(serializers.ModelSerializer[Device]):
    """`patient` is the external id of the patient who has the device now; `kind` a slug of the catalogue."""

    patient = serializers.CharField(source="held_by", allow_null=True)
    vendor_created_at = UtcField(allow_null=True)
    connected_at = UtcField(allow_null=True)
    unlinked_at = UtcField(allow_null=True)
    last_measurement_at = UtcField(allow_null=True)

    class Meta:
        model = Device
        fields: ClassVar = [
            "hwi_device_id",
            "name",
            "kind",
            "status",
            "sensor_code",
            "sensor_id",
            "hardware_uuid",
            "patient",
            "vendor_created_at",
            "connected_at",
            "unlinked_at",
            "last_measurement_at",
        ]


class DeviceList(ClinicListView[Device]):
    """The clinic's devices by the vendor's id."""

    permission = Permission.VIEW_PATIENTS
    serializer_class = DeviceSerializer
    cursor_key = ("hwi_device_id",)

    def get_queryset(self) -> QuerySet[Device]:
        return devices_for(self.access)


class DeviceDetail(ClinicView[Device]):
    """One device, by the vendor's id in any spelling of a UUID."""

    permission = Permission.VIEW_PATIENTS
    serializer_class = DeviceSerializer

    def get(self, request: Request, clinic: str, hwi_device_id: str) -> Response:
        return Response(self.get_serializer(device_with_hwi_id(self.access, hwi_device_id)).data)


class GatewaySerializer(serializers.ModelSerializer[Gateway]):
    """`silent_since` is the last contact once that is over 24 hours ago, else null."""

    last_seen_at = UtcField(allow_null=True)
    signal_level = serializers.ChoiceField(choices=SIGNAL_WORDS)
    silent_since = UtcField(allow_null=True)
    devices = serializers.ListField(child=serializers.UUIDField())

    class Meta:
        model = Gateway
        fields: ClassVar = [
            "gateway_id",
            "firmware_version",
            "signal_strength",
            "signal_level",
            "last_seen_at",
            "silent_since",
            "devices",
        ]


class GatewayList(ClinicListView[Gateway]):
    """The clinic's gateways by Gateway ID."""

    permission = Permission.VIEW_PATIENTS
    serializer_class = GatewaySerializer
    cursor_key = ("gateway_id",)

    def get_queryset(self) -> QuerySet[Gateway]:
        return gateways_for(self.access)


class GatewayDetail(ClinicView[Gateway]):
    """One gateway; its id is compared ignoring case and hyphens."""

    permission = Permission.VIEW_PATIENTS
    serializer_class = GatewaySerializer

    def get(self, request: Request, clinic: str, gateway_id: str) -> Response:
        return Response(self.get_serializer(gateway_called(self.access, gateway_id)).data)


urls_api = [
    path("devices/", DeviceList.as_view(), name="api-devices"),
    path("devices/<str:hwi_device_id>/", DeviceDetail.as_view(), name="api-device"),
    path("gateways/", GatewayList.as_view(), name="api-gateways"),
    path("gateways/<str:gateway_id>/", GatewayDetail.as_view(), name="api-gateway"),
]
