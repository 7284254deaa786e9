"""Serve vital days over REST: the counts of the billing report, each with its dates."""

from __future__ import annotations

from typing import Any

from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.report import ReportRow, vital_days
from billing.windows import Window
from clinics.access import Permission
from clinics.api import ClinicListView


@extend_schema_field(
    {
        "type": "string",
        "pattern": "^(201[5-9]|20[2-9][0-9]|2[1-9][0-9]{2})-(0[1-9]|1[0-2])$",
        "example": "2026-10",
    }
)
class MonthField(serializers.CharField):
    def to_internal_value(self, data: Any) -> Any:
        try:
            return Window.of_month(super().to_internal_value(data))
        except ValueError:
            raise serializers.ValidationError(
                "Not a month between 2015-01 and 2999-12: write it as YYYY-MM, for example 2026-10."
            ) from None


class VitalDaysQuery(serializers.Serializer[Any]):
    month = MonthField()


class VitalDaysSerializer(serializers.Serializer[ReportRow]):
    """`vendor_days` counts dates with a reading the vendor marks vital, without our exclusions."""

    external_id = serializers.CharField()
    program = serializers.CharField()
    days = serializers.IntegerField()
    vendor_days = serializers.SerializerMethodField()
    dates = serializers.ListField(child=serializers.DateField())

    def get_vendor_days(self, row: ReportRow) -> int:
        return row.vendor_days


class VitalDaysList(ClinicListView[Any]):
    """Every patient assigned or enrolled in the month, per program, zeros included."""

    permission = Permission.VIEW_VITAL_DAYS
    query_shape = VitalDaysQuery
    serializer_class = VitalDaysSerializer
    cursor_key = ("external_id", "program")

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        window = self.query()["month"]
        rows = vital_days(self.access.clinic, window, now=timezone.now())
        return self.paged(rows)


urls_api = [path("vital-days/", VitalDaysList.as_view(), name="api-vital-days")]
