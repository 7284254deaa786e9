"""Whoever looks at a patient is in the record: every page there is, and a page that is new."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from clinics.models import AuditEvent, Role
from tests.factories import make_clinic, make_patient, make_user
from tests.looks import WatchedLooks, unseen
from tests.test_rights import RIGHTS, World, browser_of, gateway_in, make_world

pytestmark = pytest.mark.django_db

NAMES_NOBODY = {
    "c/<slug:clinic>/patients/<uuid:patient_id>/news/",
    *(f"c/<slug:clinic>/{page}/" for page in ("people", "settings", "vendor-key", "account-sync")),
    *(f"c/<slug:clinic>/{page}/" for page in ("webhooks", "webhooks/vendor")),
}
"""Pages of a clinic that show no patient. Adding one is a decision: the watch checks it in every test."""


@pytest.fixture
def alpha() -> World:
    return make_world("alpha", "A1A1A1A1A1A1")


def looks() -> list[str]:
    """What was written down about looking, oldest first."""
    rows = AuditEvent.objects.filter(action__regex="_(viewed|exported)$").order_by("id")
    return [f"{row.actor_label} {row.action} {row.target_id} {row.detail}" for row in rows]


def test_every_page_of_a_clinic_leaves_one_line_about_who_saw_it(alpha: World) -> None:
    missing = []
    for right in RIGHTS:
        if right.method != "GET" or not right.route.startswith("c/") or right.route in NAMES_NOBODY:
            continue
        role = sorted(right.roles)[0]
        before = len(looks())
        assert alpha.people[role].get(alpha.path(right, **gateway_in(right, alpha))).status_code == 200
        if len(looks()) != before + 1:
            missing.append(f"{right}: {looks()[before:]}")
    assert missing == []


def test_a_list_is_one_line_and_another_search_another(alpha: World) -> None:
    client = alpha.people[Role.CARE_MANAGER]
    for query in ("", "", "?q=of", "?q=of", "?q=alpha"):
        client.get(f"/c/alpha/patients/{query}")
    who = "care_manager@alpha.test list_viewed "
    assert looks() == [
        f"{who} {{'page': 'patients'}}",
        f"{who} {{'page': 'patients', 'query': 'q=of'}}",
        f"{who} {{'page': 'patients', 'query': 'q=alpha'}}",
    ]


def test_a_form_that_is_shown_again_with_its_faults_is_a_look_too(alpha: World) -> None:
    patient = alpha.values["patient_id"]
    path = f"/c/alpha/patients/{patient}/confirm-address/"
    assert alpha.people[Role.CARE_MANAGER].post(path).status_code == 200
    (line,) = looks()
    assert f"patient_viewed {patient}" in line


def test_who_is_refused_has_seen_nothing(alpha: World) -> None:
    alpha.people[Role.BILLING].get("/c/alpha/patients/")
    alpha.people[Role.CARE_MANAGER].get("/c/alpha/patients/00000000-0000-0000-0000-000000000000/")
    assert looks() == []


def test_the_watch_sees_a_page_that_leaves_no_line() -> None:
    clinic = make_clinic("alpha")
    make_patient(clinic, name="Test Person")
    request = RequestFactory().get("/anything/")
    request.user, request.resolver_match = make_user("alice@alpha.test", clinic), None

    def page(text: str) -> list[str]:
        def answer(request: HttpRequest) -> HttpResponse:
            return HttpResponse(text)

        WatchedLooks(answer)(request)
        found = unseen[:]
        unseen.clear()
        return found

    assert page("<h1>Test Person</h1>") == ["GET  shows ['Test Person']"]
    assert page("<h1>Nobody</h1>") == []


def test_pages_outside_a_clinic_name_no_patient(alpha: World) -> None:
    """What leaves no line shows nobody: the watch would fail this test."""
    client = browser_of(make_user("nurse@alpha.test", alpha.clinic))
    for path in ("/?choose", "/account/", "/account/invitations/"):
        assert client.get(path).status_code == 200
