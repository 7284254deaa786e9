"""Show what was synced from the Tenovi account and how far the running sync is; start one."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from clinics.access import ClinicAccess, Permission, clinic_page
from clinics.models import Clinic
from devices import sync
from devices.actions import sync as actions_sync
from devices.models import Device, DeviceType, Gateway, HardwareChange
from fulfillment.models import Replacement, SpecialOrder, SupplyRequest, SupplyType
from patients.models import Patient
from tenovi.models import Call, Request, RequestKind, RequestState
from tenovi.outbound.api_keys import NOT_SET_UP, UNREADABLE, why_nothing_is_sent
from tenovi.outbound.calls import rows_a_page
from tenovi.outbound.enqueue import calls_left
from tenovi.pages.operations import lasting

PARTS: tuple[tuple[str, str, Callable[[Clinic], Any], str], ...] = (
    (RequestKind.PATIENTS, "Patients", Patient.objects.for_clinic, "patients"),
    (RequestKind.DEVICES, "Devices", Device.objects.for_clinic, "devices"),
    (RequestKind.GATEWAYS, "Gateways", Gateway.objects.for_clinic, "gateways"),
    (RequestKind.DEVICE_TYPES, "Devices that can be ordered", DeviceType.objects.for_clinic, ""),
    (RequestKind.HARDWARE_LOG, "Changes of hardware", HardwareChange.objects.for_clinic, ""),
    (RequestKind.REPLACEMENTS, "Replacements", Replacement.objects.for_clinic, "replacements"),
    (RequestKind.BULK_ORDERS, "Special orders", SpecialOrder.objects.for_clinic, "special-orders"),
    (RequestKind.SUPPLY_TYPES, "Supplies that can be ordered", SupplyType.objects.for_clinic, ""),
    (RequestKind.SUPPLY_REQUESTS, "Supplies", SupplyRequest.objects.for_clinic, "supplies"),
)


@dataclass(frozen=True)
class SyncedKind:
    """One list of the account. `here` rows are stored; `percent` is None while the length of the list is
    unknown; `read_at` is when the vendor last answered with any of it."""

    label: str
    url: str
    here: int
    state: str  # idle, waiting, reading or stopped
    done: int
    total: int
    percent: int | None
    reason: str
    read_at: datetime.datetime | None


@clinic_page(Permission.VIEW_DELIVERIES)
@require_http_methods(["GET", "HEAD", "POST"])
def account_sync(request: HttpRequest, access: ClinicAccess) -> HttpResponse:
    clinic = access.clinic
    if request.method == "POST":
        if why_nothing_is_sent(clinic) in (NOT_SET_UP, UNREADABLE):
            messages.error(request, "There is no key to ask Tenovi with.")
        else:
            actions_sync.start_now(clinic=clinic, by=access.user)
            messages.success(request, "The account is read now. You may leave this page.")
        return redirect("account-sync", clinic.slug)
    return render(request, "dashboard/account_sync.html", _context(access))


def _context(access: ClinicAccess) -> dict[str, Any]:
    clinic = access.clinic
    ours = Request.objects.for_clinic(clinic).filter(kind__in=sync.KINDS)
    latest = {request.kind: request for request in ours}
    left = calls_left(ours.unanswered())
    return {
        "clinic": clinic,
        "parts": [_part(access, *part, latest.get(part[0])) for part in PARTS],
        "under_way": left > 0,
        "eta": lasting(left * settings.TENOVI_SPACING_SECONDS),
        "problem": why_nothing_is_sent(clinic),
        "lacks_key": why_nothing_is_sent(clinic) in (NOT_SET_UP, UNREADABLE),
        "zone": clinic.zone,
    }


def _part(
    access: ClinicAccess,
    kind: str,
    label: str,
    rows: Callable[[Clinic], Any],
    page: str,
    request: Request | None,
) -> SyncedKind:
    total = (request.total or 0) if request else 0
    done = min(request.pages * rows_a_page(kind), total) if request else 0
    answered = Call.objects.for_clinic(access.clinic).filter(kind=kind, outcome=Call.Outcome.ANSWERED)
    return SyncedKind(
        label=label,
        url=reverse(page, args=[access.clinic.slug]) if page and access.may_view_patients else "",
        here=rows(access.clinic).count(),
        state=_state(request),
        done=done,
        total=total,
        percent=round(100 * done / total) if total else None,
        reason=request.reason if request else "",
        read_at=answered.newest_first().values_list("at", flat=True).first(),
    )


def _state(request: Request | None) -> str:
    if request is None:
        return "idle"
    if request.state in (RequestState.PARKED, RequestState.UNKNOWN):
        return "stopped"
    is_reading = request.state == RequestState.SENDING or request.pages > 0
    return "reading" if is_reading else "waiting"
