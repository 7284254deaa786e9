"""Build the page of one gateway: whether and how well it is heard, and whose readings go through it."""

from __future__ import annotations

import datetime
from typing import Any

from django.urls import reverse

from clinics.models import Clinic
from common.formats import exact
from dashboard.devices.former_devices import formerly_behind
from dashboard.devices.gateway_alerts import words_about
from dashboard.devices.gateway_list import newest_firmware_of, samples_of
from dashboard.devices.summaries import summaries_of
from devices.hardware import WEAK_BELOW
from devices.models import Assignment, Device, Gateway
from tenovi import catalogue

FORMER = 50


def context(gateway: Gateway, now: datetime.datetime) -> dict[str, Any]:
    """Return the context that `dashboard/gateway.html` documents."""
    clinic = gateway.clinic
    newest = newest_firmware_of(clinic)
    devices = _devices(clinic, gateway, now)
    former = formerly_behind(gateway)
    samples = samples_of(clinic, [gateway.id], now)[gateway.id]
    return {
        "gateway": gateway,
        "headline": _headline(gateway, now),
        "alert": words_about(clinic, [gateway.id]).get(gateway.id, ""),
        "next_step": _next_step(gateway, devices),
        "samples": samples,
        "newest_samples": samples[::-1][:10],
        "newest_firmware": "" if gateway.firmware_version in ("", newest) else newest,
        "devices": devices,
        "former": former[:FORMER],
        "earlier": max(0, len(former) - FORMER),
        "back_url": reverse("gateways", args=[clinic.slug]),
        "zone": clinic.zone,
    }


def _devices(clinic: Clinic, gateway: Gateway, now: datetime.datetime) -> list[dict[str, Any]]:
    devices = list(
        Device.objects.for_clinic(clinic).filter(hardware_uuid=gateway.gateway_id).order_by("name", "id")
    )
    summaries = summaries_of(clinic, [device.id for device in devices], now)
    assignments = Assignment.objects.for_clinic(clinic).in_force_at(now).filter(device__in=devices)
    patients = {
        assignment.device_id: assignment.patient for assignment in assignments.select_related("patient")
    }
    rows = []
    for device in devices:
        patient, kind = patients.get(device.id), catalogue.kind(device.kind)
        rows.append(
            {
                "url": reverse("device", args=[clinic.slug, device.id]),
                "name": device.name or (kind.label if kind else "Device"),
                "status": device.status,
                "figures": summaries[device.id],
                "patient": patient,
                "patient_url": reverse("patient", args=[clinic.slug, patient.id]) if patient else "",
            }
        )
    return rows


def _headline(gateway: Gateway, now: datetime.datetime) -> str:
    if gateway.silent_since:
        return f"Silent since {exact(gateway.silent_since, gateway.clinic.zone, now)}."
    if gateway.last_seen_at is None:
        return "Nothing has been heard of it yet."
    if gateway.signal_strength is not None and gateway.signal_strength < WEAK_BELOW:
        return "It is heard, but its signal is poor: readings may come late or be lost."
    return "It is heard."


def _next_step(gateway: Gateway, devices: list[dict[str, Any]]) -> str:
    if not any(row["patient"] for row in devices):
        return ""
    if gateway.silent_since or gateway.last_seen_at is None:
        return "Ask the patient whether it is plugged in and its light is on."
    if gateway.signal_strength is not None and gateway.signal_strength < WEAK_BELOW:
        return "Ask the patient to move it nearer to a window, away from metal and from other devices."
    return ""
