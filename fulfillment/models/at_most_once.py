"""What orders, replacements and requests for supplies share: each is created at the vendor at most once."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from clinics.tenancy import TenantModel
from fulfillment.order_states import Lifecycle, OrderState
from tenovi.models import RequestKind


class AtMostOnce(TenantModel):
    """Created at the vendor at most once, by the request of kind `CREATE` whose target is this id.

    `sends` counts the creates, the first at `first_sent_at`; `sent` is the body of the last one.
    `reason` says why it is in its state: what the vendor answered, or what a person wrote.

    It is *unconfirmed* while its answer is lost, since `unconfirmed_at`. `searches` counts complete
    readings of the vendor's lists after that, the last at `searched_at`; `matches` is how many
    entries could be it; the next search begins at `search_due_at`. A search under way was asked for
    at `search_asked_at`, and the lists in `unread_lists` are still to be read. `throttled`: the vendor
    answered that it was asked too often, which usually means that it did nothing.

    For the engine: `WORD` begins the names of its audit rows, `HISTORY` is its column in `RequestEvent`,
    and `AUDITED_AS` holds the audit names that differ from the event's.
    """

    WORD: ClassVar[str]
    HISTORY: ClassVar[str]
    CREATE: ClassVar[RequestKind]
    LIFECYCLE: ClassVar[Lifecycle]
    AUDITED_AS: ClassVar[dict[str, str]] = {}

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state = models.CharField(max_length=12, default=OrderState.QUEUED)
    reason = models.CharField(max_length=500, blank=True)
    sent = models.JSONField(default=dict, blank=True)
    sends = models.PositiveSmallIntegerField(default=0)
    first_sent_at = models.DateTimeField(null=True)
    unconfirmed_at = models.DateTimeField(null=True)
    throttled = models.BooleanField(default=False)
    unread_lists = models.JSONField(default=list, blank=True)
    search_asked_at = models.DateTimeField(null=True)
    searches = models.PositiveSmallIntegerField(default=0)
    searched_at = models.DateTimeField(null=True)
    matches = models.PositiveSmallIntegerField(default=0)
    search_due_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    def stamps(self, to: OrderState) -> dict[str, Any]:
        """Return the columns of this kind that change with every step to `to`."""
        return {"changed_at": timezone.now()}

    def audited(self) -> dict[str, Any]:
        """Return what every audit row about it says besides its state. Holds no names."""
        return {}
