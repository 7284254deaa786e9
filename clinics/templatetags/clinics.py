"""Template tags that know the clinic: its access, its navigation, the names of its roles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import template
from django.urls import reverse

from clinics.access import ClinicAccess
from clinics.models import Role

register = template.Library()

BELONGING = {"devices": ("gateways",), "operations": ("deliveries", "completeness")}
"""Further pages below an entry of the navigation whose addresses do not begin like its own."""


@dataclass(frozen=True)
class NavigationEntry:
    label: str
    icon: str
    url: str
    current: bool


@register.simple_tag(takes_context=True)
def current_access(context: dict[str, Any]) -> ClinicAccess | None:
    """The access to the clinic whose page this is, or None on a page outside any clinic."""
    found: ClinicAccess | None = getattr(context["request"], "access", None)
    return found


@register.simple_tag(takes_context=True)
def navigation(context: dict[str, Any]) -> list[NavigationEntry]:
    """List what this person may open in this clinic, by URL name: rooms below never import the pages."""
    access = current_access(context)
    if access is None:
        return []
    pages = (
        (access.may_view_patients, "patients", "Patients", "users"),
        (access.may_view_patients, "devices", "Devices", "device-heart-monitor"),
        (access.may_view_patients, "shipments", "Shipping", "truck-delivery"),
        (access.may_view_vital_days, "billing", "Billing", "receipt"),
        (access.may_view_deliveries, "operations", "Operations", "plug-connected"),
    )
    entries = []
    for allowed, name, label, icon_name in pages:
        if allowed:
            url, *others = (
                reverse(page, args=[access.clinic.slug]) for page in (name, *BELONGING.get(name, ()))
            )
            current = context["request"].path.startswith((url, *others))
            entries.append(NavigationEntry(label, icon_name, url, current))
    return entries


@register.filter
def role_name(role: str) -> str:
    return "Operator" if role == "operator" else str(Role(role).label)
