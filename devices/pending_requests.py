"""Tell in words how far the requests about a device are that a person has made."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from clinics.models import Clinic
from tenovi.models import Request, RequestKind, RequestState
from tenovi.outbound.api_keys import why_nothing_is_sent

DOING = {
    RequestKind.DEVICE_UNLINK: ("Unlinking", "unlink it"),
    RequestKind.DEVICE_DELETE: ("Deleting", "delete it"),
    RequestKind.DEVICE_UPDATE: ("Telling Tenovi what is written here", "take what is written here"),
}
"""Each kind of request while it is pending, and when it is refused."""


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """`state` is "waiting", "sending" or "refused"; a request that is done is gone."""

    kind: str
    doing: str
    state: str
    sentence: str

    @property
    def refused(self) -> bool:
        return self.state == "refused"


def pending_requests_of(
    clinic: Clinic, hwi_device_ids: Iterable[uuid.UUID]
) -> dict[uuid.UUID, list[PendingRequest]]:
    """Return the pending requests about each of these devices. Two queries at most."""
    targets = [str(hwi_device_id) for hwi_device_id in hwi_device_ids]
    rows = list(
        Request.objects.for_clinic(clinic).filter(kind__in=DOING, target__in=targets).order_by("created_at")
    )
    stopped = why_nothing_is_sent(clinic) if rows else ""
    pending: defaultdict[uuid.UUID, list[PendingRequest]] = defaultdict(list)
    for row in rows:
        pending[uuid.UUID(row.target)].append(_in_words(row, stopped))
    return pending


def _in_words(row: Request, stopped: str) -> PendingRequest:
    doing, undone = DOING[RequestKind(row.kind)]
    if row.state == RequestState.SENDING:
        return PendingRequest(row.kind, doing, "sending", f"{doing}: it is being sent to Tenovi.")
    if row.state == RequestState.WAITING:
        why = f" {stopped or row.reason}" if stopped or row.reason else ""
        return PendingRequest(row.kind, doing, "waiting", f"{doing}: it waits to be sent to Tenovi.{why}")
    return PendingRequest(row.kind, doing, "refused", f"Tenovi did not {undone}. {row.reason}")
