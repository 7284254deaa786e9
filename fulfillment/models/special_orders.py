"""What the clinic asked the vendor to send beside devices: replacements and supplies."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from clinics.models import User
from clinics.tenancy import TenantModel, TenantQuerySet
from devices.models import Device
from fulfillment.models.at_most_once import AtMostOnce
from fulfillment.order_states import ENDED, SPECIAL_ORDER, OrderState
from fulfillment.querysets import ReplacementQuerySet, SupplyRequestQuerySet
from patients.models import Patient
from tenovi.models import RequestKind


class SpecialOrderRequestState(models.TextChoices):
    """How pages and scripts are told the state of a replacement or of supplies."""

    QUEUED = "queued", "Waiting to be sent"
    UNCONFIRMED = "unknown", "Needs a person"
    CONFIRMED = "confirmed", "Pending at Tenovi"
    WITHDRAWING = "withdrawing", "Being withdrawn"
    FULFILLED = "fulfilled", "Sent out"
    REFUSED = "refused", "Refused"
    CANCELLED = "cancelled", "Cancelled"


SHOWN_AS = {
    OrderState.SENDING: SpecialOrderRequestState.QUEUED,
    OrderState.NEEDS_PERSON: SpecialOrderRequestState.UNCONFIRMED,
}
"""The states that scripts have never been told of, and what they are told instead."""

STILL_OPEN = tuple(state for state in SPECIAL_ORDER.states if state not in ENDED)


class SpecialOrderRequest(AtMostOnce):
    """Something a person asked the vendor to send, once; or that was asked there without us, then
    `asked_by` is null.

    `vendor_id` is its id at the vendor, "" until that is known. `token` names the submitted form, so
    that a second click is the first again. `instead_of` is the one that was given up for this one.
    """

    WITHDRAW: ClassVar[RequestKind]
    LISTING: ClassVar[RequestKind]
    LIFECYCLE = SPECIAL_ORDER
    # These names were in the audit record before the three kinds shared one engine.
    AUDITED_AS = {"placed": "asked_for", "doubted": "in_doubt"}

    state = models.CharField(max_length=12, choices=SPECIAL_ORDER.choices, default=OrderState.QUEUED)
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
    asked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    changed_at = models.DateTimeField()
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
            models.CheckConstraint(condition=Q(state__in=SPECIAL_ORDER.states), name="%(class)s_state_known"),
        ]
        indexes = [models.Index(fields=["clinic", "-asked_at", "-id"], name="%(class)s_newest")]

    def audited(self) -> dict[str, Any]:
        return {"device": str(self.device_id or ""), "patient": str(self.patient_id or "")}

    @property
    def is_open(self) -> bool:
        return self.state in STILL_OPEN

    @property
    def shown_state(self) -> SpecialOrderRequestState:
        state = OrderState(self.state)
        return SHOWN_AS.get(state) or SpecialOrderRequestState(state.value)

    @property
    @abstractmethod
    def what(self) -> str:
        """What is to be sent, in words."""


class Replacement(SpecialOrderRequest):
    """New hardware for a device, its gateway, or both; the HWI device stays. `parts` are names as the
    vendor has them: that of the device's type, and `Gateway`."""

    WORD = "replacement"
    HISTORY = "replacement"
    CREATE = RequestKind.REPLACEMENT_CREATE
    WITHDRAW = RequestKind.REPLACEMENT_DELETE
    LISTING = RequestKind.REPLACEMENTS

    parts = models.JSONField(default=list)

    objects: ClassVar[ReplacementQuerySet] = ReplacementQuerySet.as_manager()  # type: ignore[assignment]

    class Meta(SpecialOrderRequest.Meta):
        pass

    @property
    def what(self) -> str:
        return " and ".join(self.parts)


class SupplyRequest(SpecialOrderRequest):
    """Supplies under the exact name of one of the account's types; one a request."""

    WORD = "supplies"
    HISTORY = "supply_request"
    CREATE = RequestKind.SUPPLY_CREATE
    WITHDRAW = RequestKind.SUPPLY_DELETE
    LISTING = RequestKind.SUPPLY_REQUESTS

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
