"""Patients over REST: the vendor's patient record plus the time zone."""

from __future__ import annotations

from typing import ClassVar

from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from clinics.access import Permission
from clinics.api import ClinicListView, ClinicView
from patients.access import patient_with_external_id
from patients.models import Patient


class PatientSerializer(serializers.ModelSerializer[Patient]):
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
            "address_status",
            "address_verified_by",
            "timezone",
        ]


class PatientList(ClinicListView[Patient]):
    """The clinic's patients by external id."""

    permission = Permission.VIEW_PATIENTS
    serializer_class = PatientSerializer
    cursor_key = ("folded_id",)

    def get_queryset(self) -> QuerySet[Patient]:
        return Patient.objects.for_clinic(self.visit.clinic).annotate(folded_id=Lower("external_id"))


class PatientDetail(ClinicView[Patient]):
    """One patient; the external id is compared ignoring case."""

    permission = Permission.VIEW_PATIENTS
    serializer_class = PatientSerializer

    def get(self, request: Request, clinic: str, external_id: str) -> Response:
        return Response(self.get_serializer(patient_with_external_id(self.visit, external_id)).data)


urls_api = [
    path("patients/", PatientList.as_view(), name="api-patients"),
    path("patients/<any:external_id>/", PatientDetail.as_view(), name="api-patient"),
]
