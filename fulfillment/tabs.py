"""What the pages of this room have in common: the row of lists, their search, their addresses."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from clinics.access import ClinicAccess
from common.wording import Choice

LISTS = (
    ("shipments", "Shipments"),
    ("orders", "Orders"),
    ("to-ship", "To ship"),
    ("replacements", "Replacements"),
    ("supplies", "Supplies"),
    ("special-orders", "Special orders"),
)


def tabs(access: ClinicAccess, current: str) -> list[Choice]:
    return [Choice(label, reverse(name, args=[access.clinic.slug]), name == current) for name, label in LISTS]


def search_of(request: HttpRequest) -> str:
    return request.GET.get("search", "").replace("\0", "").strip()


def address(**query: Any) -> str:
    """The query string of what is not empty."""
    return f"?{urlencode({name: value for name, value in query.items() if value})}"
