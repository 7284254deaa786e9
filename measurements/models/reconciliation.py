"""What has been compared with the vendor: runs, their devices, and how far each device is verified."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from clinics.tenancy import TenantModel
from devices.models import Device
from measurements.querysets import DeviceCheckQuerySet, ReconciliationQuerySet
from patients.models import Patient


class Cause(models.TextChoices):
    NIGHTLY = "nightly", "Every night, three days back"
    WEEKLY = "weekly", "Every week, 35 days back, nobody skipped"
    OUTAGE = "outage", "After an outage of ours"
    REFUSED = "refused", "After calls without a valid secret"
    SILENCE = "silence", "The webhook fell silent"
    PERSON = "person", "Asked for by a person"


class Verification(TenantModel):
    """Every reading of the device that the vendor received from `verified_from` until `verified_to`
    and still held at `checked_at` is stored here, or listed as waiting. `missing_found` counts what
    webhooks had missed, ever."""

    device = models.OneToOneField(Device, on_delete=models.CASCADE, related_name="+")
    verified_from = models.DateTimeField()
    verified_to = models.DateTimeField()
    checked_at = models.DateTimeField()
    missing_found = models.PositiveIntegerField(default=0)


class Reconciliation(TenantModel):
    """One comparison with the vendor. It covers what the vendor received from `since` until `until`,
    which is fixed at the start, so that new readings never keep it from ending.

    `slot` makes a scheduled run happen once, however many schedulers there are.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    cause = models.CharField(max_length=8, choices=Cause.choices)
    slot = models.CharField(max_length=40, null=True)  # noqa: DJ001  # null: not scheduled, never unique
    since = models.DateTimeField()
    until = models.DateTimeField()
    patient = models.ForeignKey(Patient, null=True, on_delete=models.CASCADE, related_name="+")
    asked_by = models.CharField(max_length=254, blank=True)
    started_at = models.DateTimeField(db_default=Now())
    planned_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects: ClassVar[ReconciliationQuerySet] = ReconciliationQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clinic", "cause", "slot"], name="reconciliation_once_per_slot"),
        ]
        indexes = [models.Index(fields=["clinic", "-started_at"], name="reconciliation_newest")]


class DeviceCheck(TenantModel):
    """One device of a reconciliation, or with `device` None the list of all that the vendor received under
    the patient's id, also from devices that nobody here knows. `target` is the request that fetches it."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        VERIFIED = "verified", "Verified"
        SKIPPED = "skipped", "Nothing new at the vendor"
        UNVERIFIED = "unverified", "Could not be verified"

    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.CASCADE, related_name="+")
    device = models.ForeignKey(Device, null=True, on_delete=models.CASCADE, related_name="+")
    target = models.CharField(max_length=80)
    since = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    reason = models.CharField(max_length=300, blank=True)
    requests = models.PositiveIntegerField(default=0)
    fetched = models.PositiveIntegerField(default=0)
    missing = models.PositiveIntegerField(default=0)
    stored = models.PositiveIntegerField(default=0)

    objects: ClassVar[DeviceCheckQuerySet] = DeviceCheckQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reconciliation", "device"], name="device_checked_once_per_run"),
        ]
        indexes = [
            models.Index(
                fields=["clinic", "target"], condition=Q(state="waiting"), name="device_check_waiting"
            ),
        ]
