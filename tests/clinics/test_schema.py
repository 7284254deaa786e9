"""The API is described, and keeps to its description."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver
from rest_framework.test import APIClient

from clinics.models import Clinic, Role
from tests.factories import credentials, make_clinic, make_user
from tests.rest import token_of
from tests.schema import DOORS, ask_everything, described, world
from tests.test_rights import RIGHTS, Right, person

pytestmark = pytest.mark.django_db

URL = "/api/schema/"


@pytest.fixture
def clinic() -> Clinic:
    return world("alpha")


def test_the_description_is_valid_and_leaves_nothing_open(tmp_path: Path) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yaml"))


def test_every_route_of_the_api_is_described() -> None:
    routes = {name for name in get_resolver().reverse_dict if str(name).startswith("api-")}
    assert len(described()["paths"]) == len(routes) + len(DOORS)


def test_every_operation_names_its_errors() -> None:
    for path, operations in described()["paths"].items():
        for operation in operations.values():
            errors = {"401"} if path in DOORS else {"401", "403", "404"}
            assert errors <= operation["responses"].keys(), path


def test_an_answer_always_has_every_member() -> None:
    shapes = described()["components"]["schemas"]
    assert shapes["Gateway"]["required"] == sorted(shapes["Gateway"]["properties"])


def test_the_description_is_for_who_may_call() -> None:
    user = make_user("billing@alpha.test", make_clinic("alpha"), Role.BILLING)
    browser = Client()
    browser.force_login(user)
    script = APIClient()
    script.credentials(HTTP_AUTHORIZATION=token_of(user))
    for caller in (browser, script):
        answer = caller.get(URL, headers={"Accept": "text/html"})
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
        assert answer.json()["openapi"].startswith("3.")
    assert Client().get(URL).status_code == 401


def test_an_admin_is_answered_as_described(clinic: Clinic) -> None:
    user = make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN)
    answered = ask_everything(clinic, {"Authorization": token_of(user)}, examples=12)
    assert {path for path, statuses in answered.items() if 200 not in statuses} == set(DOORS)


@pytest.mark.parametrize("role", [Role.CARE_MANAGER, Role.BILLING, "operator"])
def test_other_roles_are_answered_as_described_and_only_where_they_may(clinic: Clinic, role: str) -> None:
    answered = ask_everything(clinic, {"Authorization": token_of(person(clinic, role))}, examples=3)
    theirs = {described_as(right) for right in RIGHTS if role in right.roles}
    assert {path for path, statuses in answered.items() if statuses & {200, 201}} == answered.keys() & theirs
    assert {path for path, statuses in answered.items() if 403 in statuses} >= (
        answered.keys() - theirs - set(DOORS)
    )


def described_as(right: Right) -> str:
    return "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", right.route)


def test_who_shows_nothing_is_answered_as_described(clinic: Clinic) -> None:
    answered = ask_everything(clinic, {}, examples=2)
    assert {status for statuses in answered.values() for status in statuses} <= {401, 404}


def test_the_vendor_is_answered_as_described(clinic: Clinic) -> None:
    answered = ask_everything(clinic, {"Authorization": credentials(clinic)}, examples=12, only=DOORS)
    assert {path for path, statuses in answered.items() if {200, 400} <= statuses} == set(DOORS)
