"""Template tags for days with data: the bar towards 16, the pace, notes of one reason together."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from common.templatetags.common import icon
from common.wording import FULL_PERIOD, SHORT_PERIOD

register = template.Library()

BAR_WIDTH, BAR_HEIGHT = 128, 16
EMPTY = mark_safe("")
LEVEL_ICONS = {"reached": "check", "on pace": "arrow-right", "behind": "arrow-down", "out of reach": "x"}


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
    """Show the pace in words, without a bar, where no day counts yet.

    On the first of a month that is every patient, and a column of empty bars would say nothing.
    """
    reach = format_html('<span class="pace-words">{}{}</span>', icon(LEVEL_ICONS[level]), words)
    return format_html(
        '<div class="pace {}">{}<span class="never">no day yet</span>{}</div>',
        level.replace(" ", "-"),
        format_html('<span class="pace-program">{}</span>', program) if program else EMPTY,
        reach if words else EMPTY,
    )


@register.simple_tag
def pace(program: str, days: int, words: str, level: str) -> SafeString:
    """Days so far, and whether 16 can still be reached: a bar, a shape and words ("" for a month that is over)."""
    reach = format_html('<span class="pace-words">{}{}</span>', icon(LEVEL_ICONS[level]), words)
    return format_html(
        '<div class="pace {}">{}{}{}</div>',
        level.replace(" ", "-"),
        format_html('<span class="pace-program">{}</span>', program) if program else EMPTY,
        days_bar(days),
        reach if words else EMPTY,
    )


@register.filter
def by_reason(notes: list[dict[str, str]]) -> list[tuple[str, list[dict[str, str]]]]:
    """Notes on dates, those with the same reason together: a month of one reason is one line."""
    grouped: dict[str, list[dict[str, str]]] = {}
    for note in notes:
        grouped.setdefault(note["reason"], []).append(note)
    return list(grouped.items())
