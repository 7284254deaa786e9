"""The wording of moments: one for every page, chart and table."""

from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.utils import translation

from clinics.models import Clinic, Locale
from common.formats import (
    ago,
    day_full_month,
    day_month,
    day_span,
    exact,
    full_date,
    long_date,
    month_year,
    number,
    short_date,
    short_month_year,
    weekdays,
    zone_word,
    zone_words,
)

NOW = datetime.datetime(2026, 11, 21, 17, 0, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (3600, "1 h ago"),
        (48 * 3600 - 1, "47 h ago"),
        (48 * 3600, "2 days ago"),
        (59 * 86_400, "59 days ago"),
        (61 * 86_400, "2 months ago"),
        (800 * 86_400, "2 years ago"),
        (-2 * 3600, "in 2 h"),
    ],
)
def test_an_age_is_told_in_the_coarsest_unit_that_still_says_something(seconds: int, words: str) -> None:
    assert ago(NOW - datetime.timedelta(seconds=seconds), NOW) == words


@pytest.mark.parametrize(
    ("moment", "zone", "words"),
    [
        ("2026-11-03T12:42:00Z", "America/New_York", ("Tue, Nov 3, 7:42 AM EST", "Tue 3 Nov, 07:42 EST")),
        ("2026-07-03T12:42:00Z", "America/New_York", ("Fri, Jul 3, 8:42 AM EDT", "Fri 3 Jul, 08:42 EDT")),
        ("2025-12-31T23:30:00Z", "Europe/Berlin", ("Thu, Jan 1, 12:30 AM CET", "Thu 1 Jan, 00:30 CET")),
        (
            "2025-11-03T17:42:00Z",
            "America/New_York",
            ("Mon, Nov 3, 2025, 12:42 PM EST", "Mon 3 Nov 2025, 12:42 EST"),
        ),
    ],
)
def test_an_exact_time_names_its_zone_and_another_year(
    moment: str, zone: str, words: tuple[str, str]
) -> None:
    at = datetime.datetime.fromisoformat(moment.replace("Z", "+00:00"))
    shown = []
    for locale in Locale:
        with translation.override(locale):
            shown.append(exact(at, ZoneInfo(zone), NOW))
    assert tuple(shown) == words


def test_each_locale_writes_dates_and_weeks_its_own_way() -> None:
    day = datetime.date(2026, 9, 3)
    written = (day_month, day_full_month, short_date, full_date, long_date, month_year, short_month_year)
    shown = {}
    for locale in Locale:
        with translation.override(locale):
            span = day_span(day, day + datetime.timedelta(6))
            shown[locale] = [*(write(day) for write in written), span, weekdays()[0], number(12400)]
    assert shown == {
        Locale.AMERICAN: [
            *("Sep 3", "September 3", "Sep 3, 2026", "September 3, 2026", "Thursday, September 3, 2026"),
            *("September 2026", "Sep 2026", "Sep 3–9", "Sunday", "12,400"),
        ],
        Locale.BRITISH: [
            *("3 Sep", "3 September", "3 Sep 2026", "3 September 2026", "Thursday 3 September 2026"),
            *("September 2026", "Sep 2026", "3–9 Sep", "Monday", "12,400"),
        ],
    }


def test_american_is_what_nobody_chose() -> None:
    assert (settings.LANGUAGE_CODE, Clinic().locale) == (Locale.AMERICAN, Locale.AMERICAN)


@pytest.mark.parametrize(
    ("zone", "word"),
    [("Asia/Kathmandu", "UTC+05:45"), ("America/Sao_Paulo", "UTC-03:00"), ("Asia/Kolkata", "IST")],
)
def test_a_zone_without_letters_is_named_by_its_offset(zone: str, word: str) -> None:
    assert zone_word(NOW, ZoneInfo(zone)) == word


def test_a_zone_has_a_word_for_each_offset_it_keeps_in_a_span() -> None:
    month = datetime.timedelta(days=30)
    assert zone_words(NOW - month, NOW, ZoneInfo("America/New_York")) == {
        "GMT-04:00": "EDT",
        "GMT-05:00": "EST",
    }
    assert zone_words(NOW, NOW, ZoneInfo("Asia/Kathmandu")) == {"GMT+05:45": "UTC+05:45"}
