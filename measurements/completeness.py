"""How far each device is verified against the vendor, and what that says about a month."""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Count, Max, Min, OuterRef, Q, Subquery, Value
from django.db.models.functions import Greatest

from clinics.models import Clinic
from devices.models import Assignment, Device
from measurements.models import Cause, DeviceCheck, Reconciliation, Verification
from measurements.reconcile import SETTLING

SECONDS_PER_REQUEST = 1.05
A_NIGHT = datetime.timedelta(days=1)  # until the next nightly comparison is done
NAMED = 5  # devices of a month that are named, before it says “and others”


@dataclass(frozen=True)
class DeviceCompleteness:
    """A device and how far it is verified; None for what was never compared."""

    device: Device
    verification: Verification | None
    problem: str

    @property
    def is_verified(self) -> bool:
        return self.verification is not None and not self.problem


@dataclass(frozen=True)
class RunProgress:
    """A comparison with the vendor as a person follows it. `others`: how many of its devices nobody has now;
    the rest are in use. `problem`: why the list of the patient it is
    about was not compared. Seconds are an estimate."""

    run: Reconciliation
    cause: str
    devices: int
    others: int
    done: int
    unverified: int
    missing: int
    problem: str
    seconds_left: int


@dataclass(frozen=True)
class MonthCompleteness:
    """Whether every reading the vendor holds for a span is here: how many devices there are, how many
    `lack` being verified for it, the first few of these by name, and when the last comparison of the others was.

    `until`: how far a span is compared that is still running, None for all of it. `has_begun` is False before
    its first comparison; `is_running`: that one is under way.
    """

    devices: int
    lack: int
    unverified: tuple[Device, ...]
    checked_at: datetime.datetime | None
    until: datetime.datetime | None = None
    has_begun: bool = True
    is_running: bool = False


def devices_of(clinic: Clinic) -> list[DeviceCompleteness]:
    """Every device in use, least verified first."""
    devices = Device.objects.for_clinic(clinic).filter(id__in=_in_use(clinic)).order_by("name", "id")
    verified = {one.device_id: one for one in Verification.objects.for_clinic(clinic)}
    failed = (
        DeviceCheck.objects.for_clinic(clinic)
        .filter(state=DeviceCheck.State.UNVERIFIED, device__isnull=False)
        .order_by("device", "-id")
        .distinct("device")
    )
    problems = {check.device_id: check for check in failed.select_related("reconciliation")}
    rows = []
    for device in devices:
        known, problem = verified.get(device.id), problems.get(device.id)
        is_open = problem and (known is None or known.checked_at < problem.reconciliation.started_at)
        rows.append(DeviceCompleteness(device, known, problem.reason if problem and is_open else ""))
    long_ago = datetime.datetime.min.replace(tzinfo=datetime.UTC)
    return sorted(rows, key=lambda row: row.verification.verified_to if row.verification else long_ago)


def _in_use(clinic: Clinic) -> Any:
    return Assignment.objects.for_clinic(clinic).filter(ends_at__isnull=True).values("device")


def recent_runs(clinic: Clinic, limit: int = 10) -> list[RunProgress]:
    """The latest comparisons, those under way included."""
    runs = list(Reconciliation.objects.for_clinic(clinic).order_by("-started_at")[:limit])
    figures: dict[uuid.UUID, dict[str, Any]] = {
        row["reconciliation"]: dict(row)
        for row in DeviceCheck.objects.for_clinic(clinic)
        .filter(reconciliation__in=runs)
        .values("reconciliation")
        .annotate(
            devices=Count("device"),
            in_use=Count("device", filter=Q(device__in=_in_use(clinic))),
            waiting=Count("id", filter=Q(state=DeviceCheck.State.WAITING)),
            waiting_devices=Count("device", filter=Q(state=DeviceCheck.State.WAITING)),
            problem=Max("reason", filter=Q(state=DeviceCheck.State.UNVERIFIED, device=None), default=""),
            unverified_devices=Count("id", filter=Q(state=DeviceCheck.State.UNVERIFIED)),
            with_missing=Count("id", filter=Q(missing__gt=0)),
        )
    }
    return [_progress(run, figures.get(run.id, {})) for run in runs]


def _progress(run: Reconciliation, figures: dict[str, Any]) -> RunProgress:
    devices = figures.get("devices", 0)
    return RunProgress(
        run=run,
        cause=Cause(run.cause).label,
        devices=devices,
        others=devices - figures.get("in_use", 0),
        done=devices - figures.get("waiting_devices", 0),
        unverified=figures.get("unverified_devices", 0),
        missing=figures.get("with_missing", 0),
        problem=figures.get("problem", ""),
        seconds_left=round(figures.get("waiting", 0) * SECONDS_PER_REQUEST),
    )


def of_month(
    clinic: Clinic, start: datetime.datetime, end: datetime.datetime, *, now: datetime.datetime
) -> MonthCompleteness:
    """As `of_span`. Until the night after its end, a month is judged as far as the last comparison went:
    nothing is amiss with what no comparison could have covered."""
    if now >= end + A_NIGHT:
        return of_span(clinic, start, end)
    runs = Reconciliation.objects.for_clinic(clinic).filter(patient=None)
    last = runs.filter(finished_at__isnull=False).aggregate(at=Max("until"))["at"]
    until = min(last - SETTLING, end) if last else start
    if until <= start:
        all_devices = of_span(clinic, start, end).devices
        return MonthCompleteness(
            all_devices, 0, (), None, has_begun=False, is_running=runs.filter(finished_at=None).exists()
        )
    return replace(of_span(clinic, start, until), until=until if until < end else None)


def of_span(clinic: Clinic, start: datetime.datetime, end: datetime.datetime) -> MonthCompleteness:
    """For devices that somebody had in the half-open span `start`..`end`: are they verified for it?

    Verified means compared by receipt time over all of it, not merely today. Of a device that was deleted there
    the vendor holds nothing.
    """
    held = Assignment.objects.for_clinic(clinic).during(start, end)
    begun = Greatest(Value(start), OuterRef("vendor_created_at"))  # without null, in PostgreSQL
    verifications = Verification.objects.for_clinic(clinic).filter(
        device=OuterRef("id"), verified_from__lte=begun, verified_to__gte=end
    )
    devices = (
        Device.objects.for_clinic(clinic)
        .at_the_vendor()
        .filter(id__in=held.values("device"))
        .annotate(compared_at=Subquery(verifications.values("checked_at")))
    )
    figures = devices.aggregate(all=Count("id"), verified=Count("compared_at"), first=Min("compared_at"))
    others = devices.filter(compared_at=None).order_by("name", "id")[:NAMED]
    lack = figures["all"] - figures["verified"]
    return MonthCompleteness(figures["all"], lack, tuple(others), figures["first"])
