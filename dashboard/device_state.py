"""How a patient's devices are doing, in one shape and a few words: what a nurse would ask about first."""

from __future__ import annotations

import datetime
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from clinics.models import Clinic
from dashboard.device_figures import DeviceFigures, figures_of
from dashboard.device_list import gateways_of, is_silent
from devices.hardware import POOR, signal_level, silent_since
from devices.models import Assignment, Gateway


@dataclass(frozen=True)
class DeviceState:
    """`state` is a key of `clinics.templatetags.vitaldays.STATE_ICONS`; `device` is whose state it
    is, "" when it is that of all."""

    state: str
    words: str
    device: str = ""


NO_DEVICE = DeviceState("no-device", "no device")
WORST_FIRST = ("gateway-silent", "silent", "battery-low", "gateway-weak", "waiting", "fine")


def device_states(
    clinic: Clinic, patient_ids: Iterable[uuid.UUID], now: datetime.datetime
) -> dict[uuid.UUID, DeviceState]:
    """Of each patient with a device, the state that most needs somebody. Three queries."""
    held = list(
        Assignment.objects.for_clinic(clinic)
        .in_force_at(now)
        .filter(patient_id__in=list(patient_ids))
        .select_related("device", "patient")
        .order_by("starts_at")
    )
    figures = figures_of(clinic, [one.device_id for one in held], now)
    gateways = gateways_of(clinic, [one.device for one in held])
    found: defaultdict[uuid.UUID, list[DeviceState]] = defaultdict(list)
    for one in held:
        state = device_state(one, figures[one.device_id], gateways.get(one.device.hardware_uuid), now)
        found[one.holder.id].append(state)
    return {patient_id: _worst(states) for patient_id, states in found.items()}


def device_state(
    held: Assignment, figures: DeviceFigures, gateway: Gateway | None, now: datetime.datetime
) -> DeviceState:
    """Of one device that somebody has; `held.device` must be at hand."""
    name = str(held.device)
    last = figures.last_reading_at
    if is_silent(held.device, held, last, now):
        since = silent_since(gateway.last_seen_at, now) if gateway else None
        if since:
            return DeviceState("gateway-silent", f"gateway silent {_days(since, now)}", name)
        return DeviceState("silent", f"silent {_days(last, now)}" if last else "never used", name)
    if last is None:
        return DeviceState("waiting", "no reading yet", name)
    if figures.is_low:
        return DeviceState("battery-low", f"battery {figures.battery_words.removesuffix(', low')}", name)
    if gateway and signal_level(gateway.signal_strength) == POOR:
        return DeviceState("gateway-weak", "weak signal", name)
    return DeviceState("fine", "in use", name)


def _days(since: datetime.datetime, now: datetime.datetime) -> str:
    days = (now - since).days
    return f"{days} day{'s' * (days != 1)}"


def _worst(states: list[DeviceState]) -> DeviceState:
    worst = min(states, key=lambda one: WORST_FIRST.index(one.state))
    if worst.state == "fine":
        return DeviceState("fine", f"{len(states)} in use" if len(states) > 1 else "in use")
    return worst if len(states) > 1 else DeviceState(worst.state, worst.words)
