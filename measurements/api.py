"""A patient's readings over REST: row by row, and as the columns a chart draws."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request

from clinics.access import Permission
from clinics.api import ClinicListView, ClinicView
from common.api_fields import MomentField, UtcField
from measurements.models import Measurement
from measurements.shown.presentation import meaning_of
from measurements.shown.series import series_of
from patients.access import patient_with_external_id


class MeasurementSerializer(serializers.ModelSerializer[Measurement]):
    unit_1 = serializers.SerializerMethodField()
    unit_2 = serializers.SerializerMethodField()
    taken_at = UtcField()
    device = serializers.UUIDField(source="hwi_device_id")

    class Meta:
        model = Measurement
        fields: ClassVar = [
            "metric",
            "value_1",
            "value_2",
            "unit_1",
            "unit_2",
            "taken_at",
            "local_date",
            "local_date_rule",
            "estimated",
            "vital",
            "program",
            "excluded",
            "conflict",
            "device",
            "source",
            "context",
        ]

    def get_unit_1(self, reading: Measurement) -> str:
        return meaning_of(reading).value_1.unit

    def get_unit_2(self, reading: Measurement) -> str | None:
        second = meaning_of(reading).value_2
        return second.unit if second else None


class MeasurementQuery(serializers.Serializer[Any]):
    metric = serializers.CharField(required=False)
    taken_after = MomentField(required=False)
    taken_before = MomentField(required=False)


class MeasurementList(ClinicListView[Measurement]):
    """A patient's readings, newest first."""

    permission = Permission.VIEW_PATIENTS
    query_shape = MeasurementQuery
    serializer_class = MeasurementSerializer
    cursor_key = ("taken_at", "id")
    newest_first = True

    def get_queryset(self) -> QuerySet[Measurement]:
        patient = patient_with_external_id(self.access, self.kwargs["external_id"])
        query = self.query(zone=patient.zone)
        readings = (
            Measurement.objects.of_patient(patient)
            .events()
            .taken_between(query.get("taken_after"), query.get("taken_before"))
            .select_related("device")
        )
        return readings.of_metric(query["metric"]) if "metric" in query else readings


class SeriesQuery(serializers.Serializer[Any]):
    metric = serializers.CharField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        span: dict[str, Any] = {
            "from": MomentField(required=False),
            "to": MomentField(required=False, whole_day=True),
        }
        return super().get_fields() | span


class SeriesSerializer(serializers.Serializer[Any]):
    """What `Series.as_json` writes; only the description of the API reads this."""

    metric = serializers.CharField()
    unit_1 = serializers.CharField()
    unit_2 = serializers.CharField(allow_null=True)
    t = serializers.ListField(child=serializers.IntegerField(), help_text="seconds since 1970")
    v1 = serializers.ListField(child=serializers.FloatField())
    v2 = serializers.ListField(child=serializers.FloatField(allow_null=True))
    flags = serializers.ListField(child=serializers.IntegerField())


class SeriesView(ClinicView[Measurement]):
    """One metric of a patient in columns; `flags` are the sums of `measurements.shown.flags.BITS`."""

    permission = Permission.VIEW_PATIENTS
    query_shape = SeriesQuery
    serializer_class = SeriesSerializer

    def get(self, request: Request, clinic: str, external_id: str) -> HttpResponse:
        patient = patient_with_external_id(self.access, external_id)
        query = self.query(zone=patient.zone)
        series = series_of(patient, query["metric"], start=query.get("from"), end=query.get("to"))
        return HttpResponse(series.as_json(), content_type="application/json")


urls_api = [
    path("patients/<any:external_id>/measurements/", MeasurementList.as_view(), name="api-measurements"),
    path("patients/<any:external_id>/series/", SeriesView.as_view(), name="api-series"),
]
