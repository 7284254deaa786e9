"""Let a person say who has a device, and from when: entered, previewed, then done."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from clinics.access import ClinicAccess, Permission, clinic_page
from clinics.models import Clinic
from dashboard.moment_form import MomentForm
from devices.access import device_for
from devices.actions.ending import ENDS, EndingUnderWay
from devices.actions.wanted import send_again, take_said
from devices.models import Assignment, Device
from devices.pending_requests import pending_requests_of
from measurements.actions.reassignment import give_device, keep_holder, preview
from patients.models import Patient
from tenovi.inbound import deliveries

MOST_FOUND = 10
HARDWARE = {
    "send": (send_again, "Tenovi is told which hardware it has."),
    "take": (take_said, "The hardware is the one that Tenovi has on record."),
}
UNDER_WAY = "It is being unlinked or deleted at Tenovi at this moment. Wait for the answer, then look at the device again."


class AssignmentForm(MomentForm):
    """The patient who has a device, and from when on."""

    patient = forms.CharField(
        label="Patient, by id or name",
        max_length=200,
        required=False,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    nobody = forms.BooleanField(label="Nobody: it is back at the clinic, or lost", required=False)
    found: list[Patient]
    holder: Patient | None = None

    def clean(self) -> dict[str, Any]:
        """Find the patient: by id, else by a part of name or id that only one patient has."""
        text = str(self.cleaned_data.get("patient", "")).strip()
        self.found = []
        if self.cleaned_data.get("nobody"):
            if text:
                self.add_error("nobody", "Either a patient or nobody.")
        elif "patient" in self.errors:
            pass
        elif not text:
            self.add_error("patient", "Say who has it, or tick that nobody does.")
        else:
            self._find(text)
        return super().clean()

    def _find(self, text: str) -> None:
        everybody = Patient.objects.for_clinic(self.clinic).present()
        self.holder = everybody.with_external_id(text).first()
        if self.holder is None:
            self.found = list(everybody.matching(text).order_by("name", "id")[: MOST_FOUND + 1])
            if len(self.found) == 1:
                self.holder, self.found = self.found[0], []
            else:
                many = (
                    "More than one patient fits: choose one above." if self.found else "No patient fits this."
                )
                self.add_error("patient", many)


@clinic_page(Permission.MANAGE_DEVICES)
@require_http_methods(["GET", "HEAD", "POST"])
def device_holder(request: HttpRequest, access: ClinicAccess, device_id: uuid.UUID) -> HttpResponse:
    device = device_for(access, device_id)
    action = request.POST.get("do", "")
    form = AssignmentForm(access.clinic, request.POST if action in ("look", "give") else None)
    seen = None
    pending_requests = pending_requests_of(access.clinic, [device.hwi_device_id])[device.hwi_device_id]
    ends = [pending for pending in pending_requests if pending.kind in ENDS]
    if action == "keep" and keep_holder(device=device, by=access.user):
        deliveries.resettle_for_device(access.clinic, device.hwi_device_id)
        messages.success(request, "Tenovi is told who has it. Readings that waited for this are settled.")
        return redirect("device", access.clinic.slug, device.id)
    if action in HARDWARE and device.unsent:
        deed, message = HARDWARE[action]
        deed(device=device, by=access.user)
        messages.success(request, message)
        return redirect("device", access.clinic.slug, device.id)
    if form.is_bound and form.is_valid() and form.since:
        seen = preview(device, form.holder, form.since)
        if seen.is_idle:
            form.add_error("patient", "This is how it is written already: nothing would change.")
            seen = None
        elif form.holder and any(ending.state == "sending" for ending in ends):
            form.add_error("patient", UNDER_WAY)
            seen = None
        elif action == "give" and _gives(request, access, device, form, form.since):
            return redirect("device", access.clinic.slug, device.id)
    if form.errors:
        seen = None
    current = _current(access.clinic, device)
    context = {
        "device": device,
        "form": form,
        "found": form.found[:MOST_FOUND] if form.is_bound else [],
        "seen": seen,
        "holding": current if current and current.patient else None,
        "nobody": current if current and not current.patient else None,
        "pending_requests": pending_requests,
        "withdrawn": ends if form.is_bound and form.holder else [],
        "zone": access.clinic.zone,
    }
    return render(request, "dashboard/device_holder.html", context)


def _gives(
    request: HttpRequest, access: ClinicAccess, device: Device, form: AssignmentForm, since: datetime.datetime
) -> bool:
    """Reassign the device. Returns whether it was done; else the form says why not."""
    try:
        moved = give_device(device=device, patient=form.holder, since=since, by=access.user)
    except EndingUnderWay:  # it began to be sent in this very moment
        form.add_error("patient", UNDER_WAY)
        return False
    deliveries.resettle_for_device(access.clinic, device.hwi_device_id)
    who = f"{form.holder} has it" if form.holder else "Nobody has it"
    readings = f"{moved:,} reading{'s' * (moved != 1)} changed hands; their days are counted anew."
    messages.success(request, f"{who} from then on. {readings}")
    return True


def _current(clinic: Clinic, device: Device) -> Assignment | None:
    assignments = Assignment.periods.for_clinic(clinic).filter(device=device).in_force_at(timezone.now())
    return assignments.select_related("patient", "decided_by").first()
