"""Replacements and supplies over REST: what was asked for, asking once per key, taking back."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, TypeVar

from django.db.models import QuerySet
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from clinics.access import ClinicAccess, Permission
from clinics.api import ClinicListView, ClinicView
from common.api_fields import UtcField
from devices.access import device_with_hwi_id
from devices.hardware import is_gateway_id, normal_hardware_id
from devices.models import Assignment, Device
from devices.queries import gateways_of
from fulfillment.access import ask_in, asks_for, special_orders_for
from fulfillment.addresses import destination, shipping_of
from fulfillment.form_fields import Emails
from fulfillment.models import (
    Replacement,
    SpecialOrder,
    SpecialOrderEvent,
    SpecialOrderRequest,
    SpecialOrderRequestState,
    SupplyRequest,
    SupplyType,
)
from fulfillment.special_orders import actions
from patients.access import patient_with_external_id
from patients.models import Patient

A = TypeVar("A", bound=SpecialOrderRequest)

LONGEST_KEY = 60
KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="The same key and body again answer what the first one made.",
)
CONFLICT = OpenApiResponse(description="The same is open already, or the key was used for something else.")


class Conflict(APIException):
    status_code = 409


class AskSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=SpecialOrderRequestState.choices, source="shown_state")
    vendor_id = serializers.CharField()
    patient = serializers.CharField(source="patient.external_id", default=None, allow_null=True)
    device = serializers.UUIDField(source="device.hwi_device_id", default=None, allow_null=True)
    hardware_uuid = serializers.CharField()
    said = serializers.CharField(source="reason")
    asked_at = UtcField()
    changed_at = UtcField()


class ReplacementSerializer(AskSerializer):
    """`parts` are names as the vendor has them, `Gateway` for a gateway; `said` is the vendor's word where
    it refused, or why it was given up."""

    parts = serializers.ListField(child=serializers.CharField())


class SupplySerializer(AskSerializer):
    supply_name = serializers.CharField()


class NewAsk(serializers.Serializer[Any]):
    notify_emails = serializers.CharField(required=False, allow_blank=True, max_length=1000, default="")
    again = serializers.BooleanField(required=False, default=False)

    def validate_notify_emails(self, value: str) -> str:
        return Emails(required=False).clean(value)


class NewReplacement(NewAsk):
    """`ship` false: the new unit comes from stock the clinic holds."""

    device = serializers.UUIDField()
    parts = serializers.MultipleChoiceField(choices=["device", "gateway"], allow_empty=False)
    ship = serializers.BooleanField(required=False, default=True)


class NewSupply(NewAsk):
    """`patient` is an external id, `device` the vendor's id of the one it is for; or else `gateway`, the
    Gateway ID of one that the patient has."""

    patient = serializers.CharField(max_length=200)
    supply_name = serializers.CharField(max_length=200)
    device = serializers.UUIDField(required=False, allow_null=True, default=None)
    gateway = serializers.CharField(required=False, allow_blank=True, max_length=40, default="")


class SupplyTypeSerializer(serializers.ModelSerializer[SupplyType]):
    """Costs in USD, null where the vendor does not say."""

    class Meta:
        model = SupplyType
        fields: ClassVar = ["name", "description", "up_front_cost", "shipping_cost", "needs_hardware"]


class SupplyTypeList(ClinicListView[SupplyType]):
    """What supplies the account may order, by name."""

    permission = Permission.VIEW_PATIENTS
    serializer_class = SupplyTypeSerializer
    cursor_key = ("name",)

    def get_queryset(self) -> QuerySet[SupplyType]:
        return SupplyType.objects.for_clinic(self.access.clinic).filter(is_offered=True)


class AskList(ClinicListView[A]):
    permission = Permission.VIEW_PATIENTS
    write_permission = Permission.MANAGE_DEVICES
    cursor_key = ("asked_at", "id")
    newest_first = True
    http_method_names = ["get", "head", "post"]

    def asked(self, wanted: A, again: bool) -> Response:
        """201 with what was made, 200 with what this key made before."""
        try:
            order_request = actions.place_request(order_request=wanted, by=self.access.user, again=again)
        except actions.AlreadyRequested as error:
            raise Conflict(f"The same is open already: {error.existing.id}.") from None
        if _meant(order_request) != _meant(wanted):
            raise Conflict("This key was used for something else.")
        shown = ask_in(self.access, type(wanted), order_request.id)
        return Response(self.get_serializer(shown).data, status=201 if order_request.id == wanted.id else 200)

    def common(self, given: dict[str, Any], patient: Patient | None, *, ships: bool) -> dict[str, Any]:
        """The fields both sorts have. Raises where the parcel has no address."""
        if ships and (patient is None or destination(patient).missing):
            raise ValidationError({"patient": ["The patient’s record lacks an address to ship to."]})
        return {
            "clinic": self.access.clinic,
            "patient": patient,
            "notify_emails": given["notify_emails"] if ships else "",
            "token": _key_of(self.request),
            **(shipping_of(patient) if ships and patient else {}),
        }


class ReplacementList(AskList[Replacement]):
    """Replacements, newest first."""

    serializer_class = ReplacementSerializer

    def get_queryset(self) -> QuerySet[Replacement]:
        return asks_for(self.access, Replacement)

    @extend_schema(
        request=NewReplacement,
        parameters=[KEY],
        responses={200: ReplacementSerializer, 201: ReplacementSerializer, 409: CONFLICT},
    )
    def post(self, request: Request, clinic: str) -> Response:
        """Ask for new hardware."""
        given = _given(NewReplacement, request)
        device = device_with_hwi_id(self.access, str(given["device"]))
        parts = [device.name] if "device" in given["parts"] else []
        if "gateway" in given["parts"]:
            if not is_gateway_id(device.hardware_uuid):
                raise ValidationError({"parts": ["This device has no gateway."]})
            parts.append(actions.GATEWAY)
        held = Assignment.objects.for_clinic(self.access.clinic).filter(device=device, ends_at=None)
        holder = held.select_related("patient").first()
        common = self.common(given, holder.patient if holder else None, ships=given["ship"])
        wanted = Replacement(device=device, hardware_uuid=device.hardware_uuid, parts=parts, **common)
        return self.asked(wanted, given["again"])


class SupplyList(AskList[SupplyRequest]):
    """Supply requests, newest first."""

    serializer_class = SupplySerializer

    def get_queryset(self) -> QuerySet[SupplyRequest]:
        return asks_for(self.access, SupplyRequest)

    @extend_schema(
        request=NewSupply,
        parameters=[KEY],
        responses={200: SupplySerializer, 201: SupplySerializer, 409: CONFLICT},
    )
    def post(self, request: Request, clinic: str) -> Response:
        """Ask for supplies, one a request."""
        given = _given(NewSupply, request)
        patient = patient_with_external_id(self.access, given["patient"])
        offered = SupplyType.objects.for_clinic(self.access.clinic).filter(is_offered=True)
        kind = offered.filter(name=given["supply_name"]).first()
        if kind is None and offered:
            raise ValidationError({"supply_name": ["Not among the supplies this account may order."]})
        device = _device_of(self.access, patient, given["device"])
        gateway = _gateway_of(self.access, patient, given["gateway"])
        if device and gateway:
            raise ValidationError({"gateway": ["Name a device or a gateway, not both."]})
        hardware_uuid = device.hardware_uuid if device else gateway
        if kind and kind.needs_hardware and not hardware_uuid:
            raise ValidationError({"device": ["Name the device or gateway these supplies are for."]})
        wanted = SupplyRequest(
            device=device,
            hardware_uuid=hardware_uuid,
            supply_name=given["supply_name"],
            **self.common(given, patient, ships=True),
        )
        return self.asked(wanted, given["again"])


class AskDetail(ClinicView[A]):
    permission = Permission.VIEW_PATIENTS
    write_permission = Permission.MANAGE_DEVICES
    http_method_names = ["get", "head", "delete"]

    def shown(self, order_request: A) -> Response:
        return Response(self.get_serializer(order_request).data)

    def taken_back(self, order_request: A) -> Response:
        """202: what was sent already is withdrawn by the vendor, so look again."""
        if not actions.withdraw(order_request=order_request, by=self.access.user):
            raise Conflict("It is too late to take it back.")
        return Response(status=202)


class ReplacementDetail(AskDetail[Replacement]):
    """One replacement."""

    serializer_class = ReplacementSerializer

    def get(self, request: Request, clinic: str, replacement_id: uuid.UUID) -> Response:
        return self.shown(ask_in(self.access, Replacement, replacement_id))

    @extend_schema(responses={202: None, 409: OpenApiResponse(description="Too late.")})
    def delete(self, request: Request, clinic: str, replacement_id: uuid.UUID) -> Response:
        """Take it back, while that is possible."""
        return self.taken_back(ask_in(self.access, Replacement, replacement_id))


class SupplyDetail(AskDetail[SupplyRequest]):
    """One supply request."""

    serializer_class = SupplySerializer

    def get(self, request: Request, clinic: str, supply_id: uuid.UUID) -> Response:
        return self.shown(ask_in(self.access, SupplyRequest, supply_id))

    @extend_schema(responses={202: None, 409: OpenApiResponse(description="Too late.")})
    def delete(self, request: Request, clinic: str, supply_id: uuid.UUID) -> Response:
        """Take it back, while that is possible."""
        return self.taken_back(ask_in(self.access, SupplyRequest, supply_id))


def _given(shape: type[NewAsk], request: Request) -> dict[str, Any]:
    given = shape(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


def _key_of(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "").strip()
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        raise ValidationError({"Idempotency-Key": [f"Give a key of 1 to {LONGEST_KEY} characters."]})
    return f"api:{key}"


def _device_of(access: ClinicAccess, patient: Patient, hwi_device_id: uuid.UUID | None) -> Device | None:
    if hwi_device_id is None:
        return None
    device = device_with_hwi_id(access, str(hwi_device_id))
    held = Assignment.objects.for_clinic(access.clinic).of_patient(patient).filter(ends_at=None)
    if not held.filter(device=device).exists():
        raise ValidationError({"device": ["This patient does not have that device."]})
    return device


def _gateway_of(access: ClinicAccess, patient: Patient, gateway: str) -> str:
    gateway_id = normal_hardware_id(gateway)
    if gateway_id and gateway_id not in gateways_of(access.clinic, patient):
        raise ValidationError({"gateway": ["This patient does not have that gateway."]})
    return gateway_id


def _meant(order_request: SpecialOrderRequest) -> tuple[object, ...]:
    """What the same key has to mean again. The hardware of a device may have changed since."""
    return (
        order_request.what,
        order_request.patient_id,
        order_request.device_id or order_request.hardware_uuid,
    )


class SpecialOrderStepSerializer(serializers.ModelSerializer[SpecialOrderEvent]):
    updated_on = UtcField(allow_null=True)
    received_at = UtcField()

    class Meta:
        model = SpecialOrderEvent
        fields: ClassVar = ["status", "updated_on", "tracking_link", "received_at"]


class SpecialOrderSerializer(serializers.ModelSerializer[SpecialOrder]):
    """`patient` is the external id the vendor named, "" for none; `events` are the steps so far."""

    patient = serializers.CharField(source="named_patient")
    created_on = UtcField(allow_null=True)
    updated_on = UtcField(allow_null=True)
    received_at = UtcField()
    events = SpecialOrderStepSerializer(many=True)

    class Meta:
        model = SpecialOrder
        fields: ClassVar = [
            "request_id",
            "order_number",
            "order_type",
            "status",
            "patient",
            "client_device_id",
            "hardware_uuid",
            "tracking_link",
            "contents",
            "manifest",
            "created_on",
            "updated_on",
            "received_at",
            "events",
        ]


class SpecialOrderList(ClinicListView[SpecialOrder]):
    """Special and bulk orders as the vendor's newest message has them, newest order first."""

    permission = Permission.VIEW_PATIENTS
    serializer_class = SpecialOrderSerializer
    cursor_key = ("first_received_at", "id")
    newest_first = True

    def get_queryset(self) -> QuerySet[SpecialOrder]:
        return special_orders_for(self.access)


urls_api = [
    path("special-orders/", SpecialOrderList.as_view(), name="api-special-orders"),
    path("replacements/", ReplacementList.as_view(), name="api-replacements"),
    path("replacements/<uuid:replacement_id>/", ReplacementDetail.as_view(), name="api-replacement"),
    path("supplies/", SupplyList.as_view(), name="api-supplies"),
    path("supplies/<uuid:supply_id>/", SupplyDetail.as_view(), name="api-supply"),
    path("supply-types/", SupplyTypeList.as_view(), name="api-supply-types"),
]
