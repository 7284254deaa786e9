"""Readings, the days they earn, and the latest value of each metric."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from clinics.models import Clinic, User
from clinics.tenancy import TenantModel
from devices.models import Device
from measurements.querysets import MeasurementQuerySet, VitalDayQuerySet
from patients.models import Patient, Program


class LocalDateRule(models.TextChoices):
    """Which clock placed a reading on its date."""

    OFFSET = "offset", "the offset the reading brought"
    PATIENT = "patient", "the patient's time zone"
    CLINIC = "clinic", "the clinic's time zone"


class Source(models.TextChoices):
    WEBHOOK = "webhook", "sent by the vendor"
    FETCH = "fetch", "fetched from the vendor"


class Measurement(TenantModel):
    """One reading, stored once. `identity` hashes what stays the same however often and by
    whatever way it arrives (see `measurements.identity`); `slot` is the same without the
    values, so that two readings claiming one slot are seen (`conflict`). `log_entry` names an entry of
    the device's own log: of those sent within a minute the earliest counts, the others are repeats.

    `taken_at` is the device's clock, `received_at` ours, `vendor_created` the vendor's word for
    its own receipt (never used to order or identify). `program` and `vital` are the catalogue's
    verdict when stored; `counts` says whether the reading may earn a day.
    """

    # Every reading writes each index: of two that begin alike the longer is enough.
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+", db_index=False)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="+")
    hwi_device_id = models.UUIDField()
    patient = models.ForeignKey(
        Patient, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    metric = models.CharField(max_length=100)
    value_1 = models.DecimalField(max_digits=12, decimal_places=2)
    value_2 = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    taken_at = models.DateTimeField()
    identity = models.UUIDField()
    slot = models.UUIDField(null=True)
    log_entry = models.UUIDField(null=True)
    is_repeat = models.BooleanField(db_default=False, default=False)
    keeps_greatest = models.BooleanField(default=False)
    local_date = models.DateField()
    local_date_rule = models.CharField(max_length=7, choices=LocalDateRule.choices)
    program = models.CharField(max_length=3, choices=Program.choices)
    vital = models.BooleanField(null=True)
    counts = models.BooleanField()
    control = models.BooleanField(default=False)
    is_invalid = models.BooleanField(db_default=False, default=False)
    estimated = models.BooleanField(default=False)
    excluded = models.BooleanField(default=False)
    excluded_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    excluded_at = models.DateTimeField(null=True)
    exclusion_reason = models.CharField(max_length=200, null=True)  # noqa: DJ001 (absent with the others)
    conflict = models.BooleanField(default=False)
    named_patient = models.CharField(max_length=200, blank=True)
    sensor_code = models.CharField(max_length=20, blank=True)
    hardware_uuid = models.CharField(max_length=64, blank=True)
    timezone_offset = models.DecimalField(max_digits=4, decimal_places=2, null=True)
    vendor_created = models.DateTimeField(null=True)
    received_at = models.DateTimeField(db_default=Now())
    source = models.CharField(max_length=7, choices=Source.choices, default=Source.WEBHOOK)
    context = models.JSONField(default=dict)
    delivery_id = models.UUIDField(null=True)

    objects: ClassVar[MeasurementQuerySet] = MeasurementQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["clinic", "hwi_device_id", "taken_at", "identity"], name="reading_stored_once"
            ),
            models.CheckConstraint(
                condition=Q(counts=False) | Q(vital=True, control=False, excluded=False),
                name="only_vital_readings_count",
            ),
            models.CheckConstraint(
                condition=Q(counts=False) | Q(is_repeat=False), name="repeats_count_for_nothing"
            ),
            models.CheckConstraint(
                condition=Q(
                    excluded=False,
                    excluded_by__isnull=True,
                    excluded_at__isnull=True,
                    exclusion_reason__isnull=True,
                )
                | Q(
                    excluded=True,
                    excluded_by__isnull=False,
                    excluded_at__isnull=False,
                    exclusion_reason__gt="",
                ),
                name="exclusion_has_who_when_and_why",
            ),
        ]
        indexes = [
            models.Index(fields=["patient", "metric", "taken_at"], name="reading_chart"),
            models.Index(fields=["patient", "local_date"], name="reading_evidence"),
            models.Index(
                fields=["device"], condition=Q(patient__isnull=True), name="reading_without_patient"
            ),
            models.Index(
                fields=["excluded_by"], condition=Q(excluded_by__isnull=False), name="reading_excluded_by"
            ),
        ]


class VitalDay(TenantModel):
    """One patient, program and local date with vital readings: what a claim rests on.

    `readings` counts the readings that earn the day (0: the vendor marks some as vital, but none
    of them counts for a claim), `estimated_readings` those among them whose time the vendor
    estimated, `vendor_readings` all that the vendor marks vital.
    """

    # As for readings: the two indexes that begin with these keys are enough.
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+", db_index=False)
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="+", db_index=False)
    program = models.CharField(max_length=3, choices=Program.choices)
    local_date = models.DateField()
    readings = models.PositiveIntegerField()
    estimated_readings = models.PositiveIntegerField()
    vendor_readings = models.PositiveIntegerField()

    objects: ClassVar[VitalDayQuerySet] = VitalDayQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["patient", "program", "local_date"], name="vital_day_once"),
            models.CheckConstraint(
                condition=Q(estimated_readings__lte=F("readings"), readings__lte=F("vendor_readings")),
                name="vital_day_counts_nest",
            ),
        ]
        indexes = [
            models.Index(
                fields=["clinic", "local_date", "patient"],
                include=["program", "readings", "estimated_readings"],  # a month is counted from it alone
                name="vital_day_report",
            )
        ]


class LatestReading(TenantModel):
    """The newest reading of one metric of one patient, for lists that must not search readings."""

    # As for readings: the two indexes that begin with these keys are enough.
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+", db_index=False)
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="+", db_index=False)
    metric = models.CharField(max_length=100)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="+")
    value_1 = models.DecimalField(max_digits=12, decimal_places=2)
    value_2 = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    taken_at = models.DateTimeField()
    identity = models.UUIDField()
    estimated = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["patient", "metric"], name="latest_reading_once")]
        indexes = [models.Index(fields=["clinic", "patient"], name="latest_reading_of_clinic")]


class Threshold(TenantModel):
    """Within which limits a person wants a metric of a patient to stay, in the metric's unit; None where
    there is no limit. A value on a limit is within it."""

    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="+")
    metric = models.CharField(max_length=100)
    low_1 = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    high_1 = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    low_2 = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    high_2 = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    set_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["patient", "metric"], name="threshold_once"),
            models.CheckConstraint(
                condition=(Q(low_1__isnull=True) | Q(high_1__isnull=True) | Q(low_1__lt=F("high_1")))
                & (Q(low_2__isnull=True) | Q(high_2__isnull=True) | Q(low_2__lt=F("high_2"))),
                name="threshold_low_below_high",
            ),
            models.CheckConstraint(
                condition=Q(low_1__isnull=False)
                | Q(high_1__isnull=False)
                | Q(low_2__isnull=False)
                | Q(high_2__isnull=False),
                name="threshold_has_a_limit",
            ),
        ]
