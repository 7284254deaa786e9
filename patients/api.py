"""Serve patients over REST: the vendor's patient record plus the time zone.

Changes are sent to the vendor like those of the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from django.core.exceptions import ValidationError as Wrong
from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_201_CREATED

from clinics.access import Permission
from clinics.api import ClinicListView, ClinicView
from patients.access import patient_with_external_id
from patients.actions import records
from patients.models import ADDRESS, VERDICT, Patient
from patients.validation import TAKEN, check_confirmation, check_external_id, check_texts


@contextmanager
def field_error() -> Iterator[None]:
    """Turn the error of a rule of the record into an error of the field."""
    try:
        yield
    except Wrong as wrong:
        raise serializers.ValidationError(wrong.messages) from wrong


class PatientSerializer(serializers.ModelSerializer[Patient]):
    """`sms_opt_in` is the vendor's until it is changed here; switching it on needs a recorded consent.
    `address_status` and `address_verified_by` are the vendor's verdict; another address takes
    `confirm_address` back."""

    confirm_address_reason = serializers.CharField(
        write_only=True,
        required=False,
        allow_blank=True,
        max_length=200,
        help_text="How you know it is right.",
    )

    class Meta:
        model = Patient
        fields: ClassVar = [
            "external_id",
            "name",
            "address",
            "city",
            "state",
            "zip_code",
            "phone_number",
            "email",
            "physician",
            "clinic_name",
            "care_manager",
            "sms_opt_in",
            "confirm_address",
            "confirm_address_reason",
            "address_status",
            "address_verified_by",
            "timezone",
        ]
        read_only_fields = VERDICT

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a confirmed address without a reason, or that is not whole; the reason goes into the
        audit."""
        reason = str(attrs.pop("confirm_address_reason", "")).strip()
        if not attrs.get("confirm_address"):
            return attrs
        is_whole = all(attrs.get(name, getattr(self.instance, name, "")) for name in ADDRESS)
        try:
            check_confirmation(reason=reason, has_whole_address=is_whole)
        except Wrong as wrong:
            member = "confirm_address_reason" if wrong.code == "reason" else "confirm_address"
            raise serializers.ValidationError({member: wrong.messages}) from wrong
        return attrs | {"reason": reason}

    def validate_sms_opt_in(self, value: bool) -> bool:
        consented_on = self.instance.consented_on if self.instance else None
        with field_error():
            check_texts(sms_opt_in=value, consented_on=consented_on)
        return value

    def validate_external_id(self, value: str) -> str:
        if self.instance is not None:
            if value.casefold() != self.instance.external_id.casefold():
                raise serializers.ValidationError("The external id of a patient cannot be changed.")
            return self.instance.external_id
        with field_error():
            check_external_id(self.context["view"].access.clinic, value)
        return value


class PatientList(ClinicListView[Patient]):
    """The clinic's patients by external id but for archived ones, and a new one."""

    permission = Permission.VIEW_PATIENTS
    write_permission = Permission.EDIT_PATIENTS
    http_method_names = ["get", "head", "post"]
    serializer_class = PatientSerializer
    cursor_key = ("folded_id",)

    def get_queryset(self) -> QuerySet[Patient]:
        return (
            Patient.objects.for_clinic(self.access.clinic).present().annotate(folded_id=Lower("external_id"))
        )

    @extend_schema(responses={HTTP_201_CREATED: PatientSerializer})
    def post(self, request: Request, clinic: str) -> Response:
        """Add a patient here and at the vendor."""
        sent = self.get_serializer(data=request.data)
        sent.is_valid(raise_exception=True)
        try:
            patient = records.create_patient(
                clinic=self.access.clinic, by=self.access.user, **sent.validated_data
            )
        except records.AlreadyThere as error:  # added by another person in this moment
            raise serializers.ValidationError({"external_id": [TAKEN]}) from error
        return Response(self.get_serializer(patient).data, status=HTTP_201_CREATED)


class PatientDetail(ClinicView[Patient]):
    """One patient; the external id is compared ignoring case."""

    permission = Permission.VIEW_PATIENTS
    write_permission = Permission.EDIT_PATIENTS
    http_method_names = ["get", "head", "patch"]
    serializer_class = PatientSerializer

    def get(self, request: Request, clinic: str, external_id: str) -> Response:
        return Response(self.get_serializer(patient_with_external_id(self.access, external_id)).data)

    def patch(self, request: Request, clinic: str, external_id: str) -> Response:
        """Change the members that are sent, here and at the vendor."""
        patient = patient_with_external_id(self.access, external_id)
        sent = self.get_serializer(patient, data=request.data, partial=True)
        sent.is_valid(raise_exception=True)
        changes: dict[str, Any] = dict(sent.validated_data)
        changes.pop("external_id", None)
        records.change_patient(patient=patient, by=self.access.user, **changes)
        return Response(self.get_serializer(patient_with_external_id(self.access, external_id)).data)


urls_api = [
    path("patients/", PatientList.as_view(), name="api-patients"),
    path("patients/<any:external_id>/", PatientDetail.as_view(), name="api-patient"),
]
