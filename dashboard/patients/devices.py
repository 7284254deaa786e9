"""What a patient has or had at home: in use, silent, or returned."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from django.db.models import OuterRef, Subquery
from django.urls import reverse

from common.local_day import date_in
from dashboard.devices.device_list import gateways_of
from dashboard.devices.state import DeviceState, device_state, keeps_words, works
from dashboard.devices.summaries import DeviceSummary, newest_warning, warning_word
from dashboard.patients.sparklines import DAYS, Sparkline
from devices.models import Assignment, Gateway
from measurements.models import Measurement
from patients.models import Patient
from tenovi import catalogue


def devices_of(patient: Patient, now: datetime.datetime) -> list[dict[str, Any]]:
    """Everything the patient has or had, what is in use first, as `dashboard/_devices.html` documents.
    Readings and battery are those sent while this patient had the device."""
    readings = Measurement.objects.for_clinic(patient.clinic).filter(
        clinic=patient.clinic, hwi_device_id=OuterRef("device__hwi_device_id"), patient=OuterRef("patient")
    )
    newest = readings.order_by("-taken_at")
    assigned: list[Any] = list(
        Assignment.objects.for_clinic(patient.clinic)
        .of_patient(patient)
        .select_related("device")
        .annotate(
            last_reading_at=Subquery(newest.of_use().values("taken_at")[:1]),
            last_signal_at=Subquery(newest.values("taken_at")[:1]),
            battery=Subquery(newest.filter(metric="battery_percentage").values("value_1")[:1]),
            warning=newest_warning(newest, "device__kind", now),
        )
        .order_by("ends_at", "starts_at")
    )
    gateways = gateways_of(patient.clinic, [held.device for held in assigned])
    trends = _battery_trends(patient, now)
    rows = []
    for held in sorted(assigned, key=lambda held: held.ends_at is not None):
        gateway = gateways.get(held.device.hardware_uuid)
        warned = warning_word(held.device.kind, held.device.sensor_code, held.warning)
        figures = DeviceSummary(held.last_reading_at, held.last_signal_at, held.battery, warned)
        state = device_state(held, figures, gateway, now)
        row = _device(patient, held, state, trends.get(held.device_id))
        is_out_of_reach = state.state in ("silent", "gateway-silent") and not works(figures, now)
        row["keeps"] = keeps_words(held.device.kind) if is_out_of_reach else ""
        rows.append(row | _through(patient, None if held.ends_at else gateway))
    return rows


def _through(patient: Patient, gateway: Gateway | None) -> dict[str, Any]:
    address = reverse("gateway", args=[patient.clinic.slug, gateway.id]) if gateway else ""
    return {"gateway": gateway, "gateway_url": address}


def _device(patient: Patient, held: Any, state: DeviceState, trend: Sparkline | None) -> dict[str, Any]:
    kind = catalogue.kind(held.device.kind)
    return {
        "url": reverse("device", args=[patient.clinic.slug, held.device_id]),
        "name": held.device.name or (kind.label if kind else "Device"),
        "kind": kind.label if kind else "",
        "status": held.device.status,
        "state": state if held.ends_at is None and state.state not in ("fine", "gateway-weak") else None,
        "battery": f"{held.battery:.0f} %" if held.battery is not None else "",
        "battery_trend": trend,
        "last_reading_at": held.last_reading_at,
        "last_signal_at": held.last_signal_at,
        "since": date_in(patient.zone, held.starts_at),
        "until": date_in(patient.zone, held.ends_at) if held.ends_at else None,
    }


def _battery_trends(patient: Patient, now: datetime.datetime) -> dict[uuid.UUID, Sparkline]:
    """The last word on each date about the battery of each device, over 30 days. One query."""
    first = patient.today(now) - datetime.timedelta(DAYS - 1)
    told: dict[uuid.UUID, dict[int, float]] = {}
    rows = (
        Measurement.objects.of_patient(patient)
        .filter(metric="battery_percentage", local_date__gte=first, excluded=False)
        .order_by("taken_at")
        .values_list("device_id", "local_date", "value_1")
    )
    for device_id, date, percent in rows:
        told.setdefault(device_id, {})[(date - first).days] = float(percent)
    return {device_id: _battery_line(days) for device_id, days in told.items()}


def _battery_line(days: dict[int, float]) -> Sparkline:
    words = f"Battery, {DAYS} days: {min(days.values()):.0f} to {max(days.values()):.0f} %"
    return Sparkline(
        tuple((day, percent, None) for day, percent in days.items()), False, 0, 100, words, joins=DAYS
    )
