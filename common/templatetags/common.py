"""Template tags for every page: icons, moments, numbers with units, states, sorted columns."""

from __future__ import annotations

import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from common import formats
from common.formats import ago, exact, in_zone

register = template.Library()

STATE_ICONS = {
    "pending": "hourglass",
    "settled": "check",
    "stored": "check",
    "updated": "refresh",
    "duplicate": "minus",
    "quarantined": "alert-triangle",
    "discarded": "ban",
    "rejected": "ban",
    "needs-you": "alert-triangle",
    "preparing": "package",
    "travelling": "truck-delivery",
    "delivered": "home-check",
    "in-use": "plug-connected",
    "ended": "minus",
    "other": "help-circle",
    "fine": "check",
    "silent": "alert-triangle",
    "gateway-silent": "antenna-bars-off",
    "gateway-weak": "antenna-bars-2",
    "battery-low": "battery-1",
    "waiting": "hourglass",
    "no-device": "minus",
}


@register.filter
def day_month(day: datetime.date | None) -> str:
    return formats.day_month(day) if day else ""


@register.filter
def short_date(day: datetime.date | None) -> str:
    return formats.short_date(day) if day else ""


@register.filter
def full_date(day: datetime.date | None) -> str:
    return formats.full_date(day) if day else ""


@register.filter
def iso_date(day: datetime.date | None) -> str:
    """Write a date as inputs and addresses take it."""
    return day.isoformat() if day else ""


@register.filter
def iso_time(time: datetime.time | None) -> str:
    """Write a time as inputs take it."""
    return time.isoformat("minutes") if time else ""


@register.simple_tag
def icon(name: str) -> SafeString:
    """A decorative icon: the words stand beside it, so screen readers skip it."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', static("vendor/icons.svg"), name
    )


@register.simple_tag
def moment(at: datetime.datetime | None, zone: ZoneInfo | str, never: str = "never") -> SafeString:
    """Relative time; the exact local time is in the title, for screen readers and in print."""
    if at is None:
        return format_html('<span class="never">{}</span>', never)
    now = timezone.now()
    local = exact(at, in_zone(zone), now)
    return format_html(
        '<time datetime="{}" title="{}"><span class="ago">{}</span><span class="exact">{}</span></time>',
        at.astimezone(datetime.UTC).isoformat(),
        local,
        ago(at, now),
        local,
    )


@register.simple_tag
def local_time(at: datetime.datetime, zone: ZoneInfo | str) -> SafeString:
    """The exact local time, with its zone, for tables that are read line by line."""
    now = timezone.now()
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        at.astimezone(datetime.UTC).isoformat(),
        ago(at, now),
        exact(at, in_zone(zone), now),
    )


@register.simple_tag
def value(number: str, unit: str = "") -> SafeString:
    """A number in tabular figures with its unit."""
    return format_html(
        '<span class="value"><span class="num">{}</span> <span class="unit">{}</span></span>', number, unit
    )


@register.simple_tag
def state_badge(state: str, word: str) -> SafeString:
    """The state of a delivery or of one of its elements: a shape and a word."""
    return format_html('<span class="state state-{}">{}{}</span>', state, icon(STATE_ICONS[state]), word)


@register.simple_tag(takes_context=True)
def sort_header(context: dict[str, Any], key: str, label: str, css: str = "", first: str = "") -> SafeString:
    """A column head that sorts; a second click turns the order around. `first="-"` starts downwards.

    The context holds `sort`, the current order: a key, with a leading `-` when descending.
    """
    current = str(context["sort"])
    active = current.lstrip("-") == key
    upward = not current.startswith("-")
    target = ("-" + key if upward else key) if active else first + key
    query = context["request"].GET.copy()
    query.pop("page", None)
    query["sort"] = target
    direction = ("ascending" if upward else "descending") if active else "none"
    arrow = icon("chevron-up" if upward else "chevron-down") if active else icon("selector")
    return format_html(
        '<th scope="col" class="{}" aria-sort="{}"><a class="sort" href="?{}">{} {}</a></th>',
        css,
        direction,
        urlencode(sorted(query.items())),
        label,
        arrow,
    )


@register.simple_tag(takes_context=True)
def search_text(context: dict[str, Any]) -> str:
    """Return the text that the list was searched for. Blanks alone are no search."""
    return str(context["request"].GET.get("q", "")).replace("\0", "").strip()
