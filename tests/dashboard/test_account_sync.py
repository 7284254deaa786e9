"""Connecting an account by page, watching it fill, and reading it again on demand."""

from __future__ import annotations

import re
import time

import pytest
from django.test import Client
from pytest_django import Settings

from clinics.models import AuditEvent, Clinic, Role
from devices import sync
from devices.models import Device, NightlySync
from patients.models import Patient
from tenovi.models import Request
from tenovi.outbound.sender import drain
from tests.factories import make_clinic, make_user
from tests.sandbox_server import Sandbox
from tests.vendor import vendor_clinic

pytestmark = pytest.mark.django_db

PAGE = "/c/alpha/account-sync/"


def admin_of(clinic: Clinic) -> Client:
    client = Client()
    client.force_login(make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN))
    return client


def shown(page: Client) -> str:
    """The page's words, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.get(PAGE).content.decode()))


def asked(clinic: Clinic) -> list[str]:
    return sorted(Request.objects.for_clinic(clinic).values_list("kind", flat=True))


def test_a_click_asks_for_the_whole_account_and_is_written_down() -> None:
    clinic = vendor_clinic()
    page = admin_of(clinic)
    assert page.post(PAGE).headers["Location"] == PAGE
    assert asked(clinic) == sorted(sync.KINDS)
    assert AuditEvent.objects.get(action="account_sync_started").actor_label == "admin@alpha.test"
    assert "about 10 s left" in shown(page)
    page.post(PAGE)
    assert asked(clinic) == sorted(sync.KINDS)


def test_a_list_that_is_being_read_tells_how_far_it_is() -> None:
    clinic = vendor_clinic()
    page = admin_of(clinic)
    page.post(PAGE)
    Request.objects.for_clinic(clinic).filter(kind="patients.list").update(pages=3, total=4321)
    said = shown(page)
    assert "1,500 of 4,321" in said
    assert "data-under-way" in page.get(PAGE).content.decode()


def test_a_list_that_stopped_says_why() -> None:
    clinic = vendor_clinic()
    page = admin_of(clinic)
    page.post(PAGE)
    Request.objects.for_clinic(clinic).filter(kind="patients.list").update(state="parked", reason="Refused.")
    assert "stopped Refused." in shown(page)
    page.post(PAGE)
    assert "stopped" not in shown(page)


def test_a_clinic_without_a_key_is_led_to_where_one_is_entered() -> None:
    clinic = make_clinic()
    page = admin_of(clinic)
    assert "Not connected to Tenovi" in shown(page)
    assert 'href="/c/alpha/vendor-key/"' in page.get(PAGE).content.decode()
    page.post(PAGE)
    assert asked(clinic) == []


def test_the_night_after_a_connection_reads_nothing_twice() -> None:
    clinic = vendor_clinic()
    admin_of(clinic).post(PAGE)
    assert NightlySync.objects.for_clinic(clinic).exists()
    assert sync.start_due() == 0


@pytest.mark.django_db(transaction=True)
def test_an_account_that_is_connected_by_page_is_here_shortly_after(
    sandbox: Sandbox, settings: Settings
) -> None:
    sandbox.control("settings", {"rate_seconds": 0.0})
    settings.TENOVI_SPACING_SECONDS, settings.TENOVI_BASE_URL = 0.02, sandbox.url
    clinic = make_clinic()
    page = admin_of(clinic)
    key = {"tenovi_domain": sandbox.domain, "api_key": sandbox.api_key}
    assert page.post("/c/alpha/vendor-key/", key).headers["Location"] == PAGE
    deadline = time.monotonic() + 120
    while asked(clinic) and time.monotonic() < deadline:
        drain(seconds=2)
    said = shown(page)
    assert "Nothing is left to be read." in said
    for label, rows in (("Patients", Patient), ("Devices", Device)):
        count = rows.objects.for_clinic(clinic).count()
        assert count > 10
        assert f"{label} {count} read" in said
