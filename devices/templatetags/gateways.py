"""How well a gateway is heard: a shape and a word with the number, and its course over a month."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from common.templatetags.common import icon
from devices.hardware import POOR, WEAK_BELOW, signal_level
from devices.models import GatewaySample

register = template.Library()

SIGNAL_ICONS = {
    "excellent": "antenna-bars-5",
    "good": "antenna-bars-4",
    "fair": "antenna-bars-3",
    "poor": "antenna-bars-2",
    "not known yet": "antenna-bars-off",
}
DAYS = 30
FULL_SIGNAL = 31
SMALL, LARGE = (96, 24), (640, 120)
EMPTY = mark_safe("")


@register.simple_tag
def signal(strength: int | None) -> SafeString:
    """A signal strength as bars, word and number."""
    level = signal_level(strength)
    number = EMPTY if strength is None else format_html('<span class="num">{}</span>', strength)
    return format_html(
        '<span class="heard{}">{}<span>{}</span> {}</span>',
        " heard-poorly" if level == POOR else "",
        icon(SIGNAL_ICONS[level]),
        level,
        number,
    )


@register.simple_tag
def signal_trend(samples: Sequence[GatewaySample], size: str = "small") -> SafeString:
    """The last 30 days' samples, oldest first, as a line on a fixed scale; dashed, what is poor."""
    points = [
        (sample.taken_at, sample.signal_strength) for sample in samples if sample.signal_strength is not None
    ]
    if not points:
        return EMPTY
    width, height = LARGE if size == "large" else SMALL
    start = timezone.now() - datetime.timedelta(DAYS)

    def x(at: datetime.datetime) -> float:
        return round(max((at - start) / datetime.timedelta(DAYS), 0) * (width - 4) + 2, 1)

    def y(strength: int) -> float:
        return round(height - 2 - min(strength, FULL_SIGNAL) / FULL_SIGNAL * (height - 4), 1)

    return format_html(
        '<svg class="signal-trend" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" aria-label="{words}">'
        '<path class="limit" d="M0 {limit}H{w}"/><polyline points="{points}"/>'
        '<circle cx="{last_x}" cy="{last_y}" r="2"/></svg>',
        w=width,
        h=height,
        words=trend_words([strength for _, strength in points]),
        limit=y(WEAK_BELOW),
        points=" ".join(f"{x(at)},{y(strength)}" for at, strength in points),
        last_x=x(points[-1][0]),
        last_y=y(points[-1][1]),
    )


def trend_words(strengths: Sequence[int]) -> str:
    """What the line shows, for who cannot see it."""
    first, last = strengths[0], strengths[-1]
    return (
        f"Signal in the last {DAYS} days: {first} at first, {last} now, "
        f"between {min(strengths)} and {max(strengths)}"
    )
