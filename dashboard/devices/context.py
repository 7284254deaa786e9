"""Build the page of one device: who had it when, whether it is used, and what needs a person."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Max, Min
from django.urls import reverse

from clinics.models import Clinic
from common.formats import exact
from dashboard.devices.device_list import SILENT_DAYS, gateways_of, is_silent
from dashboard.devices.state import keeps_words, works
from dashboard.devices.stock import in_stock
from dashboard.devices.summaries import DeviceSummary, summaries_of
from devices.forms import LABELS, PropertyForm
from devices.hardware_log import progress_of_device
from devices.models import Assignment, Device, DeviceProperty, Gateway, HardwareChange
from devices.pending_requests import pending_requests_of
from devices.properties import PASSKEY, keys_for, states_of
from fulfillment.models import Order
from fulfillment.shipments.remedies import Way, way_of
from fulfillment.vendor_statuses import status_named
from measurements.models import Measurement
from measurements.shown.presentation import marks_of, meaning_of
from patients.models import Patient
from tenovi import catalogue

READINGS = 12
HARDWARE = 20


@dataclass(frozen=True)
class Work:
    """Something about a device that a person has to mend: the problem, the next step, and its page, if any."""

    sentence: str
    next_step: str
    form: PropertyForm | None = None
    """Ends it, where one value does: it is sent to the device's properties by who may manage devices."""
    key: str = ""
    way: Way | None = None


@dataclass(frozen=True)
class Unclaimed:
    """Readings of a device that belong to no patient."""

    count: int
    first: datetime.datetime | None
    last: datetime.datetime | None


def context(device: Device, now: datetime.datetime) -> dict[str, Any]:
    """Return the context that `dashboard/device.html` documents."""
    clinic = device.clinic
    assignments = list(_periods(clinic, device))
    current = next(
        (
            assignment
            for assignment in assignments
            if assignment.starts_at <= now and (not assignment.ends_at or assignment.ends_at > now)
        ),
        None,
    )
    holding = current if current and current.patient else None
    summary = summaries_of(clinic, [device.id], now)[device.id]
    gateway = gateways_of(clinic, [device]).get(device.hardware_uuid)
    kind = catalogue.kind(device.kind)
    pending_requests = pending_requests_of(clinic, [device.hwi_device_id])[device.hwi_device_id]
    return {
        "device": device,
        "title": device.name or (kind.label if kind else "Device"),
        "kind": kind,
        "holder": _period(clinic, holding) if holding else None,
        "nobody": _period(clinic, current) if current and not holding else None,
        "in_stock": device.id in in_stock(clinic, [device.id]) and not device.unlinked_at,
        "figures": summary,
        "gateway": gateway,
        "gateway_url": reverse("gateway", args=[clinic.slug, gateway.id]) if gateway else "",
        "work": _work(device, assignments, current, summary, gateway, now),
        "assignments": [_period(clinic, assignment) for assignment in assignments],
        "readings": _readings(clinic, device),
        "pending_requests": pending_requests,
        "under_way": any(not pending.refused for pending in pending_requests),
        "hardware": _hardware(clinic, device),
        "log": progress_of_device(device),
        "back_url": reverse("devices", args=[clinic.slug]),
        "zone": clinic.zone,
    }


def _periods(clinic: Clinic, device: Device) -> Any:
    periods = Assignment.periods.for_clinic(clinic).filter(device=device)
    return periods.select_related("patient", "decided_by").order_by("-starts_at")


def _period(clinic: Clinic, assignment: Assignment) -> dict[str, Any]:
    return {
        "patient": assignment.patient,
        "url": reverse("patient", args=[clinic.slug, assignment.patient_id]) if assignment.patient else "",
        "decided_by": assignment.decided_by,
        "decided_at": assignment.created_at,
        "starts_at": assignment.starts_at,
        "ends_at": assignment.ends_at,
        "reaches_back": assignment.reaches_back,
    }


def _hardware(clinic: Clinic, device: Device) -> Any:
    changes = HardwareChange.objects.for_clinic(clinic).filter(hwi_device_id=device.hwi_device_id)
    return changes.order_by(F("changed_at").desc(nulls_last=True), "-id")[:HARDWARE]


def _readings(clinic: Clinic, device: Device) -> list[dict[str, Any]]:
    """Return when the newest readings were taken and received, and of which patient; never a value."""
    newest = (
        Measurement.objects.for_clinic(clinic)
        .filter(hwi_device_id=device.hwi_device_id)
        .select_related("device", "patient__clinic")
        .order_by("-taken_at", "metric", "id")
    )
    return [
        {
            "taken_at": reading.taken_at,
            "received_at": reading.received_at,
            "label": meaning_of(reading).label,
            "marks": [mark for mark in marks_of(reading) if mark != "above_range"],
            "patient": reading.patient,
            "patient_url": reverse("patient", args=[clinic.slug, reading.patient_id])
            if reading.patient
            else "",
            "zone": reading.patient.zone if reading.patient else clinic.zone,
        }
        for reading in newest[:READINGS]
    ]


def _work(
    device: Device,
    assignments: list[Assignment],
    current: Assignment | None,
    summary: DeviceSummary,
    gateway: Gateway | None,
    now: datetime.datetime,
) -> list[Work]:
    holding = current if current and current.patient else None
    work = _about_status(device, holding.patient if holding else None)
    if summary.unclaimed:
        work.append(_about_unclaimed(device, assignments, holding, now))
    work += _about_passkey(device)
    work += _about_properties(device)
    if "hardware_uuid" in device.unsent:
        work.append(
            Work(
                f"Hardware {device.hardware_uuid} is recorded here; Tenovi has "
                f"{device.unsent['hardware_uuid'] or 'none'} for this device.",
                "Ours is being sent, and again each night. If it stays so, compare the label, and say which "
                "is right under “Who has it”.",
            )
        )
    if current and device.has_another_patient_at_the_vendor:
        work.append(_about_another_patient(device, current))
    if holding and device.unlinked_at:
        work.append(
            Work(
                "It is unlinked at Tenovi, so no reading can come, and the patient still has it here.",
                "If the patient is to go on, order another device; and say that nobody has this one.",
            )
        )
    elif device.unlinked_by_vendor and assignments and not holding:
        patient, at = assignments[0].patient, exact(device.unlinked_at or now, device.clinic.zone, now)
        work.append(
            Work(
                f"Tenovi unlinked it, {at}. Nobody here asked for that, and {patient} had it until then.",
                "Ask Tenovi why. If the patient is to go on, order another device.",
            )
        )
    elif holding and is_silent(device, holding, summary.last_reading_at, now):
        work.append(_about_silence(device, gateway, summary, now))
    if summary.is_low:
        level = summary.battery_warning if summary.battery is None else f"at {summary.battery:.0f} %"
        work.append(Work(f"Its battery is {level}.", "Ask the patient to replace the batteries."))
    if not catalogue.kind(device.kind):
        work.append(
            Work(
                "Vitaldays does not know this kind of device. Its readings are kept, and a metric we know is "
                "read as on other devices.",
                "Tell whoever runs the server the device’s name and sensor code.",
            )
        )
    return work


def _about_passkey(device: Device) -> list[Work]:
    """A meter that pairs by a passkey is silent without one (https://tenovi.com/hwi-device-overview/)."""
    if PASSKEY not in keys_for(device) or device.unlinked_at or device.deleted_at:
        return []
    passkey = DeviceProperty.objects.for_clinic(device.clinic).filter(device=device, key=PASSKEY).first()
    if passkey and passkey.value:
        return []
    return [
        Work(
            "Its Bluetooth passkey is not set, and the meter cannot pair with its gateway without: no reading comes.",
            "Enter the last 6 digits of the serial number on the meter’s label. Tenovi is told right away.",
            PropertyForm(PASSKEY),
            PASSKEY,
        )
    ]


def _about_properties(device: Device) -> list[Work]:
    """Name the properties that differ at the vendor from what was set here; never a value."""
    if device.unlinked_at or device.deleted_at:
        return []
    keys = [state.property.key for state in states_of(device) if state.differs]
    if not keys:
        return []
    names = ", ".join(LABELS.get(key, key) for key in keys)
    url = reverse("device-properties", args=[device.clinic.slug, device.id])
    return [
        Work(
            f"Tenovi does not have what was set here: {names}.",
            "Save it once more, or save what Tenovi has.",
            way=Way("Open the properties", url),
        )
    ]


def _about_another_patient(device: Device, current: Assignment) -> Work:
    sentence = f"Tenovi has this device under {device.vendor_patient_id}, "
    if current.patient is None:
        return Work(
            f"{sentence}here somebody has said that nobody has it. Its readings go to no patient, and "
            "Tenovi charges for it.",
            "If that patient has it, say since when; if nobody does, stop using it, so that charges end.",
        )
    return Work(
        f"{sentence}here it belongs to {current.patient.external_id}. Nothing is moved by itself.",
        "Find out who has it, and say so: here it is corrected, or Tenovi is told.",
    )


def _about_status(device: Device, patient: Patient | None) -> list[Work]:
    """Return what the vendor's status asks of the clinic."""
    status = status_named(device.status)
    if not (device.status and status.act) or device.unlinked_at or device.deleted_at:
        return []
    order = Order.objects.for_clinic(device.clinic).filter(device=device).first()
    held_for = f" Tenovi says: {device.held_for}" if device.held_for else ""
    way = way_of(device.clinic, status, device, order, patient)
    return [Work(f"{status.name}: {status.meaning}{held_for}", status.turn, way=way)]


def _about_unclaimed(
    device: Device, assignments: list[Assignment], holding: Assignment | None, now: datetime.datetime
) -> Work:
    zone = device.clinic.zone
    span = Unclaimed(
        **Measurement.objects.for_clinic(device.clinic)
        .unassigned()
        .filter(device=device)
        .aggregate(count=Count("id"), first=Min("taken_at"), last=Max("taken_at"))
    )
    is_single = span.count == 1
    noun = "reading belongs" if is_single else "readings belong"
    when = "" if not span.first or not span.last else f"taken {exact(span.first, zone, now)}"
    if span.first and span.last and span.first != span.last:
        when = f"taken from {exact(span.first, zone, now)} to {exact(span.last, zone, now)}"
    sentence = f"{span.count:,} {noun} to no patient ({when}) and count{'s' * is_single} for nobody."
    if not assignments:
        step = (
            "Say who has it, and since when: readings from then on are theirs. Or enter the patient in "
            "Tenovi, which is read at the next sync."
        )
    elif holding is None:
        step = "Find out who has it now, and since when, and say so: readings from then on are theirs."
    else:
        step = (
            f"Find out who used it then. Before {exact(holding.starts_at, zone, now)} it is nobody’s; say "
            "since when the patient has it, and the readings from then on are theirs."
        )
    return Work(sentence, step)


def _about_silence(
    device: Device, gateway: Gateway | None, summary: DeviceSummary, now: datetime.datetime
) -> Work:
    last, heard = summary.last_reading_at, summary.last_signal_at
    keeps = keeps_words(device.kind)
    sentence = f"No reading for {(now - last).days} days." if last else "No reading ever."
    if not last:
        sentence = f"In use for more than {SILENT_DAYS} days without a single reading."
    if heard and works(summary, now):
        return Work(
            f"{sentence} It works, its last signal is of {exact(heard, device.clinic.zone, now)}, but nobody measures.",
            "Call the patient and ask what keeps them from using it.",
        )
    if gateway and gateway.silent_since:
        return Work(
            f"{sentence} Its gateway has been silent since "
            f"{exact(gateway.silent_since, device.clinic.zone, now)}. {keeps}".strip(),
            "Ask the patient whether the gateway is plugged in, and to move it nearer to a window.",
        )
    return Work(
        f"{sentence} {keeps}".strip(),
        "Call the patient: is it in use, are its batteries charged, is it near its gateway?",
    )
