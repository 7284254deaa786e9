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
from measurements.shown.flags import MARKS
from measurements.shown.metrics import display_of

register = template.Library()

EMPTY = mark_safe("")
DOT = mark_safe('<span class="dot"></span>')
DAY_ICONS = {"counted": "check", "uncounted": "minus"}


@register.simple_tag
def marks(keys: list[str]) -> SafeString:
    """Show what is unusual about a reading: the shape it has on the chart, and the word."""
    shapes = static("img/marks.svg")
    return format_html_join(
        " ",
        '<span class="reading-mark {}" title="{}"><svg aria-hidden="true"><use href="{}#{}"/></svg>{}</span>',
        ((key, MARKS[key].explanation, shapes, key, MARKS[key].word) for key in keys),
    )


@register.simple_tag
def guide() -> SafeString:
    """List every mark a reading can have, with its shape and word."""
    return format_html_join("", "<li>{}</li>", ((marks([key]),) for key in MARKS))


@register.simple_tag
def chart_key(metrics: list[str]) -> SafeString:
    """Explain the shapes and colours of a chart of these metrics, where it has more than one."""
    shapes = static("img/marks.svg")
    keys = [key for metric in metrics for key in display_of(metric).key]
    entries = format_html_join(
        "",
        '<li><svg class="key-{}" aria-hidden="true"><use href="{}#{}"/></svg> {}</li>',
        ((shape, shapes, shape, words) for shape, words in keys),
    )
    return format_html('<ul class="chart-key">{}</ul>', entries) if len(keys) > 1 else EMPTY


@register.simple_tag
def chip(label: str, number: str, unit: str, at: datetime.datetime, zone: ZoneInfo | str) -> SafeString:
    """Show the latest value of a metric and its age."""
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
    """Show a date of a calendar or strip: its number, its shape, and the same in words."""
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
