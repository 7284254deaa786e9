"""Template tags for what every page shows: icons, moments, numbers with units, bars of days."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe

from clinics.access import ClinicAccess
from clinics.models import Role
from common.wording import FULL_PERIOD, MARKS, SHORT_PERIOD, ago, exact, in_zone

register = template.Library()

BAR_WIDTH, BAR_HEIGHT = 128, 16
EMPTY = mark_safe("")
DOT = mark_safe('<span class="dot"></span>')
CHART_KEYS = {
    "blood_pressure": (("bars", "systolic to diastolic"),),
    "pulse": (("line", "pulse"),),
    "irregular_heartbeat": (("irregular", "irregular heartbeat"),),
    "glucose": (
        ("fasting", "fasting"),
        ("before_meal", "before meal"),
        ("after_meal", "after meal"),
        ("normal", "not said"),
    ),
    "pillbox_opened": (
        ("own_day", "opened on its own day"),
        ("other_day", "another day’s compartment"),
        ("unopened", "not opened"),
    ),
    "pillbox_refilled": (("refill", "refilled"),),
    "hailie_respiratory_flow_log": (("flow", "mean to maximum flow, L/min"),),
    "hailie_medication_event": (("tick", "dose"),),
    "hailie_respiratory_timing_log": (("breath", "length of breath, s"), ("notch", "time to its peak")),
    "patchcap_open_close_event": (("tick", "opened"), ("closed", "closed")),
    "no_measurement_event": (("nothing", "nothing measured"),),
    "heart_rate_statistics": (("mean", "mean"), ("most", "up to the maximum")),
}
"""The shapes of each metric. A chart with a single shape needs no key."""
LEVEL_ICONS = {"reached": "check", "on pace": "arrow-right", "behind": "arrow-down", "out of reach": "x"}
DAY_ICONS = {"counted": "check", "uncounted": "minus"}
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
def marks(keys: list[str]) -> SafeString:
    """What is unusual about a reading: the shape it has on the chart, and the word."""
    shapes = static("img/marks.svg")
    return format_html_join(
        " ",
        '<span class="reading-mark {}" title="{}"><svg aria-hidden="true"><use href="{}#{}"/></svg>{}</span>',
        ((key, MARKS[key].explanation, shapes, key, MARKS[key].word) for key in keys),
    )


@register.simple_tag
def guide() -> SafeString:
    """Every mark a reading can have, with its shape and word."""
    return format_html_join("", "<li>{}</li>", ((marks([key]),) for key in MARKS))


@register.simple_tag
def chart_key(metrics: list[str]) -> SafeString:
    """What the shapes and colours of a chart of these metrics mean, where it has more than one."""
    shapes = static("img/marks.svg")
    keys = [key for metric in metrics for key in CHART_KEYS.get(metric, ())]
    entries = format_html_join(
        "",
        '<li><svg class="key-{}" aria-hidden="true"><use href="{}#{}"/></svg> {}</li>',
        ((shape, shapes, shape, words) for shape, words in keys),
    )
    return format_html('<ul class="chart-key">{}</ul>', entries) if len(keys) > 1 else EMPTY


def days_bar(days: int) -> SafeString:
    """Days with data out of the 16 of a full period, with a tick at the 2 of a short one."""
    filled = round(min(days, FULL_PERIOD) / FULL_PERIOD * BAR_WIDTH)
    inside = filled >= 24
    return format_html(
        '<svg class="days-bar" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">'
        '<rect class="track" width="{}" height="{}" rx="3"/><rect class="fill" width="{}" height="{}" rx="3"/>'
        '<path class="tick{}" d="M{} 0v{}"/><text x="{}" y="12" text-anchor="{}" class="{}">{}</text></svg>',
        BAR_WIDTH,
        BAR_HEIGHT,
        BAR_WIDTH,
        BAR_HEIGHT,
        f"{days} of {FULL_PERIOD} days",
        BAR_WIDTH,
        BAR_HEIGHT,
        filled,
        BAR_HEIGHT,
        " in" if days > SHORT_PERIOD else "",
        round(SHORT_PERIOD / FULL_PERIOD * BAR_WIDTH),
        BAR_HEIGHT,
        filled - 5 if inside else max(filled, 16) + 5,
        "end" if inside else "start",
        "in" if inside else "out",
        days,
    )


@register.simple_tag
def pace_without_days(program: str, words: str, level: str) -> SafeString:
    """The same in a list where no day counts yet: words, and no bar. On the first of a month everybody is
    there, and a column of empty bars would say nothing."""
    told = format_html('<span class="pace-words">{}{}</span>', icon(LEVEL_ICONS[level]), words)
    return format_html(
        '<div class="pace {}">{}<span class="never">no day yet</span>{}</div>',
        level.replace(" ", "-"),
        format_html('<span class="pace-program">{}</span>', program) if program else EMPTY,
        told if words else EMPTY,
    )


@register.simple_tag
def pace(program: str, days: int, words: str, level: str) -> SafeString:
    """Days so far, and whether 16 can still be reached: a bar, a shape and words ("" for a month that is over)."""
    told = format_html('<span class="pace-words">{}{}</span>', icon(LEVEL_ICONS[level]), words)
    return format_html(
        '<div class="pace {}">{}{}{}</div>',
        level.replace(" ", "-"),
        format_html('<span class="pace-program">{}</span>', program) if program else EMPTY,
        days_bar(days),
        told if words else EMPTY,
    )


@register.simple_tag
def chip(label: str, number: str, unit: str, at: datetime.datetime, zone: ZoneInfo | str) -> SafeString:
    """One metric's latest value and its age."""
    return format_html(
        '<span class="chip"><span class="chip-label">{}</span> {} <span class="chip-age">{}</span></span>',
        label,
        value(number, unit),
        moment(at, zone),
    )


@register.simple_tag
def day_shape(state: str) -> SafeString:
    return icon(DAY_ICONS[state]) if state in DAY_ICONS else DOT


@register.simple_tag
def day_cell(day: Any) -> SafeString:
    """A date of a calendar or strip: number, shape, and the words for who cannot see the shape."""
    content = format_html(
        '<span class="day-number num">{}</span>{}<span class="visually-hidden">{}</span>',
        day.number,
        EMPTY if day.state == "future" else day_shape(day.state),
        day.words,
    )
    css = f"day {day.state}" + (" today" if day.today else "")
    if day.state == "future":
        return format_html('<span class="{}">{}</span>', css, content)
    return format_html('<a class="{}" href="{}" title="{}">{}</a>', css, day.url, day.words, content)


@register.simple_tag
def verdict(counts: bool, why: str) -> SafeString:
    word, shape = ("Yes", "check") if counts else ("No", "minus")
    return format_html(
        '<span class="verdict {}">{}<strong>{}</strong> <span>{}</span></span>',
        word.lower(),
        icon(shape),
        word,
        why,
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
    """What this person may open in this clinic, by URL name: rooms below never import the pages."""
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


@register.simple_tag(takes_context=True)
def search_text(context: dict[str, Any]) -> str:
    """What the list was searched for; blanks alone are no search."""
    return str(context["request"].GET.get("q", "")).replace("\0", "").strip()


@register.filter
def by_reason(notes: list[dict[str, str]]) -> list[tuple[str, list[dict[str, str]]]]:
    """Notes on dates, those with the same reason together: a month of one reason is one line."""
    grouped: dict[str, list[dict[str, str]]] = {}
    for note in notes:
        grouped.setdefault(note["reason"], []).append(note)
    return list(grouped.items())


@register.filter
def role_name(role: str) -> str:
    return "Operator" if role == "operator" else str(Role(role).label)
