"""Devices the vendor activated for a clinic, and who had which device when."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q

from clinics.tenancy import TenantModel
from devices.queries import AssignmentQuerySet, DeviceQuerySet
from patients.models import Patient


class Device(TenantModel):
    """An HWI device: one activation at the vendor, known by `hwi_device_id` for ever.

    `kind` is the slug of a device kind in the catalogue, "" when the vendor's name and sensor
    code match none. `hardware_uuid` is the Gateway ID (12 hex digits, upper case) or IMEI; it
    changes when hardware is replaced and never tells whose reading it is.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    hwi_device_id = models.UUIDField()
    name = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=60, blank=True)
    status = models.CharField(max_length=60, blank=True)
    sensor_code = models.CharField(max_length=20, blank=True)
    sensor_id = models.CharField(max_length=60, blank=True)
    hardware_uuid = models.CharField(max_length=64, blank=True)
    vendor_created_at = models.DateTimeField(null=True)
    vendor_patient_id = models.CharField(max_length=200, blank=True)
    connected_at = models.DateTimeField(null=True)
    unlinked_at = models.DateTimeField(null=True)
    last_measurement_at = models.DateTimeField(null=True)
    synced_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[DeviceQuerySet] = DeviceQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clinic", "hwi_device_id"], name="device_unique_in_clinic"),
        ]
        indexes = [models.Index(fields=["clinic", "hardware_uuid"], name="device_hardware_uuid")]

    def __str__(self) -> str:
        return self.name or str(self.hwi_device_id)


class Assignment(TenantModel):
    """One patient had one device from `starts_at` until `ends_at` (open while null).

    `reaches_back` marks the first assignment of an imported device: a reading taken before it
    belongs to it only when the reading itself names that patient. `claimed_at` is null until
    readings that were stored before this assignment was known have been attached.
    """

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    reaches_back = models.BooleanField(default=False)
    claimed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[AssignmentQuerySet] = AssignmentQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")),
                name="assignment_ends_after_it_starts",
            ),
            ExclusionConstraint(
                name="assignments_of_a_device_never_overlap",
                expressions=[
                    (F("device"), RangeOperators.EQUAL),
                    (
                        Func(
                            F("starts_at"),
                            F("ends_at"),
                            RangeBoundary(),
                            function="TSTZRANGE",
                            output_field=DateTimeRangeField(),
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        ]
        indexes = [
            models.Index(fields=["patient"], name="assignment_patient"),
            models.Index(fields=["id"], condition=Q(claimed_at__isnull=True), name="assignment_unclaimed"),
        ]
