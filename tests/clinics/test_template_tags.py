"""What the template tags promise: words beside shapes, exact times, links that keep the query."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest
from django.template import Context, Template
from django.test import RequestFactory

from clinics.access import ClinicAccess
from clinics.models import Clinic, Role, User


def rendered(source: str, address: str = "/", **context: Any) -> str:
    request = context.pop("request", None) or RequestFactory().get(address)
    return Template("{% load clinics common pace readings %}" + source).render(
        Context({"request": request, **context})
    )


def visited(role: str, address: str) -> Any:
    request = RequestFactory().get(address)
    request.access = ClinicAccess(Clinic(slug="demo", name="Demo"), User(email="a@demo.test"), role)  # type: ignore[attr-defined]
    return request


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (Role.CARE_MANAGER, ["Patients", "Devices", "Shipping", "Billing"]),
        (Role.CLINIC_ADMIN, ["Patients", "Devices", "Shipping", "Billing", "Operations"]),
        (Role.BILLING, ["Billing"]),
        ("operator", ["Operations"]),
    ],
)
def test_the_navigation_offers_what_the_role_may_open(role: str, expected: list[str]) -> None:
    source = "{% navigation as entries %}{% for entry in entries %}{{ entry.label }},{% endfor %}"
    assert rendered(source, request=visited(role, "/")).split(",")[:-1] == expected


def test_the_navigation_marks_the_page_one_is_on() -> None:
    source = "{% navigation as entries %}{% for entry in entries %}{% if entry.current %}{{ entry.label }}{% endif %}{% endfor %}"
    assert rendered(source, request=visited(Role.CLINIC_ADMIN, "/c/demo/billing/")) == "Billing"


def test_outside_a_clinic_there_is_nothing_to_navigate() -> None:
    assert rendered("{% navigation as entries %}{{ entries|length }}") == "0"


@pytest.mark.parametrize(("days", "width"), [(0, 0), (2, 16), (8, 64), (16, 128), (31, 128)])
def test_the_bar_of_days_is_full_at_sixteen_and_says_its_number(days: int, width: int) -> None:
    bar = rendered('{% pace "RPM" days "needs 5 of 9 left" "behind" %}', days=days)
    assert f'class="fill" width="{width}"' in bar
    assert f'aria-label="{days} of 16 days"' in bar
    assert f">{days}</text>" in bar


def test_a_pace_has_a_shape_and_words_unless_its_month_is_over() -> None:
    running = rendered('{% pace "RPM" 11 "needs 5 of 9 left" "behind" %}')
    over = rendered('{% pace "RPM" 11 "" "out of reach" %}')
    assert "#arrow-down" in running and "needs 5 of 9 left" in running
    assert "pace-words" not in over


def test_a_moment_carries_its_exact_local_time() -> None:
    at = datetime.datetime(2020, 11, 3, 12, 42, tzinfo=datetime.UTC)
    shown = rendered('{% moment at "America/New_York" %}', at=at)
    assert 'datetime="2020-11-03T12:42:00+00:00"' in shown
    assert 'title="Tue, Nov 3, 2020, 7:42 AM EST"' in shown
    assert '<span class="exact">Tue, Nov 3, 2020, 7:42 AM EST</span>' in shown


def test_a_moment_that_never_was_says_so() -> None:
    assert "never" in rendered('{% moment at "UTC" %}', at=None)


@pytest.mark.parametrize(
    ("sort", "link", "state"),
    [
        ("name", "?q=a%2Bb&amp;sort=-name", "ascending"),
        ("-name", "?q=a%2Bb&amp;sort=name", "descending"),
        ("days", "?q=a%2Bb&amp;sort=name", "none"),
    ],
)
def test_a_column_head_sorts_keeps_the_search_and_leaves_the_page(sort: str, link: str, state: str) -> None:
    head = rendered('{% sort_header "name" "Patient" %}', "/?q=a%2Bb&page=3", sort=sort)
    assert f'href="{link}"' in head
    assert f'aria-sort="{state}"' in head


def test_every_mark_has_its_shape_and_its_word() -> None:
    shown = rendered("{% marks keys %}", keys=["late", "excluded"])
    assert re.findall(r"marks\.svg#(\w+)", shown) == ["late", "excluded"]
    assert "arrived late" in shown and "excluded" in shown


def test_dates_of_one_reason_are_told_once() -> None:
    notes = [
        {"label": "1 Nov", "url": "/1", "reason": "battery"},
        {"label": "2 Nov", "url": "/2", "reason": "watch"},
        {"label": "3 Nov", "url": "/3", "reason": "battery"},
    ]
    source = "{% for reason, dates in notes|by_reason %}{{ reason }}:{{ dates|length }};{% endfor %}"
    assert rendered(source, notes=notes) == "battery:2;watch:1;"


def test_text_from_outside_is_escaped() -> None:
    shown = rendered("{% value text text %}{% verdict True text %}", text="<script>")
    assert "<script>" not in shown
