"""Select webhook secrets: those that are valid, and those that were retired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models

if TYPE_CHECKING:
    from clinics.models import WebhookSecret  # noqa: F401


class WebhookSecretQuerySet(models.QuerySet["WebhookSecret"]):
    def valid(self) -> Self:
        """Keep the secrets with which a webhook is accepted."""
        return self.filter(retired_at=None)

    def retired(self) -> Self:
        """Keep the secrets that are refused, but recognised when a call shows one."""
        return self.exclude(retired_at=None)
