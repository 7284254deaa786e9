"""Show the pages that read across rooms. The modules beside this one build what they show."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from clinics import audit
from clinics.access import ClinicAccess, Permission, clinic_page
from clinics.actions import invitations
from clinics.models import Clinic, Membership, Role, User
from dashboard.patients import context as patients_context
from dashboard.patients import patient_list
from patients.access import alert_for, patient_for
from patients.actions.alerts import acknowledge_alert


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Lead a person of one clinic, without an invitation, to their work; offer others their clinics."""
    user = request.user
    assert isinstance(user, User)
    places = [
        {"name": m.clinic.name, "url": _start(m.clinic, m.role), "role": m.role}
        for m in Membership.objects.filter(user=user).select_related("clinic").order_by("clinic__name")
    ]
    if user.is_operator:
        places += [
            {"name": clinic.name, "url": _start(clinic, "operator"), "role": "operator"}
            for clinic in Clinic.objects.order_by("name")
        ]
    waiting = invitations.open_to(user)
    if len(places) == 1 and "choose" not in request.GET and not waiting:
        return redirect(places[0]["url"])
    return render(request, "dashboard/home.html", {"clinics": places, "invitations": waiting})


def _start(clinic: Clinic, role: str) -> str:
    page = {Role.BILLING: "billing", "operator": "deliveries"}.get(role, "patients")
    return reverse(page, args=[clinic.slug])


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def patients(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    context = patient_list.context(access.clinic, request.GET, timezone.now())
    return render(request, "dashboard/patients.html", context)


@clinic_page(Permission.VIEW_PATIENTS)
@require_safe
def patient(request: HttpRequest, access: ClinicAccess, patient_id: uuid.UUID) -> HttpResponse:
    patient = patient_for(access, patient_id)
    audit.record_view("patient_viewed", by=access.user, clinic=access.clinic, target=patient)
    return render(
        request, "dashboard/patient.html", patients_context.context(patient, request.GET, timezone.now())
    )


@clinic_page(Permission.VIEW_PATIENTS, shows_patients=False)
@require_safe
def patient_news(request: HttpRequest, access: ClinicAccess, patient_id: uuid.UUID) -> HttpResponse:
    """Answer an open patient page, every few seconds, whether it would look different now."""
    return JsonResponse({"version": patients_context.page_version(patient_for(access, patient_id))})


@clinic_page(Permission.VIEW_PATIENTS)
@require_POST
def acknowledge(
    request: HttpRequest, access: ClinicAccess, patient_id: uuid.UUID, alert_id: uuid.UUID
) -> HttpResponse:
    """Note that this person has seen an alert. One about a gateway stands until the gateway is well."""
    alert = alert_for(access, patient_id, alert_id)
    acknowledge_alert(alert=alert, by=access.user)
    if alert.reading_id:
        messages.success(request, "Noted: you have seen this reading. The record keeps who did and when.")
    else:
        messages.success(request, "Noted. It disappears by itself once the gateway is well again.")
    return redirect("patient", access.clinic.slug, alert.patient_id)
