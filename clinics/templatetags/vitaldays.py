"""Template tags for readings: marks, keys of charts, cells of calendars."""

from __future__ import annotations

import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from common.templatetags.common import icon, moment, value
from common.wording import MARKS

register = template.Library()

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
DAY_ICONS = {"counted": "check", "uncounted": "minus"}


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
