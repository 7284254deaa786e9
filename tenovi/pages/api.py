"""Serve deliveries and the queue of requests to the vendor over REST."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from clinics import audit
from clinics.access import Permission
from clinics.api import ClinicListView, ClinicView
from common.api_fields import UtcField
from tenovi.models import Call, Delivery, DeliveryItem
from tenovi.models.ledger import DeliveryState, ItemState
from tenovi.outbound.enqueue import Overview, overview
from tenovi.pages.access import delivery_for


class DeliveryItemSerializer(serializers.ModelSerializer[DeliveryItem]):
    class Meta:
        model = DeliveryItem
        fields: ClassVar = ["index", "state", "reason"]


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """`items` are the elements that were not simply stored; reasons are listed in `docs/reasons.md`."""

    received_at = UtcField()
    items = DeliveryItemSerializer(many=True)

    class Meta:
        model = Delivery
        fields: ClassVar = ["id", "kind", "received_at", "state", "items"]


class DeliveryQuery(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=DeliveryState.choices, required=False)


class DeliveryList(ClinicListView[Delivery]):
    """List deliveries, newest first, without their bytes."""

    permission = Permission.VIEW_DELIVERIES
    query_shape = DeliveryQuery
    serializer_class = DeliverySerializer
    cursor_key = ("received_at", "id")
    newest_first = True

    def get_queryset(self) -> QuerySet[Delivery]:
        query = self.query()
        items = DeliveryItem.objects.for_clinic(self.access.clinic).exclude(state=ItemState.STORED)
        deliveries = Delivery.objects.for_clinic(self.access.clinic).filter(**query)
        return deliveries.defer("raw").prefetch_related(Prefetch("items", items.order_by("index")))


class DeliveryRaw(ClinicView[Delivery]):
    """Return the bytes exactly as they came in. Each look is audited."""

    permission = Permission.VIEW_DELIVERIES

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, clinic: str, delivery_id: uuid.UUID) -> HttpResponse:
        delivery = delivery_for(self.access, delivery_id)
        audit.record(
            "raw_payload_viewed",
            by=self.access.user,
            clinic=self.access.clinic,
            target=delivery,
        )
        # The bytes are untrusted: never a type that a browser would render.
        return HttpResponse(
            bytes(delivery.raw),
            content_type="application/octet-stream",
            headers={"Content-Disposition": f'attachment; filename="{delivery.id}.bin"'},
        )


class CallSerializer(serializers.ModelSerializer[Call]):
    """One exchange with the vendor. `outcome`: answered, retryable, permanent or doubtful."""

    at = UtcField()

    class Meta:
        model = Call
        fields: ClassVar = ["at", "kind", "method", "path", "status", "milliseconds", "outcome", "reason"]


class QueueSerializer(serializers.Serializer[Overview]):
    """`parked_reason` says in words why nothing is sent, "" while calls are made."""

    waiting = serializers.IntegerField()
    oldest_seconds = serializers.FloatField()
    eta_seconds = serializers.FloatField()
    parked_reason = serializers.CharField()
    last_call = CallSerializer(allow_null=True)


class QueueView(ClinicView[Any]):
    """Return the clinic's queue of requests to the vendor in figures."""

    permission = Permission.VIEW_DELIVERIES
    serializer_class = QueueSerializer
    queryset = Call.objects.none()

    @extend_schema(responses=QueueSerializer)
    def get(self, request: Request, clinic: str) -> Response:
        return Response(QueueSerializer(overview(self.access.clinic)).data)


urls_api = [
    path("queue/", QueueView.as_view(), name="api-queue"),
    path("deliveries/", DeliveryList.as_view(), name="api-deliveries"),
    path("deliveries/<uuid:delivery_id>/raw/", DeliveryRaw.as_view(), name="api-delivery-raw"),
]
