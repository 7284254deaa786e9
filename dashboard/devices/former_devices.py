"""List the devices that once were behind a gateway, and their patients then, by the vendor's log."""

from __future__ import annotations

import datetime
import itertools
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from clinics.models import Clinic
from devices.models import Assignment, Device, Gateway, HardwareChange
from tenovi import catalogue


@dataclass(frozen=True, slots=True)
class Spell:
    """A device was behind a gateway in this span, half-open. None where the log does not say when.

    `is_gapless`: no entry is missing, so that the patient who had the device in this span had it there.
    """

    hwi_device_id: uuid.UUID
    since: datetime.datetime | None
    until: datetime.datetime | None
    is_open: bool = False
    is_gapless: bool = True


def formerly_behind(gateway: Gateway) -> list[dict[str, Any]]:
    """Return the former devices of `dashboard/gateway.html`, the last that left first. Three queries at
    most."""
    clinic = gateway.clinic
    log = HardwareChange.objects.for_clinic(clinic).of_devices_once_with(gateway.gateway_id)
    spells = spells_behind(gateway.gateway_id, log)
    names = {spell.hwi_device_id for spell in spells}
    devices = {
        device.hwi_device_id: device
        for device in Device.objects.for_clinic(clinic).filter(hwi_device_id__in=names)
    }
    here = {key for key, device in devices.items() if device.hardware_uuid == gateway.gateway_id}
    former = [spell for spell in spells if not (spell.is_open and spell.hwi_device_id in here)]
    former.sort(
        key=lambda spell: (spell.until is not None, spell.until or spell.since or _NEVER), reverse=True
    )
    assignments = _held(clinic, devices.values())
    return [
        _row(clinic, spell, devices.get(spell.hwi_device_id), assignments[spell.hwi_device_id])
        for spell in former
    ]


def spells_behind(hardware_id: str, log: Iterable[HardwareChange]) -> list[Spell]:
    """Return when each device was behind this hardware; `log` has each device's entries, oldest first."""
    spells = []
    for hwi_device_id, changes in itertools.groupby(log, key=lambda change: change.hwi_device_id):
        since, is_behind, is_first = None, False, True
        for change in changes:
            had, has = change.old_hardware_uuid == hardware_id, change.new_hardware_uuid == hardware_id
            if (had or is_behind) and not has:
                until = change.changed_at if had else None
                is_gapless = had and (is_first or since is not None)
                spells.append(Spell(hwi_device_id, since, until, is_gapless=is_gapless))
                since, is_behind = None, False
            elif has and not is_behind:
                since, is_behind = None if had else change.changed_at, True
            is_first = False
        if is_behind:
            spells.append(Spell(hwi_device_id, since, None, is_open=True))
    return spells


_NEVER = datetime.datetime.min.replace(tzinfo=datetime.UTC)


def _held(clinic: Clinic, devices: Iterable[Device]) -> defaultdict[uuid.UUID, list[Assignment]]:
    by_device: defaultdict[uuid.UUID, list[Assignment]] = defaultdict(list)
    assignments = Assignment.objects.for_clinic(clinic).filter(device__in=list(devices))
    for assignment in assignments.select_related("patient", "device").order_by("starts_at"):
        by_device[assignment.device.hwi_device_id].append(assignment)
    return by_device


def _row(
    clinic: Clinic, spell: Spell, device: Device | None, assignments: list[Assignment]
) -> dict[str, Any]:
    kind = catalogue.kind(device.kind) if device else None
    patients = {
        assignment.holder.id: assignment.holder for assignment in assignments if _overlap(spell, assignment)
    }
    return {
        "url": reverse("device", args=[clinic.slug, device.id]) if device else "",
        "name": (device and device.name) or (kind.label if kind else "Device"),
        "hwi_device_id": spell.hwi_device_id,
        "since": spell.since,
        "until": spell.until,
        "patients": [
            {"patient": patient, "url": reverse("patient", args=[clinic.slug, patient.id])}
            for patient in patients.values()
        ],
    }


def _overlap(spell: Spell, assignment: Assignment) -> bool:
    """Whether the patient surely had the device while it was behind the gateway.

    A spell without an end names no patient: a later one may have had the device elsewhere.
    """
    if spell.until is None or not spell.is_gapless or assignment.starts_at >= spell.until:
        return False
    return assignment.ends_at is None or spell.since is None or assignment.ends_at > spell.since
