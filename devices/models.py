"""Define devices, their assignments to patients, gateways and what else the vendor keeps of them."""

from __future__ import annotations

import datetime
import uuid
from typing import ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils import timezone

from clinics.models import User
from clinics.tenancy import TenantModel, TenantQuerySet
from devices.hardware import signal_level, silent_since
from devices.querysets import (
    AssignmentQuerySet,
    DeviceQuerySet,
    GatewayQuerySet,
    HardwareChangeQuerySet,
    PeriodQuerySet,
)
from patients.models import Patient
from tenovi.catalogue import DeviceKind, kind_for

UNLINKED = "Unlinked"  # the vendor's status of a device that it has detached


class Device(TenantModel):
    """An HWI device: one activation at the vendor, known by `hwi_device_id` for ever.

    `kind` is the slug of a device kind in the catalogue, "" when the vendor's name and sensor code match
    none. `hardware_uuid` is the Gateway ID (12 hex digits, upper case) or IMEI; it changes when hardware is
    replaced and never tells whose reading it is. `unsent`: the vendor's values of fields that a person has
    changed here (`devices.actions.wanted`).

    `order_fulfilled`: it came with an order that was fulfilled, so the vendor will not delete it (None: not
    known). `held_for`: why the vendor holds its order, in the vendor's words. `unlinked_by_vendor`: the
    vendor unlinked it at `unlinked_at` without a request of ours. `deleted_at`: the vendor has no record of
    it any more; ours stays for the readings.

    `synced_at`: when the record that stands here was requested. `changed_at`: when we last learned of a
    change otherwise, such as from an event or the answer to an unlink. A record requested before either is
    outdated.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    hwi_device_id = models.UUIDField()
    name = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=60, blank=True)
    status = models.CharField(max_length=60, blank=True)
    sensor_code = models.CharField(max_length=20, blank=True)
    sensor_id = models.CharField(max_length=60, blank=True)
    hardware_uuid = models.CharField(max_length=64, blank=True)
    unsent = models.JSONField(default=dict, db_default={}, blank=True)
    vendor_created_at = models.DateTimeField(null=True)
    vendor_patient_id = models.CharField(max_length=200, blank=True)
    connected_at = models.DateTimeField(null=True)
    unlinked_at = models.DateTimeField(null=True)
    unlinked_by_vendor = models.BooleanField(default=False)
    deleted_at = models.DateTimeField(null=True)
    delete_when_unlinked = models.BooleanField(default=False)
    order_fulfilled = models.BooleanField(null=True)
    held_for = models.CharField(max_length=400, blank=True)
    last_measurement_at = models.DateTimeField(null=True)
    synced_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[DeviceQuerySet] = DeviceQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clinic", "hwi_device_id"], name="device_unique_in_clinic"),
        ]
        indexes = [models.Index(fields=["clinic", "hardware_uuid"], name="device_hardware_uuid")]

    def __str__(self) -> str:
        return self.name or str(self.hwi_device_id)

    @property
    def has_another_patient_at_the_vendor(self) -> bool:
        """See the query of that name. One query."""
        devices = Device.objects.for_clinic(self.clinic).filter(id=self.id)
        return devices.with_another_patient_at_the_vendor().exists()


class Assignment(TenantModel):
    """One patient had one device from `starts_at` until `ends_at` (open while null).

    Without a patient it records a person's decision that no patient has the device. `objects` has the rows
    with a patient; `periods` has all, for code that must not overrule or overlap a decision. `decided_by`
    is the person, null for what the vendor's list brought.

    `reaches_back` marks the first assignment of an imported device: a reading taken before it belongs to it
    only when the reading itself names that patient. `claimed_at` is null until readings stored before this
    assignment was known have been attached.

    `misnamed_as`: the vendor had the device under this other patient when a person decided, so readings may
    still name that one. Those are taken until the vendor knew (`misnamed_until`, null before). `agreed_at`:
    when we learned that the vendor has the device under this patient, too. `resettle_due`: readings that
    waited for that are still to be settled again.
    """

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+")
    patient = models.ForeignKey(Patient, null=True, on_delete=models.CASCADE, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    reaches_back = models.BooleanField(default=False)
    claimed_at = models.DateTimeField(null=True)
    misnamed_as = models.CharField(max_length=200, blank=True)
    misnamed_until = models.DateTimeField(null=True)
    agreed_at = models.DateTimeField(null=True)
    resettle_due = models.BooleanField(default=False, db_default=False)
    decided_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    discharge = models.ForeignKey("Discharge", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[AssignmentQuerySet] = AssignmentQuerySet.as_manager()  # type: ignore[assignment]
    periods: ClassVar[PeriodQuerySet] = PeriodQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(patient__isnull=False) | Q(reaches_back=False, claimed_at__isnull=False),
                name="assignment_to_nobody_claims_nothing",
            ),
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
            models.Index(fields=["id"], condition=Q(resettle_due=True), name="assignment_resettle"),
        ]

    @property
    def holder(self) -> Patient:
        """Return the patient who has it. Raises LookupError for a period without a patient."""
        if self.patient is None:
            raise LookupError("Nobody had the device then.")
        return self.patient


class Discharge(TenantModel):
    """A patient left at `at`: the assignments that name it ended then, and their devices are unlinked,
    and deleted after that if `deletes`. How far each is follows from the device."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()
    deletes = models.BooleanField(default=False)
    asked_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[TenantQuerySet[Discharge]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes = [models.Index(fields=["patient"], name="discharge_patient")]


class DeviceProperty(TenantModel):
    """A setting of a device at the vendor: one of the vendor's own keys, or one the clinic chose.

    `wanted` is the value decided here; null: none was, and the vendor's counts. `said` is the vendor's
    value, "" for none; `synced`: whether one of the vendor's own keys has reached the hardware.
    """

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=100)
    wanted = models.CharField(max_length=1000, null=True)  # noqa: DJ001 (null: not decided here)
    said = models.CharField(max_length=1000, blank=True)
    vendor_id = models.CharField(max_length=100, blank=True)
    synced = models.BooleanField(null=True)
    said_at = models.DateTimeField(null=True)

    objects: ClassVar[TenantQuerySet[DeviceProperty]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device", "key"], name="device_property_once"),
        ]

    @property
    def value(self) -> str:
        """Return the value we want on the device."""
        return self.said if self.wanted is None else self.wanted

    @property
    def is_at_vendor(self) -> bool:
        return bool(self.vendor_id or self.said)


class Gateway(TenantModel):
    """A Tenovi Gateway: devices without a connection of their own send through it.

    `gateway_id` is 12 hex digits, upper case; the devices behind it name it as their `hardware_uuid`.
    `spelling` is the vendor's, which is sent to it; "" while not known. `last_seen_at` is the latest sign
    of life: a reading that came through, or what the vendor reported. `signal_strength` and the rest are
    the vendor's, and empty until it was asked (`polled_at`).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    gateway_id = models.CharField(max_length=12)
    spelling = models.CharField(max_length=12, blank=True)
    last_seen_at = models.DateTimeField(null=True)
    signal_strength = models.PositiveSmallIntegerField(null=True)
    firmware_version = models.CharField(max_length=60, blank=True)
    provisioned = models.BooleanField(null=True)
    assigned_at = models.DateTimeField(null=True)
    shipped_at = models.DateTimeField(null=True)
    polled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[GatewayQuerySet] = GatewayQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clinic", "gateway_id"], name="gateway_unique_in_clinic"),
            models.CheckConstraint(
                condition=Q(gateway_id__regex=r"^[0-9A-F]{12}$"), name="gateway_id_in_one_spelling"
            ),
        ]

    def __str__(self) -> str:
        return self.gateway_id

    @property
    def signal_level(self) -> str:
        return signal_level(self.signal_strength)

    @property
    def silent_since(self) -> datetime.datetime | None:
        return silent_since(self.last_seen_at, timezone.now())


class DeviceType(TenantModel):
    """A device the account may order, under the exact name an order must use. Costs in USD.

    `is_offered`: the vendor's last list had it, and neither as deprecated nor as virtual.
    """

    name = models.CharField(max_length=200)
    sensor_code = models.CharField(max_length=20, blank=True)
    sensor_id_required = models.BooleanField(default=False)
    in_stock = models.BooleanField(default=True)
    is_offered = models.BooleanField(default=True)
    up_front_cost = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    shipping_cost = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    monthly_cost = models.DecimalField(max_digits=12, decimal_places=2, null=True)

    objects: ClassVar[TenantQuerySet[DeviceType]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clinic", "name"], name="device_type_unique_in_clinic"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def catalogue_kind(self) -> DeviceKind | None:
        return kind_for(self.name, self.sensor_code)

    @property
    def is_cellular(self) -> bool:
        """Whether it has a connection of its own and an IMEI, instead of a gateway."""
        kind = self.catalogue_kind
        return kind.transport == "cellular" if kind else not self.sensor_code

    @property
    def takes_sensor_id(self) -> bool:
        kind = self.catalogue_kind
        return self.sensor_id_required or bool(kind and kind.sensor_id in ("supported", "required"))

    @property
    def takes_passkey(self) -> bool:
        kind = self.catalogue_kind
        return bool(kind and "bluetooth_passkey" in kind.properties)


class HardwareChange(TenantModel):
    """An entry of the vendor's log: a device got, changed or lost its hardware at `changed_at`.

    Ids in our normal spelling, "" for none. The device may be one that we do not know (yet).
    """

    vendor_id = models.CharField(max_length=100)
    hwi_device_id = models.UUIDField()
    old_hardware_uuid = models.CharField(max_length=64, blank=True)
    new_hardware_uuid = models.CharField(max_length=64, blank=True)
    changer = models.CharField(max_length=200, blank=True)
    changed_at = models.DateTimeField(null=True)

    objects: ClassVar[HardwareChangeQuerySet] = HardwareChangeQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clinic", "vendor_id"], name="hardware_change_logged_once"),
        ]
        indexes = [models.Index(fields=["clinic", "hwi_device_id"], name="hardware_change_device")]


class HardwareLogRead(TenantModel):
    """The vendor's log of hardware was last read to its end at `read_at`.

    `target` is the vendor's id of the one device it was read for, the normal hardware id it was searched
    for, or "" for the log as a whole.
    """

    target = models.CharField(max_length=64, blank=True)
    read_at = models.DateTimeField()

    objects: ClassVar[TenantQuerySet[HardwareLogRead]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clinic", "target"], name="hardware_log_read_once"),
        ]


class NightlySync(TenantModel):
    """The vendor's account was asked for as a whole in this night (the clinic's local date)."""

    night = models.DateField()
    started_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[TenantQuerySet[NightlySync]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clinic", "night"], name="synced_once_a_night"),
        ]


class GatewaySample(TenantModel):
    """The vendor's answer about a gateway's signal, at `taken_at`."""

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="+")
    taken_at = models.DateTimeField()
    signal_strength = models.PositiveSmallIntegerField(null=True)
    last_seen_at = models.DateTimeField(null=True)

    objects: ClassVar[TenantQuerySet[GatewaySample]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["gateway", "taken_at"], name="gateway_sampled_once"),
        ]
