"""The watch over what people change (tests/recorded.py) sees a change that nobody wrote down."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from clinics import audit
from clinics.models import Clinic, User
from tests.factories import make_clinic, make_user
from tests.recorded import WatchedRequests, unrecorded

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return make_user("alice@alpha.test", make_clinic("alpha"))


def said_of(view: object, user: object) -> list[str]:
    """What is held against a request of this person."""
    request = RequestFactory().post("/anything/")
    request.user, request.resolver_match = user, None  # type: ignore[assignment]
    WatchedRequests(view)(request)  # type: ignore[arg-type]
    found = unrecorded[:]
    unrecorded.clear()
    return found


def rename(request: HttpRequest) -> HttpResponse:
    Clinic.objects.update(name="Another")
    return HttpResponse()


def test_a_change_without_a_line_is_held_against_it(user: User) -> None:
    said = said_of(rename, user)
    assert said[0] == "POST  changed ['clinics_clinic']"
    assert said_of(rename, None) == []


@pytest.mark.parametrize(("detail", "complaints"), [({"name": ["Alpha", "Another"]}, 0), ({}, 1)])
def test_a_line_says_what_it_was_before(user: User, detail: dict[str, list[str]], complaints: int) -> None:
    def renamed(request: HttpRequest) -> HttpResponse:
        audit.record("clinic_changed", by=user, detail=detail)
        return rename(request)

    assert len(said_of(renamed, user)) == complaints


def test_what_changed_nothing_needs_no_line(user: User) -> None:
    def nothing(request: HttpRequest) -> HttpResponse:
        Clinic.objects.filter(slug="nowhere").delete()
        return HttpResponse()

    assert said_of(nothing, user) == []
