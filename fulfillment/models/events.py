"""The history of orders, replacements and requests for supplies on our side."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from clinics.models import User
from clinics.tenancy import TenantModel
from fulfillment.models.orders import Order
from fulfillment.models.special_orders import Replacement, SupplyRequest
from fulfillment.querysets import RequestEventQuerySet


class RequestEvent(TenantModel):
    """One step of an order, a replacement or a request for supplies: kept for ever, never changed.

    `text` is a sentence, or the reason that a person gave; `detail` what the vendor answered, what
    evidence was found, or the `tracking` of a parcel of our own. `by` is None where no person did it.
    """

    class What(models.TextChoices):
        PLACED = "placed", "Ordered"
        SENT = "sent", "Sent to Tenovi"
        WAITS = "waits", "Waits: nothing has reached Tenovi"
        CONFIRMED = "confirmed", "Confirmed by Tenovi"
        REFUSED = "refused", "Refused by Tenovi"
        UNCONFIRMED = "doubted", "No usable answer: Tenovi may have taken the order"
        SEARCHED = "looked", "Looked for it in Tenovi’s list"
        HANDED = "handed", "Handed to a person"
        ADOPTED = "adopted", "Found at Tenovi"
        SENT_AGAIN = "sent_again", "To be sent again"
        SHIPPED = "shipped", "Shipped by our own staff"
        TOLD = "told", "Tenovi was asked or told"
        WITHDRAWN = "withdrawn", "Taken back"
        KEPT = "kept", "Tenovi did not withdraw it"
        FULFILLED = "fulfilled", "Sent out by Tenovi"
        GIVEN_UP = "given_up", "Given up"
        CANCELLED = "cancelled", "Cancelled"

    order = models.ForeignKey(Order, null=True, on_delete=models.CASCADE, related_name="+")
    replacement = models.ForeignKey(Replacement, null=True, on_delete=models.CASCADE, related_name="+")
    supply_request = models.ForeignKey(SupplyRequest, null=True, on_delete=models.CASCADE, related_name="+")
    what = models.CharField(max_length=12, choices=What.choices)
    text = models.CharField(max_length=500, blank=True)
    detail = models.JSONField(default=dict, blank=True)
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[RequestEventQuerySet] = RequestEventQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(what=""), name="request_event_says_what"),
            models.CheckConstraint(
                condition=Q(order__isnull=False, replacement=None, supply_request=None)
                | Q(order=None, replacement__isnull=False, supply_request=None)
                | Q(order=None, replacement=None, supply_request__isnull=False),
                name="request_event_is_about_one",
            ),
        ]
        indexes = [
            models.Index(fields=["order", "at", "id"], name="request_event_of_order"),
            models.Index(fields=["replacement", "at", "id"], name="request_event_of_replacement"),
            models.Index(fields=["supply_request", "at", "id"], name="request_event_of_supplies"),
        ]
