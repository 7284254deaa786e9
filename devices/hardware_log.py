"""Follow how far the reading of the vendor's log of hardware ids has come.

It is read as a whole, for one device, or for an id that a person typed (`devices.actions.hardware_log`).
Source: https://tenovi.com/api-docs/, "Viewing Hardware UUID Logs".
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from clinics.models import Clinic
from devices.models import Device, HardwareChange, HardwareLogRead
from tenovi.client.errors import PathUnknown, VendorError
from tenovi.client.records import Page
from tenovi.models import Priority, Request, RequestKind, RequestState
from tenovi.outbound.api_keys import why_nothing_is_sent
from tenovi.outbound.enqueue import enqueue

WHOLE = ""
"""The target of the request for the log of all devices."""
NO_PATH = (
    "Tenovi has no hardware log under the paths that its pages name. Ask Tenovi for the path; whoever runs "
    "the server enters it as TENOVI_HARDWARE_LOG_PATHS."
)
SAID_ELSEWHERE = "Admins see why, and what to do, on the page Synchronisation."


@dataclass(frozen=True, slots=True)
class LogProgress:
    """How far the log is read. `reason`: why it waits or has failed, or ""; `read_at`: when it was last
    read to its end, None for never."""

    is_under_way: bool
    has_failed: bool
    reason: str
    read_at: datetime.datetime | None


def note_read(request: Request, answer: Page[Any]) -> None:
    """Note that the log, or this part of it, was read; its entries are stored already."""
    if answer.ended:
        row = HardwareLogRead(
            clinic=request.clinic, target=request.target, read_at=request.begun_at or timezone.now()
        )
        HardwareLogRead.objects.bulk_create(
            [row],
            update_conflicts=True,
            unique_fields=["clinic", "target"],
            update_fields=["read_at"],
        )


def note_searched(request: Request, answer: Page[Any]) -> None:
    """Note that the log was searched; an id that it does not have is tried in its next spelling."""
    then = request.params.get("then", [])
    entries = HardwareChange.objects.for_clinic(request.clinic).of_hardware(request.target)
    if not (answer.ended and then and not entries.exists()):
        note_read(request, answer)
        return
    params = {"search": then[0], "then": then[1:]}
    enqueue(request.clinic, request.kind, request.target, params=params, anew=True, wake=False)


def note_failure(request: Request, error: VendorError | None) -> None:
    """Note once that the vendor has no log under any known path: at the request for the whole log.

    It would otherwise stand at one request for each device and each typed id.
    """
    if not isinstance(error, PathUnknown):
        return
    requests = Request.objects.for_clinic(request.clinic)
    rows = requests.filter(id=request.id)
    whole = requests.filter(kind=RequestKind.HARDWARE_LOG, target=WHOLE)
    if whole.exists():
        rows.exclude(kind=RequestKind.HARDWARE_LOG, target=WHOLE).delete()
        whole.parked().update(reason=NO_PATH)
    else:
        rows.update(
            kind=RequestKind.HARDWARE_LOG,
            target=WHOLE,
            params={},
            priority=Priority.ROUTINE,
            reason=NO_PATH,
        )


def progress_of_device(device: Device) -> LogProgress:
    """Return how far the log of this device is, by itself or within the whole."""
    targets = (str(device.hwi_device_id), WHOLE)
    return _progress(device.clinic, [(RequestKind.HARDWARE_LOG, target) for target in targets])


def progress_of_search(clinic: Clinic, hardware_id: str) -> LogProgress:
    """Return how far the search for this normal id is.

    It has failed, too, where the log cannot be read at all.
    """
    searched = _progress(clinic, [(RequestKind.HARDWARE_SEARCH, hardware_id)])
    if searched.is_under_way or searched.has_failed or searched.read_at:
        return searched
    whole = _progress(clinic, [(RequestKind.HARDWARE_LOG, WHOLE)])
    return whole if whole.has_failed else searched


def _progress(clinic: Clinic, asked: list[tuple[str, str]]) -> LogProgress:
    """Return the progress of the first of these requests, by kind and target, that exists."""
    targets = [target for _, target in asked]
    read = HardwareLogRead.objects.for_clinic(clinic).filter(target__in=targets).order_by("-read_at").first()
    read_at = read.read_at if read else None
    rows = Request.objects.for_clinic(clinic).filter(kind__in={kind for kind, _ in asked}, target__in=targets)
    requests = {(row.kind, row.target): row for row in rows}
    row = next((requests[place] for place in asked if place in requests), None)
    if row is None:
        return LogProgress(False, False, "", read_at)
    is_under_way = row.state in (RequestState.WAITING, RequestState.SENDING)
    reason = row.reason or (why_nothing_is_sent(clinic) if is_under_way else "")
    if not is_under_way and row.target == WHOLE:  # shown once, where a person acts on it
        reason = SAID_ELSEWHERE
    return LogProgress(is_under_way, not is_under_way, reason, read_at)
