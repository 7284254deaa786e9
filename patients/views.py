"""Add a patient, change the record, and decide what is sent of it to the vendor."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from clinics.access import ClinicAccess, Permission, clinic_page
from clinics.models import time_zone_names
from patients.access import enrollment_for, patient_for
from patients.actions import enrollments, records
from patients.forms import ConfirmAddressForm, EndForm, EnrollmentFields, NewPatientForm, RecordForm
from patients.models import Enrollment, Patient, PeriodAnchor
from patients.presentation import address_words, dates_of, in_words
from patients.validation import TAKEN

ADDRESS_REASONS = (
    "The patient spelled it out on the phone",
    "Parcels have arrived there before",
    "It stands on a letter or bill of the patient",
)
"""Suggestions: any other words will do."""


@clinic_page(Permission.EDIT_PATIENTS)
@require_http_methods(["GET", "HEAD", "POST"])
def new_patient(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    sent = request.POST if request.method == "POST" else None
    form = NewPatientForm(sent, clinic=access.clinic, today=access.clinic.today())
    if sent is not None and form.is_valid():
        try:
            with transaction.atomic():
                patient = records.create_patient(clinic=access.clinic, by=access.user, **form.values())
                if form.cleaned_data["program"]:
                    enrollments.enroll(patient=patient, by=access.user, **form.enrollment())
        except records.AlreadyThere:  # added by another person in this moment
            form.add_error("external_id", TAKEN)
        else:
            messages.success(request, f"{patient} is added, and on the way to Tenovi.")
            return redirect("patient", access.clinic.slug, patient.id)
    return render(request, "patients/record.html", _context(access, form))


@clinic_page(Permission.EDIT_PATIENTS)
@require_http_methods(["GET", "HEAD", "POST"])
def edit_patient(request: HttpRequest, access: ClinicAccess, patient_id: uuid.UUID) -> HttpResponse:
    patient = patient_for(access, patient_id)
    if request.method != "POST":
        return render(request, "patients/record.html", _context(access, _form_of(patient, access), patient))
    form = _form_of(patient, access, request.POST)
    stale = False
    if form.is_valid():
        version = form.cleaned_data["version"] or 0  # none was sent: as good as an old one
        try:
            changed = records.change_patient(
                patient=patient, by=access.user, version=version, **form.values()
            )
        except records.ChangedMeanwhile as other:
            form, stale = _asked_again(other.patient, form, request.POST), True
        else:
            messages.success(request, "The record is kept." if changed else "Nothing was changed.")
            return redirect("patient", access.clinic.slug, patient.id)
    return render(request, "patients/record.html", _context(access, form, patient) | {"stale": stale})


@clinic_page(Permission.EDIT_PATIENTS)
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_address(request: HttpRequest, access: ClinicAccess, patient_id: uuid.UUID) -> HttpResponse:
    """Confirm an address, on a page of its own that says what follows from it."""
    patient = patient_for(access, patient_id)
    sent = request.POST if request.method == "POST" else None
    form = ConfirmAddressForm(sent, patient=patient, initial={"version": patient.version})
    stale = False
    if sent is not None and form.is_valid():
        try:
            records.confirm_address(patient=patient, by=access.user, **form.cleaned_data)
        except records.ChangedMeanwhile as other:
            patient, stale = other.patient, True
            again = {**form.cleaned_data, "version": patient.version}
            form = ConfirmAddressForm(patient=patient, initial=again)
        else:
            messages.success(request, "The address is confirmed; Tenovi is told.")
            return redirect("patient", access.clinic.slug, patient.id)
    context = {
        "patient": patient,
        "form": form,
        "stale": stale,
        "words": address_words(patient),
        "may_confirm": patient.has_whole_address and not patient.confirm_address,
        "reasons": ADDRESS_REASONS,
    }
    return render(request, "patients/confirm_address.html", context)


@clinic_page(Permission.EDIT_PATIENTS)
@require_http_methods(["GET", "HEAD", "POST"])
def patient_programs(request: HttpRequest, access: ClinicAccess, patient_id: uuid.UUID) -> HttpResponse:
    patient = patient_for(access, patient_id)
    form = EnrollmentFields(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            enrollments.enroll(patient=patient, by=access.user, **form.enrollment())
        except enrollments.AlreadyEnrolled as already:
            form.add_error("program", f"In this program already, {dates_of(already.other)}.")
        else:
            messages.success(request, f"{patient} is in {form.cleaned_data['program']}.")
            return redirect("patient-programs", access.clinic.slug, patient.id)
    return render(request, "patients/programs.html", _programs(access, patient, form))


@clinic_page(Permission.EDIT_PATIENTS)
@require_POST
def end_program(
    request: HttpRequest, access: ClinicAccess, patient_id: uuid.UUID, enrollment_id: int
) -> HttpResponse:
    patient = patient_for(access, patient_id)
    enrollment = enrollment_for(patient, enrollment_id)
    form = EndForm(request.POST, enrollment=enrollment)
    if form.is_valid():
        try:
            enrollments.end_enrollment(enrollment=enrollment, by=access.user, **form.cleaned_data)
        except enrollments.AlreadyEnrolled as already:
            form.add_error("ends_on", f"In this program again by then, {dates_of(already.other)}.")
        else:
            messages.success(request, f"{enrollment.program}: {dates_of(enrollment)}.")
            return redirect("patient-programs", access.clinic.slug, patient.id)
    return render(request, "patients/programs.html", _programs(access, patient, None, form))


def _programs(
    access: ClinicAccess, patient: Patient, form: EnrollmentFields | None, wrong: EndForm | None = None
) -> dict[str, Any]:
    rows = Enrollment.objects.for_clinic(access.clinic).filter(patient=patient).order_by("-starts_on", "id")
    wrong_id = wrong.enrollment.id if wrong else None
    anchors = PeriodAnchor.objects.for_clinic(access.clinic).filter(patient=patient)
    periods_from = dict(anchors.values_list("enrollment_id", "anchor_on"))
    return {
        "patient": patient,
        "form": form or EnrollmentFields(None),
        "rows": [
            {
                "enrollment": one,
                "dates": dates_of(one),
                "periods_from": periods_from.get(one.id),
                "end": wrong if one.id == wrong_id else EndForm(None, enrollment=one),
                "is_open": one.id == wrong_id,
            }
            for one in rows
        ],
    }


@clinic_page(Permission.EDIT_PATIENTS)
@require_POST
def send_patient(request: HttpRequest, access: ClinicAccess, patient_id: uuid.UUID) -> HttpResponse:
    patient = patient_for(access, patient_id)
    records.send_again(patient=patient, by=access.user)
    messages.success(request, "It is on its way to Tenovi again.")
    return redirect("patient", access.clinic.slug, patient.id)


def _form_of(patient: Patient, access: ClinicAccess, sent: Any = None) -> RecordForm:
    initial = {name: getattr(patient, name) for name in RecordForm.base_fields if name != "texts"}
    return RecordForm(
        sent,
        clinic=access.clinic,
        today=patient.today(),
        initial=initial,
        asks_about_texts=patient.gets_texts_without_consent,
    )


def _asked_again(patient: Patient, form: RecordForm, typed: QueryDict) -> RecordForm:
    """Return the form as it was filled in, for the record as it stands; a field that differs says how."""
    sent = typed.copy()
    sent["version"] = str(patient.version)
    again = RecordForm(
        sent,
        clinic=form.clinic,
        today=form.today,
        initial=form.initial,
        asks_about_texts="texts" in form.fields,
    )
    again.full_clean()
    for name, value in form.values().items():
        if getattr(patient, name) != value:
            again.add_error(name, f"Somebody else has just made this: {in_words(getattr(patient, name))}.")
    return again


def _context(access: ClinicAccess, form: RecordForm, patient: Patient | None = None) -> dict[str, Any]:
    return {
        "form": form,
        "patient": patient,
        "clinic": access.clinic,
        "zones": time_zone_names(),
        "taken_by": getattr(form, "taken_by", None),
    }
