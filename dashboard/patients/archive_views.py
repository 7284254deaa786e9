"""Delete, archive and restore a patient, and list the archived ones."""

from __future__ import annotations

import uuid

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinics.access import ClinicAccess, Permission, clinic_page
from common.forms import StyledForm
from common.pages import page_of
from measurements.actions.discharge import devices_held
from patients.access import patient_for
from patients.actions.archiving import DeletionUnderWay, archive_patient, has_history, restore_patient
from patients.models import Patient

PAGE_SIZE = 50


class DeleteForm(StyledForm):
    """Why a patient is deleted, and whether at the vendor too."""

    reason = forms.CharField(
        label="Why?",
        max_length=300,
        error_messages={"required": "Say why in a few words: it stays in the record."},
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    at_vendor = forms.BooleanField(
        label="Delete the record at Tenovi, too",
        required=False,
        help_text="Tenovi cannot bring it back. Without the tick, Tenovi keeps its record.",
    )


@clinic_page(Permission.MANAGE_DEVICES)
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, access: ClinicAccess, patient_id: uuid.UUID) -> HttpResponse:
    patient = patient_for(access, patient_id)
    held = devices_held(patient)
    kept = has_history(patient)
    sent = request.POST if request.method == "POST" else None
    form = DeleteForm(sent, initial={"at_vendor": not kept})
    if request.method == "POST" and not held and not patient.archived_at and form.is_valid():
        gone = archive_patient(patient=patient, by=access.user, **form.cleaned_data)
        messages.success(request, f"{patient} is {'deleted' if gone else 'archived'}.")
        return redirect("patients", access.clinic.slug)
    context = {"patient": patient, "form": form, "held": held, "has_history": kept}
    return render(request, "dashboard/patient_delete.html", context)


@clinic_page(Permission.MANAGE_DEVICES)
@require_POST
def restore(request: HttpRequest, access: ClinicAccess, patient_id: uuid.UUID) -> HttpResponse:
    patient = patient_for(access, patient_id)
    try:
        restore_patient(patient=patient, by=access.user)
    except DeletionUnderWay:
        words = "Tenovi is being asked to delete the record in this moment. Try again in a minute."
        messages.error(request, words)
    else:
        messages.success(request, f"{patient} is back in the lists.")
    return redirect("patient", access.clinic.slug, patient.id)


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def archived(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    rows = Patient.objects.for_clinic(access.clinic).archived().order_by("name", "external_id")
    page = page_of(rows, request.GET.get("page"), PAGE_SIZE, lambda listed: listed)
    context = {"page": page, "clinic": access.clinic, "zone": access.clinic.zone}
    return render(request, "dashboard/patients_archived.html", context)
