"""What the clinic asked the vendor to send beside devices: replacements and supplies."""

from __future__ import annotations

import uuid
from abc import abstractmethod
from typing import ClassVar

from django.db import models
from django.db.models import Q

from clinics.models import User
from clinics.tenancy import TenantModel, TenantQuerySet
from devices.models import Device
from fulfillment.querysets import ReplacementQuerySet, SupplyRequestQuerySet
from patients.models import Patient


class SpecialOrderRequestState(models.TextChoices):
    """`unknown`: the vendor may have taken it, and nobody knows; never sent again by software."""

    QUEUED = "queued", "Waiting to be sent"
    UNKNOWN = "unknown", "Needs a person"
    CONFIRMED = "confirmed", "Pending at Tenovi"
    WITHDRAWING = "withdrawing", "Being withdrawn"
    FULFILLED = "fulfilled", "Sent out"
    REFUSED = "refused", "Refused"
    CANCELLED = "cancelled", "Cancelled"


STILL_OPEN = (
    SpecialOrderRequestState.QUEUED,
    SpecialOrderRequestState.UNKNOWN,
    SpecialOrderRequestState.CONFIRMED,
    SpecialOrderRequestState.WITHDRAWING,
)


class SpecialOrderRequest(TenantModel):
    """Something a person asked the vendor to send, once; or that was asked there without us, then
    `asked_by` is null.

    `vendor_id` is its id at the vendor, "" until that is known. `token` names the submitted form, so
    that a second click is the first again. `said` is what the vendor, or whoever gave up, had to say.
    `looks` counts the complete lists, ten minutes apart, in which an unknown one was not found;
    `instead_of` is the one that was given up for this one, with the reason in its `said`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state = models.CharField(
        max_length=12, choices=SpecialOrderRequestState.choices, default=SpecialOrderRequestState.QUEUED
    )
    vendor_id = models.CharField(max_length=100, blank=True)
    token = models.CharField(max_length=64, blank=True)
    device = models.ForeignKey(Device, null=True, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, null=True, on_delete=models.PROTECT, related_name="+")
    hardware_uuid = models.CharField(max_length=64, blank=True)
    shipping_name = models.CharField(max_length=200, blank=True)
    shipping_address = models.CharField(max_length=300, blank=True)
    shipping_city = models.CharField(max_length=100, blank=True)
    shipping_state = models.CharField(max_length=50, blank=True)
    shipping_zip_code = models.CharField(max_length=20, blank=True)
    notify_emails = models.CharField(max_length=1000, blank=True)
    said = models.CharField(max_length=500, blank=True)
    asked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    looks = models.PositiveSmallIntegerField(default=0)
    looked_at = models.DateTimeField(null=True)
    instead_of = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        abstract = True
        constraints = [
            models.UniqueConstraint(
                fields=["clinic", "vendor_id"], condition=~Q(vendor_id=""), name="%(class)s_at_vendor_once"
            ),
            models.UniqueConstraint(
                fields=["clinic", "token"], condition=~Q(token=""), name="%(class)s_asked_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=SpecialOrderRequestState.values), name="%(class)s_state_known"
            ),
        ]
        indexes = [models.Index(fields=["clinic", "-asked_at", "-id"], name="%(class)s_newest")]

    @property
    def is_open(self) -> bool:
        return self.state in STILL_OPEN

    @property
    @abstractmethod
    def what(self) -> str:
        """What is to be sent, in words."""


class Replacement(SpecialOrderRequest):
    """New hardware for a device, its gateway, or both; the HWI device stays. `parts` are names as the
    vendor has them: that of the device's type, and `Gateway`."""

    parts = models.JSONField(default=list)

    objects: ClassVar[ReplacementQuerySet] = ReplacementQuerySet.as_manager()  # type: ignore[assignment]

    class Meta(SpecialOrderRequest.Meta):
        pass

    @property
    def what(self) -> str:
        return " and ".join(self.parts)


class SupplyRequest(SpecialOrderRequest):
    """Supplies under the exact name of one of the account's types; one a request."""

    supply_name = models.CharField(max_length=200)

    objects: ClassVar[SupplyRequestQuerySet] = SupplyRequestQuerySet.as_manager()  # type: ignore[assignment]

    class Meta(SpecialOrderRequest.Meta):
        pass

    @property
    def what(self) -> str:
        return self.supply_name


class SupplyType(TenantModel):
    """A supply the account may order, under the exact name a request must use. Costs in USD.

    `is_offered`: the vendor's last list had it, and not as deprecated.
    """

    name = models.CharField(max_length=200)
    description = models.CharField(max_length=1000, blank=True)
    up_front_cost = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    shipping_cost = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    needs_hardware = models.BooleanField(default=False)
    is_offered = models.BooleanField(default=True)

    objects: ClassVar[TenantQuerySet[SupplyType]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clinic", "name"], name="supply_type_unique_in_clinic"),
        ]

    def __str__(self) -> str:
        return self.name


class SupplyModule(TenantModel):
    """Whether the vendor has enabled supplies for the account, and in its words why not."""

    is_enabled = models.BooleanField()
    said = models.CharField(max_length=300, blank=True)
    checked_at = models.DateTimeField()

    objects: ClassVar[TenantQuerySet[SupplyModule]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [models.UniqueConstraint(fields=["clinic"], name="supply_module_once_a_clinic")]
