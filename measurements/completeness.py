"""How far each device is verified against the vendor, and what that says about a month."""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Min, OuterRef, Q, Subquery, Value
from django.db.models.functions import Greatest

from clinics.models import Clinic
from devices.models import Assignment, Device
from measurements.verified import Cause, DeviceCheck, Reconciliation, Verification

SECONDS_PER_REQUEST = 1.05
NAMED = 5  # devices of a month that are named, before it says “and others”


@dataclass(frozen=True)
class DeviceCompleteness:
    """A device and how far it is verified; None for what was never compared."""

    device: Device
    verification: Verification | None
    problem: str


@dataclass(frozen=True)
class RunProgress:
    """A comparison with the vendor as a person follows it. `problem`: why the list of the patient it is
    about was not compared. Seconds are an estimate."""

    run: Reconciliation
    cause: str
    devices: int
    done: int
    unverified: int
    missing: int
    problem: str
    seconds_left: int


@dataclass(frozen=True)
class MonthCompleteness:
    """Whether every reading the vendor holds for a span is here: how many devices there are, how many
    `lack` being verified for all of it, the first few of these by name, and when the last comparison of
    the others was."""

    devices: int
    lack: int
    unverified: tuple[Device, ...]
    checked_at: datetime.datetime | None


def devices_of(clinic: Clinic) -> list[DeviceCompleteness]:
    """Every device in use, least verified first."""
    in_use = Assignment.objects.for_clinic(clinic).filter(ends_at__isnull=True)
    devices = Device.objects.for_clinic(clinic).filter(id__in=in_use.values("device")).order_by("name", "id")
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
            waiting=Count("id", filter=Q(state="waiting")),
            waiting_devices=Count("device", filter=Q(state="waiting")),
            problem=Max("reason", filter=Q(state="unverified", device=None), default=""),
            unverified_devices=Count("id", filter=Q(state="unverified")),
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
        done=devices - figures.get("waiting_devices", 0),
        unverified=figures.get("unverified_devices", 0),
        missing=figures.get("with_missing", 0),
        problem=figures.get("problem", ""),
        seconds_left=round(figures.get("waiting", 0) * SECONDS_PER_REQUEST),
    )


def of_span(clinic: Clinic, start: datetime.datetime, end: datetime.datetime) -> MonthCompleteness:
    """For devices that somebody had in the half-open span `start`..`end`: are they verified for it?

    Verified means compared by receipt time over all of it, as far as it is over, not merely today. Of a
    device that was deleted there the vendor holds nothing.
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
