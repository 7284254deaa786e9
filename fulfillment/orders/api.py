"""Orders over REST: placed at most once, however often they are sent."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from clinics.access import Permission
from clinics.api import ClinicListView, ClinicView
from common.api_fields import UtcField
from fulfillment.access import events_of, order_for, orders_for
from fulfillment.models import FulfillmentEvent, Order, ShipBy
from fulfillment.order_states import ORDER
from fulfillment.orders.actions import AlreadyOpen, KeyUsed, place_orders
from fulfillment.orders.validation import CannotOrder, Wanted
from patients.models import Patient

KEY = "Idempotency-Key"
USABLE_KEY = re.compile(r"[\x21-\x7e]{1,200}")


class OrderEventSerializer(serializers.ModelSerializer[FulfillmentEvent]):
    received_at = UtcField()

    class Meta:
        model = FulfillmentEvent
        fields: ClassVar = ["status", "tracking_link", "hardware_uuid", "received_at"]


class OrderSerializer(serializers.ModelSerializer[Order]):
    """`patient` is an external id, null for what went into stock; `events` are what the vendor told about the order's device, oldest first.
    The context holds `events` of all orders shown."""

    patient = serializers.CharField(source="patient.external_id", default=None, allow_null=True)
    state = serializers.ChoiceField(choices=ORDER.choices)
    hwi_device_id = serializers.UUIDField(source="device.hwi_device_id", default=None, allow_null=True)
    created_at = UtcField()
    events = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields: ClassVar = [
            "id",
            "patient",
            "device_name",
            "state",
            "vendor_status",
            "hwi_device_id",
            "created_at",
            "events",
        ]

    @extend_schema_field(OrderEventSerializer(many=True))
    def get_events(self, order: Order) -> Any:
        told = self.context["events"].get(order.device_id, []) if order.device_id else []
        return OrderEventSerializer(told, many=True).data


class NewOrderSerializer(serializers.Serializer[Any]):
    """One device for one patient, to the address on the patient's record; null for a device that is here, on_site,
    and goes to no patient yet. A member that is not listed is an error: a misspelt one must not send a parcel
    that nobody wanted."""

    patient = serializers.CharField(
        max_length=200, allow_null=True, help_text="external id; null, with on_site, activates it into stock"
    )
    device_name = serializers.CharField(
        max_length=200, help_text="one of the account's device types, exactly"
    )
    ship_by = serializers.ChoiceField(choices=ShipBy.choices)
    hardware_uuid = serializers.CharField(
        max_length=64, required=False, allow_null=True, allow_blank=True, help_text="Gateway ID or IMEI"
    )
    gateway_only = serializers.BooleanField(default=False)
    sensor_id = serializers.CharField(max_length=60, required=False, allow_null=True, allow_blank=True)
    require_signature = serializers.BooleanField(default=False)
    notify_emails = serializers.CharField(
        max_length=500, required=False, allow_null=True, allow_blank=True, help_text="separated by commas"
    )
    again = serializers.BooleanField(default=False, help_text="although an order for the same is open")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        unknown = self.initial_data.keys() - self.fields.keys()
        if unknown:
            raise ValidationError({name[:60]: ["There is no such member."] for name in sorted(unknown)[:20]})
        return attrs


class ConflictSerializer(serializers.Serializer[Any]):
    """`order` is the id of the order that is in the way."""

    detail = serializers.CharField()
    order = serializers.UUIDField()


class OrderList(ClinicListView[Order]):
    """Orders of devices, newest first."""

    permission = Permission.VIEW_PATIENTS
    write_permission = Permission.MANAGE_DEVICES
    http_method_names = ["get", "head", "post"]
    serializer_class = OrderSerializer
    cursor_key = ("created_at", "id")
    newest_first = True

    def get_queryset(self) -> QuerySet[Order]:
        return orders_for(self.access)

    def prepared(self, page: list[Order]) -> list[Order]:
        self.events = events_of(page)
        return page

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "events": getattr(self, "events", {})}

    @extend_schema(
        request=NewOrderSerializer,
        parameters=[
            OpenApiParameter(
                KEY,
                str,
                OpenApiParameter.HEADER,
                required=True,
                description="Up to 200 visible characters; one for each order that is meant, kept for ever.",
            )
        ],
        responses={
            201: OpenApiResponse(OrderSerializer, "Placed."),
            200: OpenApiResponse(OrderSerializer, "The same key and body had placed this order before."),
            409: OpenApiResponse(
                ConflictSerializer,
                "The key was used for another order, or an order for the same patient and device is open.",
            ),
        },
    )
    def post(self, request: Request, clinic: str) -> Response:
        """Order a device; at most one parcel, however often this is repeated with the same key."""
        key = request.headers.get(KEY, "")
        if not USABLE_KEY.fullmatch(key):
            raise ValidationError({KEY: ["Send this header, with 1 to 200 visible ASCII characters."]})
        body = NewOrderSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        said = body.validated_data
        patient = self._patient(said["patient"]) if said["patient"] is not None else None
        try:
            placed = place_orders(
                clinic=self.access.clinic,
                patient=patient,
                by=self.access.user,
                wanted=[_wanted(said)],
                idempotency_key=key,
                again=said["again"],
            )
        except CannotOrder as refused:
            raise ValidationError(refused.of_line(0)) from None
        except (AlreadyOpen, KeyUsed) as conflict:
            return Response({"detail": str(conflict), "order": conflict.order.id}, status=409)
        self.prepared(placed.orders)
        return Response(self.get_serializer(placed.orders[0]).data, status=201 if placed.is_new else 200)

    def _patient(self, external_id: str) -> Patient:
        patient = Patient.objects.for_clinic(self.access.clinic).with_external_id(external_id).first()
        if patient is None:
            raise ValidationError({"patient": ["There is no patient with this external id."]})
        return patient


class OrderDetail(ClinicView[Order]):
    """One order."""

    permission = Permission.VIEW_PATIENTS
    serializer_class = OrderSerializer

    def get(self, request: Request, clinic: str, order_id: Any) -> Response:
        order = order_for(self.access, order_id)
        context = {**self.get_serializer_context(), "events": events_of([order])}
        return Response(OrderSerializer(order, context=context).data)


def _wanted(said: dict[str, Any]) -> Wanted:
    return Wanted(
        device_name=said["device_name"],
        ship_by=said["ship_by"],
        hardware_uuid=said.get("hardware_uuid") or "",
        gateway_only=said["gateway_only"],
        sensor_id=said.get("sensor_id") or "",
        require_signature=said["require_signature"],
        notify_emails=said.get("notify_emails") or "",
    )


urls_api = [
    path("orders/", OrderList.as_view(), name="api-orders"),
    path("orders/<uuid:order_id>/", OrderDetail.as_view(), name="api-order"),
]
