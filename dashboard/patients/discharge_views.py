"""Preview and carry out a patient's discharge, and list what Tenovi still charges after it."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from clinics.access import ClinicAccess, Permission, clinic_page
from common.formats import exact
from dashboard.moment_form import MomentForm
from devices.models import Assignment, Device, DeviceType, Discharge
from devices.pending_requests import PendingRequest, pending_requests_of
from measurements.actions.discharge import GivenLater, devices_held, discharge_patient
from measurements.actions.reassignment import preview
from patients.access import patient_for
from patients.models import Patient


class DischargeForm(MomentForm):
    """When the patient left, and whether the devices are deleted at the vendor too."""

    delete = forms.BooleanField(
        label="Delete the devices at Tenovi, too",
        help_text="Tenovi refuses that for a device whose order was fulfilled; it is unlinked all the same.",
        required=False,
    )


@clinic_page(Permission.MANAGE_DEVICES)
@require_http_methods(["GET", "HEAD", "POST"])
def discharge(request: HttpRequest, access: ClinicAccess, patient_id: uuid.UUID) -> HttpResponse:
    patient = patient_for(access, patient_id)
    step = request.POST.get("do", "")
    form = DischargeForm(access.clinic, request.POST if step in ("look", "discharge") else None)
    is_seen = False
    if form.is_bound and form.is_valid() and form.since:
        late = next((held for held in devices_held(patient) if held.starts_at >= form.since), None)
        if late:
            form.add_error("day", _given_later(late))
        elif step == "look":
            is_seen = True
        elif _done(request, access, patient, form, form.since):
            return redirect("patient-discharge", access.clinic.slug, patient.id)
    return render(
        request, "dashboard/discharge.html", context(patient, form, form.since if is_seen else None)
    )


def context(patient: Patient, form: DischargeForm, seen: datetime.datetime | None) -> dict[str, Any]:
    """Return what `dashboard/discharge.html` documents; `seen` is the chosen moment, once it may be carried out."""
    held = devices_held(patient)
    rows = [*held, *_left_behind(patient)]
    prices = _prices(patient, [row.device for row in rows])
    pending_requests = pending_requests_of(patient.clinic, [row.device.hwi_device_id for row in rows])
    devices = [_row(row, prices, pending_requests.get(row.device.hwi_device_id, [])) for row in rows]
    charged = [row for row in devices if row["is_charged"]]
    discharges = Discharge.objects.for_clinic(patient.clinic).filter(patient=patient)
    return {
        "patient": patient,
        "form": form,
        "seen": seen,
        "later_readings": sum(_later(assignment, seen) for assignment in held) if seen else 0,
        "held": held,
        "devices": devices,
        "charged": charged,
        "charged_monthly": sum((row["price"] for row in charged if row["price"]), Decimal()),
        "discharges": discharges.select_related("asked_by").order_by("-created_at")[:5],
        "zone": patient.clinic.zone,
    }


def _done(
    request: HttpRequest, access: ClinicAccess, patient: Patient, form: DischargeForm, at: datetime.datetime
) -> bool:
    try:
        discharge_patient(patient=patient, at=at, by=access.user, delete=form.cleaned_data["delete"])
    except GivenLater as later:  # another person assigned a device in this moment
        form.add_error("day", _given_later(later.held))
        return False
    messages.success(request, f"{patient} is discharged. Tenovi is asked to unlink each device.")
    return True


def _given_later(held: Assignment) -> str:
    began = exact(held.starts_at, held.clinic.zone, held.starts_at)
    return f"{held.device} was given to the patient after that, on {began}."


def _later(held: Assignment, since: datetime.datetime) -> int:
    return sum(row.readings for row in preview(held.device, None, since).leaving)


def _left_behind(patient: Patient) -> list[Assignment]:
    """Return the latest assignment of each device that the patient was the last to have."""
    devices = Assignment.objects.for_clinic(patient.clinic).of_patient(patient).values("device")
    last = (
        Assignment.objects.for_clinic(patient.clinic)
        .filter(device__in=devices)
        .order_by("device", "-starts_at")
    )
    rows = last.distinct("device").select_related("device", "clinic")
    return [row for row in rows if row.patient_id == patient.id and row.ends_at]


def _prices(patient: Patient, devices: list[Device]) -> dict[str, Decimal | None]:
    named = DeviceType.objects.for_clinic(patient.clinic).filter(name__in={device.name for device in devices})
    return dict(named.values_list("name", "monthly_cost"))


def _row(
    held: Assignment, prices: dict[str, Decimal | None], pending_requests: list[PendingRequest]
) -> dict[str, Any]:
    device = held.device
    slug = held.clinic.slug
    return {
        "device": device,
        "url": reverse("device", args=[slug, device.id]),
        "end_url": reverse("device-end", args=[slug, device.id]),
        "ends_at": held.ends_at,
        "price": prices.get(device.name),
        "is_charged": not (device.unlinked_at or device.deleted_at),
        "pending_requests": pending_requests,
    }
