"""Reading the ledger of deliveries."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Self

from clinics.tenancy import TenantQuerySet

if TYPE_CHECKING:
    from tenovi.models import Delivery, DeliveryItem  # noqa: F401


class DeliveryQuerySet(TenantQuerySet["Delivery"]):
    def unsettled(self) -> Self:
        return self.filter(state="pending")

    def waiting_for_attention(self) -> Self:
        return self.filter(state="quarantined")


class DeliveryItemQuerySet(TenantQuerySet["DeliveryItem"]):
    def quarantined(self) -> Self:
        return self.filter(state="quarantined")

    def naming_device(self, hwi_device_id: uuid.UUID) -> Self:
        return self.filter(hwi_device_id=hwi_device_id)
