"""Store what the vendor posted: the raw bytes, and what became of each element."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from clinics.models import Clinic
from clinics.tenancy import TenantModel
from tenovi.querysets import DeliveryItemQuerySet, DeliveryQuerySet


class DeliveryKind(models.TextChoices):
    MEASUREMENTS = "measurements", "Readings"
    FULFILLMENT = "fulfillment", "Shipping"
    SPECIAL_ORDERS = "special-orders", "Special orders"


class DeliveryState(models.TextChoices):
    """`pending` until settled; `rejected` was answered 4xx; `quarantined` has at least one
    element that waits for a person or for the vendor's answer."""

    PENDING = "pending", "Waiting"
    SETTLED = "settled", "Settled"
    QUARANTINED = "quarantined", "Needs attention"
    REJECTED = "rejected", "Rejected"


class ItemState(models.TextChoices):
    STORED = "stored", "Stored"
    UPDATED = "updated", "Updated"
    DUPLICATE = "duplicate", "Duplicate"
    QUARANTINED = "quarantined", "Needs attention"
    PENDING = "pending", "Waiting"
    DISCARDED = "discarded", "Discarded"


class Delivery(TenantModel):
    """One authenticated POST, or one row of a fetch that must wait (`fetched`). `raw` is never changed;
    `received_at` is the database's clock; `attempts`: the most failed tries of an element that waits."""

    # No index of its own: `delivery_newest` begins with it.
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+", db_index=False)
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=DeliveryKind.choices)
    fetched = models.BooleanField(default=False, db_default=False)
    raw = models.BinaryField()
    size = models.PositiveIntegerField()
    content_type = models.CharField(max_length=200, blank=True)
    address = models.GenericIPAddressField(null=True)
    received_at = models.DateTimeField(db_default=Now())
    state = models.CharField(max_length=12, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    reason = models.CharField(max_length=60, blank=True)
    elements = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    settled_at = models.DateTimeField(null=True)

    objects: ClassVar[DeliveryQuerySet] = DeliveryQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=DeliveryState.values), name="delivery_state_known"),
        ]
        indexes = [
            models.Index(fields=["clinic", "-received_at"], name="delivery_newest"),
            models.Index(fields=["received_at"], condition=Q(state="pending"), name="delivery_pending"),
            models.Index(
                fields=["clinic", "received_at"],
                condition=Q(state="quarantined"),
                name="delivery_quarantined",
            ),
        ]


class DeliveryItem(TenantModel):
    """An element that was not simply stored: where it stood in the delivery, and why.

    `hwi_device_id` is what the element named, so that waiting elements are found again once
    the vendor has told us about that device. `raw`: its own bytes as they came, of one that had to wait.
    `content`: the same for elements that say the same, so that a repeat is recognised. `attempts`: tries
    that the element itself made fail, or that never ended.

    What a person decided, who, when and why: to discard it (`state`; it can be taken back), or that it is a
    reading of who had the device, whomever the vendor names (`goes_by_holder`).
    """

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="items")
    index = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=ItemState.choices)
    reason = models.CharField(max_length=60, blank=True)
    hwi_device_id = models.UUIDField(null=True)
    raw = models.BinaryField(null=True)
    content = models.UUIDField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    goes_by_holder = models.BooleanField(default=False, db_default=False)
    note = models.CharField(max_length=500, blank=True, db_default="")
    decided_by = models.CharField(max_length=254, blank=True, db_default="")
    decided_at = models.DateTimeField(null=True)

    objects: ClassVar[DeliveryItemQuerySet] = DeliveryItemQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["delivery", "index"], name="delivery_item_once"),
            models.CheckConstraint(
                condition=~Q(state="discarded") | (~Q(note="") & Q(decided_at__isnull=False)),
                name="delivery_item_discarded_for_a_reason",
            ),
        ]
        indexes = [
            models.Index(
                fields=["clinic", "hwi_device_id"],
                condition=Q(state="quarantined"),
                name="delivery_item_waiting",
            ),
            models.Index(
                fields=["clinic", "content"],
                condition=Q(content__isnull=False),
                name="delivery_item_content",
            ),
            models.Index(
                fields=["clinic", "decided_at"],
                condition=Q(state="discarded"),
                name="delivery_item_discarded",
            ),
        ]


class RefusalCause(models.TextChoices):
    """Why a call was turned away so that what it carried can only be fetched."""

    SECRET = "secret", "No valid secret was shown"
    RETIRED = "retired", "A retired secret was shown"
    UNAVAILABLE = "unavailable", "It could not be kept"
    TOO_LARGE = "too_large", "It was too large"


class RefusalCount(models.Model):
    """Refused calls per minute, clinic, kind of webhook and cause: all that is kept of a call without a valid secret.

    `start`: of the minute; of the hour for `unavailable`, which is written down afterwards, for every
    clinic and kind in one. `last_at`: the latest of them. Addresses of clinics that do not exist share
    their rows, so that a stranger adds no more than a row a minute.
    """

    clinic_id = models.UUIDField(null=True)
    start = models.DateTimeField()
    cause = models.CharField(max_length=20, choices=RefusalCause.choices)
    kind = models.CharField(max_length=20, choices=DeliveryKind.choices, blank=True)
    count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["clinic_id", "start", "cause", "kind"],
                name="refusal_count_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(cause__in=RefusalCause.values), name="refusal_count_cause_known"
            ),
        ]
