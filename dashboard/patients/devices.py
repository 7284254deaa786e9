"""The devices that a patient has or had at home: in use, silent, or returned."""

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
    """Return all devices the patient has or had, those in use first, as `dashboard/_devices.html` documents.

    Readings and battery are those sent while this patient had the device.
    """
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
    gateways = gateways_of(patient.clinic, [assignment.device for assignment in assigned])
    trends = _battery_trends(patient, now)
    rows = []
    for assignment in sorted(assigned, key=lambda assignment: assignment.ends_at is not None):
        gateway = gateways.get(assignment.device.hardware_uuid)
        warned = warning_word(assignment.device.kind, assignment.device.sensor_code, assignment.warning)
        figures = DeviceSummary(
            assignment.last_reading_at, assignment.last_signal_at, assignment.battery, warned
        )
        state = device_state(assignment, figures, gateway, now)
        row = _device(patient, assignment, state, trends.get(assignment.device_id))
        is_out_of_reach = state.state in ("silent", "gateway-silent") and not works(figures, now)
        row["keeps"] = keeps_words(assignment.device.kind) if is_out_of_reach else ""
        rows.append(row | _through(patient, None if assignment.ends_at else gateway))
    return rows


def _through(patient: Patient, gateway: Gateway | None) -> dict[str, Any]:
    address = reverse("gateway", args=[patient.clinic.slug, gateway.id]) if gateway else ""
    return {"gateway": gateway, "gateway_url": address}


def _device(patient: Patient, assignment: Any, state: DeviceState, trend: Sparkline | None) -> dict[str, Any]:
    kind = catalogue.kind(assignment.device.kind)
    return {
        "url": reverse("device", args=[patient.clinic.slug, assignment.device_id]),
        "name": assignment.device.name or (kind.label if kind else "Device"),
        "kind": kind.label if kind else "",
        "status": assignment.device.status,
        "state": state
        if assignment.ends_at is None and state.state not in ("fine", "gateway-weak")
        else None,
        "battery": f"{assignment.battery:.0f} %" if assignment.battery is not None else "",
        "battery_trend": trend,
        "last_reading_at": assignment.last_reading_at,
        "last_signal_at": assignment.last_signal_at,
        "since": date_in(patient.zone, assignment.starts_at),
        "until": date_in(patient.zone, assignment.ends_at) if assignment.ends_at else None,
    }


def _battery_trends(patient: Patient, now: datetime.datetime) -> dict[uuid.UUID, Sparkline]:
    """Return the last battery level of each date, by device, over `DAYS` days. One query."""
    first = patient.today(now) - datetime.timedelta(DAYS - 1)
    levels: dict[uuid.UUID, dict[int, float]] = {}
    rows = (
        Measurement.objects.of_patient(patient)
        .filter(metric="battery_percentage", local_date__gte=first, excluded=False)
        .order_by("taken_at")
        .values_list("device_id", "local_date", "value_1")
    )
    for device_id, date, percent in rows:
        levels.setdefault(device_id, {})[(date - first).days] = float(percent)
    return {device_id: _battery_line(days) for device_id, days in levels.items()}


def _battery_line(days: dict[int, float]) -> Sparkline:
    words = f"Battery, {DAYS} days: {min(days.values()):.0f} to {max(days.values()):.0f} %"
    return Sparkline(
        tuple((day, percent, None) for day, percent in days.items()), False, 0, 100, words, joins=DAYS
    )
