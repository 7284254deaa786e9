"""What the server writes to its log names no patient."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from rest_framework.test import APIClient

from clinics.models import Role
from tests.factories import PASSWORD, make_clinic, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the console's handler writes, as the settings made it."""
    """One JSON object a line; `message` is looked for with the quotes that end it."""
    handlers = [one for one in logging.getLogger().handlers if one.formatter and one.filters]
    (console,) = (one for one in handlers if isinstance(one, logging.StreamHandler))
    written = io.StringIO()
    before = console.setStream(written)
    yield written
    console.setStream(before)


def signed_in(role: str) -> Client:
    user = make_user("alice@alpha.test", make_clinic("alpha"), role)
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


@pytest.mark.parametrize("external_id", ["jane-doe-1961", "Jané Doe", "jane\\doe", "jane/doe"])
def test_a_refused_request_is_logged_by_its_route(log: io.StringIO, external_id: str) -> None:
    client = signed_in(Role.BILLING)
    assert client.get(f"/api/v1/clinics/alpha/patients/{external_id}/").status_code == 403
    assert "Forbidden: /api/v1/clinics/<slug:clinic>/patients/<any:external_id>/" in log.getvalue()
    assert "doe" not in log.getvalue().casefold()


def test_without_token_too(log: io.StringIO) -> None:
    assert APIClient().get("/api/v1/clinics/alpha/patients/jane-doe/series/").status_code == 401
    assert "Unauthorized: /api/v1/clinics/<slug:clinic>/patients/<any:external_id>/series/" in log.getvalue()


def test_an_address_that_leads_nowhere_is_not_repeated(log: io.StringIO) -> None:
    assert Client().get("/jane-doe/").status_code == 404
    assert "Not Found: an address without a page" in log.getvalue()


def test_a_method_that_is_not_allowed_is_logged_by_its_route(log: io.StringIO) -> None:
    assert signed_in(Role.CLINIC_ADMIN).post("/c/alpha/patients/").status_code == 405
    assert "/c/<slug:clinic>/patients/" in log.getvalue()


def test_a_failure_of_ours_is_logged_by_its_route(log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("on purpose")

    monkeypatch.setattr("patients.api.patient_with_external_id", fail)
    client = signed_in(Role.CARE_MANAGER)
    assert client.get("/api/v1/clinics/alpha/patients/jane-doe/").status_code == 500
    assert (
        "Internal Server Error: /api/v1/clinics/<slug:clinic>/patients/<any:external_id>/" in log.getvalue()
    )
    assert "jane" not in log.getvalue()


def test_a_form_without_its_token_is_logged_by_its_route(log: io.StringIO) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/sign-in/", {"username": "jane@doe.test", "password": PASSWORD})
    assert answer.status_code == 403
    assert "/sign-in/" in log.getvalue()
    assert "jane" not in log.getvalue()


def test_every_handler_leaves_paths_out() -> None:
    logging_settings: Any = settings.LOGGING
    handlers = logging_settings["handlers"].values()
    assert {tuple(handler["filters"]) for handler in handlers} == {("no_paths",)}


@pytest.mark.parametrize("name", ["celery.beat", "celery.worker.strategy", "celery.app.trace"])
def test_a_wake_up_is_no_news_and_a_failure_is(name: str) -> None:
    logger = logging.getLogger(name)
    assert not logger.isEnabledFor(logging.INFO)
    assert logger.isEnabledFor(logging.ERROR)
