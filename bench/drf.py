"""The same deliveries as one would write them first: a DRF serializer, and the object mapper row by row."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any, cast

from django.db import transaction
from django.db.models import F
from django.urls import path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from clinics.models import Clinic
from devices.models import Assignment, Device, Gateway
from measurements.identity import identity_of, slot_of
from measurements.models import LatestReading, Measurement, VitalDay
from measurements.payload import Reading
from tenovi import catalogue
from tenovi.inbound.views import WebhookSecretAuthentication
from tenovi.models import Delivery


class ReadingSerializer(serializers.Serializer[Any]):
    metric = serializers.CharField(max_length=100)
    hwi_device_id = serializers.UUIDField()
    patient_id = serializers.CharField(max_length=200, allow_blank=True)
    value_1 = serializers.DecimalField(max_digits=12, decimal_places=2)
    value_2 = serializers.DecimalField(max_digits=12, decimal_places=2, allow_null=True)
    created = serializers.DateTimeField(default_timezone=datetime.UTC)
    timestamp = serializers.DateTimeField(default_timezone=datetime.UTC)
    timezone_offset = serializers.DecimalField(max_digits=4, decimal_places=2)
    estimated_timestamp = serializers.BooleanField()
    hardware_uuid = serializers.CharField(max_length=64, allow_blank=True)
    sensor_code = serializers.CharField(max_length=20, allow_blank=True)
    filter_params = serializers.JSONField()


class Webhook(APIView):
    authentication_classes = [WebhookSecretAuthentication]
    permission_classes = []

    def post(self, request: Request, clinic: str) -> Response:
        serializer = ReadingSerializer(data=request.data, many=True)
        serializer.is_valid(raise_exception=True)
        body = request._request.body
        with transaction.atomic():
            delivery = Delivery.objects.create(
                clinic=cast(Clinic, request.auth),
                kind="measurements",
                raw=body,
                size=len(body),
                content_type=request.content_type,
                address=request.META["REMOTE_ADDR"],
                elements=len(serializer.validated_data),
            )
            stored = sum(store(delivery, fields) for fields in serializer.validated_data)
            delivery.state, delivery.settled_at = "settled", timezone.now()
            delivery.save()
        return Response(
            {
                "delivery": delivery.id,
                "received": delivery.elements,
                "stored": stored,
                "updated": 0,
                "duplicates": delivery.elements - stored,
                "quarantined": 0,
                "pending": 0,
            }
        )


def store(delivery: Delivery, fields: dict[str, Any]) -> bool:
    """Whether the reading is new."""
    clinic, reading = delivery.clinic, reading_of(fields)
    device = Device.objects.for_clinic(clinic).get(hwi_device_id=reading.hwi_device_id)
    held = Assignment.objects.for_clinic(clinic).in_force_at(reading.taken_at).filter(device=device)
    metric = catalogue.meaning(reading.metric, device.kind, reading.sensor_code)
    date = (reading.taken_at + datetime.timedelta(hours=float(reading.timezone_offset or 0))).date()
    measurement, is_new = Measurement.objects.for_clinic(clinic).get_or_create(
        clinic=clinic,
        hwi_device_id=reading.hwi_device_id,
        taken_at=reading.taken_at,
        identity=identity_of(reading, keeps_greatest=False),
        defaults={
            "device": device,
            "patient": held.select_related("patient").get().patient,
            "metric": metric.name,
            "value_1": reading.value_1,
            "value_2": reading.value_2 if metric.value_2 else None,
            "slot": slot_of(reading, keeps_greatest=False),
            "local_date": date,
            "local_date_rule": "offset",
            "program": metric.program,
            "vital": metric.vital,
            "counts": bool(metric.vital),
            "estimated": reading.estimated,
            "named_patient": reading.patient_id,
            "sensor_code": reading.sensor_code,
            "hardware_uuid": reading.hardware_uuid,
            "timezone_offset": reading.timezone_offset,
            "vendor_created": reading.vendor_created,
            "received_at": delivery.received_at,
            "context": reading.context,
            "delivery_id": delivery.id,
        },
    )
    if is_new:
        count_day(measurement)
        keep_latest(measurement)
        gateway = Gateway.objects.for_clinic(clinic).filter(gateway_id=reading.hardware_uuid)
        gateway.update(last_seen_at=delivery.received_at)
    return is_new


def count_day(reading: Measurement) -> None:
    day, _ = VitalDay.objects.for_clinic(reading.clinic).get_or_create(
        clinic=reading.clinic,
        patient=reading.patient,
        program=reading.program,
        local_date=reading.local_date,
        defaults={"readings": 0, "estimated_readings": 0, "vendor_readings": 0},
    )
    day.vendor_readings = F("vendor_readings") + 1
    day.readings = F("readings") + int(reading.counts)
    day.estimated_readings = F("estimated_readings") + int(reading.counts and reading.estimated)
    day.save()


def keep_latest(reading: Measurement) -> None:
    names = ("device", "value_1", "value_2", "taken_at", "identity", "estimated")
    values = {name: getattr(reading, name) for name in names}
    latest, is_new = LatestReading.objects.for_clinic(reading.clinic).get_or_create(
        clinic=reading.clinic, patient=reading.patient, metric=reading.metric, defaults=values
    )
    newest = latest.taken_at, latest.identity
    if not is_new and newest <= (reading.taken_at, reading.identity):
        for name, value in values.items():
            setattr(latest, name, value)
        latest.save()


def reading_of(fields: dict[str, Any]) -> Reading:
    params = fields["filter_params"]
    return Reading(
        metric=fields["metric"],
        hwi_device_id=fields["hwi_device_id"],
        value_1=fields["value_1"],
        value_2=fields["value_2"] or Decimal("0.00"),
        taken_at=fields["timestamp"],
        patient_id=fields["patient_id"],
        sensor_code=fields["sensor_code"],
        hardware_uuid=fields["hardware_uuid"],
        serial_number="",
        log_index=str(params.get("measurement_index", "")),
        timezone_offset=fields["timezone_offset"],
        estimated=fields["estimated_timestamp"],
        vendor_created=fields["created"],
        context=params,
    )


urlpatterns = [path("webhooks/<slug:clinic>/measurements/", Webhook.as_view())]
