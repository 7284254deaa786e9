"""Store the webhooks that are registered at the vendor, and those of ours that are to be."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from clinics.tenancy import TenantModel, TenantQuerySet
from common.encryption import decrypt, encrypt


class VendorWebhook(TenantModel):
    """An address the vendor posts to, by its latest list. `opens`: whether our endpoint accepts the secret that it
    shows there; None where it hides that, or the address is not ours. The secret itself is never kept."""

    vendor_id = models.UUIDField()
    endpoint = models.CharField(max_length=1000)
    event = models.CharField(max_length=60, blank=True)
    auth_header = models.CharField(max_length=200, blank=True)
    opens = models.BooleanField(null=True)
    post_as_array = models.BooleanField(null=True)
    enabled_by_default = models.BooleanField(null=True)

    objects: ClassVar[TenantQuerySet[VendorWebhook]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clinic", "vendor_id"], name="vendor_webhook_once"),
        ]


class WebhookDraft(TenantModel):
    """The secret that the vendor is to show for an event, encrypted; deleted once the vendor has it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event = models.CharField(max_length=60)
    header = models.CharField(max_length=100)
    value_encrypted = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[TenantQuerySet[WebhookDraft]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [models.UniqueConstraint(fields=["clinic", "event"], name="webhook_draft_once")]

    @property
    def value(self) -> str:
        """In clear. Never log it, never show it."""
        return decrypt(bytes(self.value_encrypted))

    @value.setter
    def value(self, value: str) -> None:
        self.value_encrypted = encrypt(value)
