"""How far what a person asked of the vendor about a device has come, in words."""

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
"""Each kind of errand while it is under way, and what is refused."""


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """`state` is "waiting", "sending" or "refused"; what is done has none left."""

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
    """What is being asked of the vendor about each of these devices. Two queries at most."""
    targets = [str(hwi_device_id) for hwi_device_id in hwi_device_ids]
    rows = list(
        Request.objects.for_clinic(clinic).filter(kind__in=DOING, target__in=targets).order_by("created_at")
    )
    stopped = why_nothing_is_sent(clinic) if rows else ""
    found: defaultdict[uuid.UUID, list[PendingRequest]] = defaultdict(list)
    for row in rows:
        found[uuid.UUID(row.target)].append(_errand(row, stopped))
    return found


def _errand(row: Request, stopped: str) -> PendingRequest:
    doing, undone = DOING[RequestKind(row.kind)]
    if row.state == RequestState.SENDING:
        return PendingRequest(row.kind, doing, "sending", f"{doing}: it is being sent to Tenovi.")
    if row.state == RequestState.WAITING:
        why = f" {stopped or row.reason}" if stopped or row.reason else ""
        return PendingRequest(row.kind, doing, "waiting", f"{doing}: it waits to be sent to Tenovi.{why}")
    return PendingRequest(row.kind, doing, "refused", f"Tenovi did not {undone}. {row.reason}")
