"""Reading the ledger of deliveries and the queue of requests."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Self

from django.db.models import Q
from django.db.models.functions import Now

from clinics.tenancy import TenantQuerySet

if TYPE_CHECKING:
    from tenovi.models import Call, Delivery, DeliveryItem, Request  # noqa: F401


class DeliveryQuerySet(TenantQuerySet["Delivery"]):
    def by_webhook(self) -> Self:
        """The vendor called: what was fetched and had to wait is no sign of that."""
        return self.filter(fetched=False)

    def unsettled(self) -> Self:
        return self.filter(state="pending")

    def waiting_for_attention(self) -> Self:
        return self.filter(state="quarantined")

    def waiting(self) -> Self:
        """Not settled yet, whoever it is that has to do something."""
        return self.filter(state__in=["pending", "quarantined"])


class DeliveryItemQuerySet(TenantQuerySet["DeliveryItem"]):
    def quarantined(self) -> Self:
        return self.filter(state="quarantined")

    def discarded(self) -> Self:
        """Given up by a person, who may take it back."""
        return self.filter(state="discarded")

    def naming_device(self, hwi_device_id: uuid.UUID) -> Self:
        return self.filter(hwi_device_id=hwi_device_id)


class RequestQuerySet(TenantQuerySet["Request"]):
    def unanswered(self) -> Self:
        """Will be sent by itself, sooner or later."""
        return self.filter(state__in=["waiting", "sending"])

    def parked(self) -> Self:
        return self.filter(state="parked")

    def stopped(self) -> Self:
        """Will not be sent again unless a person says so."""
        return self.filter(state__in=["parked", "unknown"])

    def due(self) -> Self:
        """May be sent now, as far as the row itself is concerned."""
        return self.filter(state="waiting", not_before__lte=Now())

    def wanting_a_worker(self) -> Self:
        """Due, or being sent: perhaps by a process that has died."""
        return self.filter(Q(state="sending") | Q(state="waiting", not_before__lte=Now()))

    def most_urgent_first(self) -> Self:
        return self.order_by("priority", "created_at", "target", "id")

    def longest_waiting_first(self) -> Self:
        return self.order_by("created_at", "target", "id")


class CallQuerySet(TenantQuerySet["Call"]):
    def newest_first(self) -> Self:
        return self.order_by("-id")
