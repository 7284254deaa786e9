"""In every test: whoever is shown a patient on a page leaves a line about it in the record."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse

from clinics import audit
from clinics.models import User

PATIENTS = "SELECT name, external_id FROM patients_patient"
SHORTEST = 5
"""Shorter names and ids stand in other words by chance."""

unseen: list[str] = []


class WatchedLooks:
    """Innermost middleware: reads each page that somebody gets for the patients there are.

    It asks the database past Django, so that tests that count queries count the page's own.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        route = request.resolver_match.route if request.resolver_match else ""
        is_page = not route.startswith("api/") and not response.streaming and response.status_code == 200
        if is_page and isinstance(request.user, User) and not audit.has_looked():
            text = response.content.decode(errors="replace")
            if shown := [mark for mark in _marks() if mark in text]:
                unseen.append(f"{request.method} {route} shows {shown[:3]}")
        return response


def _marks() -> list[str]:
    assert connection.connection
    rows = connection.connection.execute(PATIENTS).fetchall()
    return [html.escape(text) for row in rows for text in row if len(text) >= SHORTEST]


@pytest.fixture(autouse=True, scope="session")
def watched_looks() -> Iterator[None]:
    settings.MIDDLEWARE.append(f"{__name__}.{WatchedLooks.__name__}")
    yield
    settings.MIDDLEWARE.remove(f"{__name__}.{WatchedLooks.__name__}")


@pytest.fixture(autouse=True)
def every_look_is_recorded(watched_looks: None) -> Iterator[None]:
    yield
    found = unseen[:]
    unseen.clear()
    assert not found, f"Nobody could tell later who saw this: {found}"
