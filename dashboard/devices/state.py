"""Tell how a patient's devices are doing, in one shape and a few words."""

from __future__ import annotations

import datetime
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from clinics.models import Clinic
from dashboard.devices.device_list import SILENT_DAYS, gateways_of, is_silent
from dashboard.devices.summaries import DeviceSummary, summaries_of
from devices.hardware import POOR, signal_level, silent_since
from devices.models import Assignment, Gateway
from tenovi import catalogue


@dataclass(frozen=True)
class DeviceState:
    """`state` is a key of `common.templatetags.common.STATE_ICONS`; `device` is the name of the device, "" for
    the state of all."""

    state: str
    words: str
    device: str = ""


NO_DEVICE = DeviceState("no-device", "no device")
WORST_FIRST = ("gateway-silent", "silent", "battery-low", "gateway-weak", "waiting", "fine")


def device_states(
    clinic: Clinic, patient_ids: Iterable[uuid.UUID], now: datetime.datetime
) -> dict[uuid.UUID, DeviceState]:
    """Return, for each patient with a device, the state that most needs a person. Three queries."""
    assignments = list(
        Assignment.objects.for_clinic(clinic)
        .in_force_at(now)
        .filter(patient_id__in=list(patient_ids))
        .select_related("device", "patient")
        .order_by("starts_at")
    )
    summaries = summaries_of(clinic, [assignment.device_id for assignment in assignments], now)
    gateways = gateways_of(clinic, [assignment.device for assignment in assignments])
    by_patient: defaultdict[uuid.UUID, list[DeviceState]] = defaultdict(list)
    for assignment in assignments:
        state = device_state(
            assignment, summaries[assignment.device_id], gateways.get(assignment.device.hardware_uuid), now
        )
        by_patient[assignment.holder.id].append(state)
    return {patient_id: _worst(states) for patient_id, states in by_patient.items()}


def device_state(
    assignment: Assignment, summary: DeviceSummary, gateway: Gateway | None, now: datetime.datetime
) -> DeviceState:
    """Return the state of one device that a patient has; `assignment.device` must be at hand."""
    name = str(assignment.device)
    last = summary.last_reading_at
    if is_silent(assignment.device, assignment, last, now):
        since = silent_since(gateway.last_seen_at, now) if gateway else None
        if since:
            return DeviceState("gateway-silent", f"gateway silent {_days(since, now)}", name)
        if works(summary, now):
            unused = f" {_days(last, now)}" if last else ""
            return DeviceState("silent", f"works, nobody measures{unused}", name)
        return DeviceState("silent", f"silent {_days(last, now)}" if last else "never used", name)
    if last is None:
        return DeviceState("waiting", "no reading yet", name)
    if summary.is_low:
        return DeviceState("battery-low", f"battery {summary.battery_words.removesuffix(', low')}", name)
    if gateway and signal_level(gateway.signal_strength) == POOR:
        return DeviceState("gateway-weak", "weak signal", name)
    return DeviceState("fine", "in use", name)


def works(summary: DeviceSummary, now: datetime.datetime) -> bool:
    """Whether the device itself was heard of within the days after which silence is noticed."""
    heard = summary.last_signal_at
    return heard is not None and now - heard < datetime.timedelta(SILENT_DAYS)


def keeps_words(kind: str) -> str:
    """Tell what becomes of readings that a device of this kind cannot send, "" for an unknown kind.

    By the vendor's overview ("On-device storage").
    """
    device_kind = catalogue.kind(kind)
    if device_kind is None:
        return ""
    if device_kind.stores_offline:
        return "It keeps readings: what was measured meanwhile comes once it can send again."
    return "It keeps no readings: what is measured while it cannot send is lost."


def _days(since: datetime.datetime, now: datetime.datetime) -> str:
    days = (now - since).days
    return f"{days} day{'s' * (days != 1)}"


def _worst(states: list[DeviceState]) -> DeviceState:
    worst = min(states, key=lambda state: WORST_FIRST.index(state.state))
    if worst.state == "fine":
        return DeviceState("fine", f"{len(states)} in use" if len(states) > 1 else "in use")
    return worst if len(states) > 1 else DeviceState(worst.state, worst.words)
