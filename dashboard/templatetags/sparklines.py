"""Lines the size of a word."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from dashboard.patients.sparklines import DAYS, Sparkline

register = template.Library()

WIDTH, HEIGHT, INSET = 120, 28, 3
STEP = (WIDTH - 2 * INSET) / (DAYS - 1)
EMPTY = mark_safe("")


@register.simple_tag
def sparkline(trend: Sparkline | None) -> SafeString:
    """Draw the last 30 days of a metric: a line, bars on 0, or bars between two values."""
    if trend is None:
        return EMPTY
    span = (trend.high - trend.low) or 1

    def y(value: float) -> float:
        return round(HEIGHT - INSET - (value - trend.low) / span * (HEIGHT - 2 * INSET), 1)

    def x(day: int) -> float:
        return round(INSET + day * STEP, 1)

    if trend.bars or any(low is not None for _, _, low in trend.points):
        foot = HEIGHT - INSET
        path = "".join(
            f"M{x(day)} {foot if low is None else y(low)}V{y(value)}" for day, value, low in trend.points
        )
        return _drawn(trend.words, "bars", path)
    path, previous = "", None
    for day, value, _ in trend.points:
        joined = previous is not None and day - previous <= trend.joins
        path += f"{'L' if joined else 'M'}{x(day)} {y(value)}{'' if joined else 'h.01'}"
        previous = day
    return _drawn(trend.words, "line", path)


def _drawn(words: str, shape: str, path: str) -> SafeString:
    return format_html(
        '<svg class="sparkline {}" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">'
        '<title>{}</title><path d="{}"/></svg>',
        shape,
        WIDTH,
        HEIGHT,
        WIDTH,
        HEIGHT,
        words,
        words,
        path,
    )
