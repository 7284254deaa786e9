"""A secret that was retired by mistake is mended by one click: the vendor posts where and as it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from clinics.models import Clinic, Role
from tenovi.outbound.sender import drain
from tests.factories import WEBHOOK_USER, basic, make_clinic, make_user
from tests.pages import text_of
from tests.sandbox_server import Sandbox, end, start_sandbox
from tests.web_server import WebServer

pytestmark = pytest.mark.django_db(transaction=True)

AT_TENOVI = "/c/alpha/webhooks/vendor/"
SECRETS = "/c/alpha/webhooks/"
REFUSED = "refused in the last hour"


@pytest.fixture
def site(web_server: WebServer, settings: Settings) -> str:
    settings.PUBLIC_URL = f"http://{web_server.host}:{web_server.port}"
    return str(settings.PUBLIC_URL)


@pytest.fixture
def vendor(sandbox: Sandbox, site: str, settings: Settings) -> Sandbox:
    """It has our doors and our first secret, as somebody entered them."""
    sandbox.control("settings", {"rate_seconds": 0.0})
    settings.TENOVI_SPACING_SECONDS, settings.TENOVI_BASE_URL = 0.02, sandbox.url
    url = f"{site}/webhooks/alpha/measurements/"
    sandbox.control(
        "webhook", {"url": url, "header": "Authorization", "value": basic(WEBHOOK_USER, "secret of alpha")}
    )
    return sandbox


@pytest.fixture
def clinic(vendor: Sandbox) -> Clinic:
    clinic = make_clinic("alpha", tenovi_domain=vendor.domain)
    clinic.tenovi_api_key = vendor.api_key
    clinic.save()
    return clinic


@pytest.fixture
def admin(clinic: Clinic) -> Client:
    client = Client()
    client.force_login(make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN))
    return client


def posted(vendor: Sandbox) -> list[int]:
    """What our doors answer to one more reading."""
    statuses: list[int] = vendor.control("live")["statuses"]
    return statuses


def retire_the_one_in_use(admin: Client, clinic: Clinic) -> None:
    used = clinic.webhook_secrets.get()
    admin.post(SECRETS, {"do": "add", "header": ""})
    admin.post(SECRETS, {"do": "retire", "secret": str(used.pk), "typed": used.name})


def register(admin: Client) -> None:
    admin.post(AT_TENOVI, {"do": "read"})
    drain()
    admin.post(AT_TENOVI, {"do": "register"})


def test_registering_again_ends_the_refusals_that_a_retired_secret_began(
    admin: Client, clinic: Clinic, vendor: Sandbox
) -> None:
    assert posted(vendor) == [200]
    retire_the_one_in_use(admin, clinic)
    assert posted(vendor) == [401]
    page = admin.get(AT_TENOVI)
    assert REFUSED in text_of(page)
    assert "a secret that was retired here was shown" in text_of(page)
    register(admin)
    drain()
    assert posted(vendor) == [200]
    said = text_of(admin.get(AT_TENOVI))
    assert "Calls are let in again." in said
    assert REFUSED not in said
    assert said.count("registered, with a secret that opens it") == 3


def test_the_banner_says_that_a_registration_is_under_way_and_then_that_none_was_refused_since(
    admin: Client, clinic: Clinic, vendor: Sandbox
) -> None:
    retire_the_one_in_use(admin, clinic)
    posted(vendor)
    assert "notice-failed" in admin.get(AT_TENOVI).content.decode()
    register(admin)
    page = admin.get(AT_TENOVI)
    assert "The webhooks at Tenovi are being changed." in text_of(page)
    assert "notice-failed" not in page.content.decode()
    assert "data-under-way" in page.content.decode(), "the page follows by itself"
    drain()
    page = admin.get(AT_TENOVI)
    assert "None since the webhooks at Tenovi were changed," in text_of(page)
    assert "Register again" not in text_of(page)
    assert "notice-failed" not in page.content.decode()
    assert "data-under-way" not in page.content.decode()


def test_a_refusal_after_a_registration_is_told_in_full_again(
    admin: Client, clinic: Clinic, vendor: Sandbox
) -> None:
    register(admin)
    drain()
    clinic.webhook_secrets.all().delete()
    assert posted(vendor) == [401]
    page = admin.get(AT_TENOVI)
    assert "Register again" in text_of(page)
    assert "notice-failed" in page.content.decode()


def test_news_of_a_parcel_goes_to_its_own_door_with_its_own_secret(
    admin: Client, clinic: Clinic, vendor: Sandbox
) -> None:
    retire_the_one_in_use(admin, clinic)
    register(admin)
    drain()
    device = vendor.call("/hwi/hwi-devices/").json()[0]["id"]
    moved: dict[str, Any] = vendor.control("orders", {"device": device, "status": "On Hold"})
    assert moved["statuses"] == [200]


def test_a_demo_that_is_started_anew_posts_as_it_was_told_before(
    clinic: Clinic, admin: Client, site: str, tmp_path: Path, settings: Settings
) -> None:
    given = (
        f"--clinic-url={site}",
        "--clinic=alpha",
        f"--webhook-user={WEBHOOK_USER}",
        "--webhook-password=secret of alpha",
        f"--keep-webhooks={tmp_path / 'webhooks.json'}",
    )
    process, vendor = start_sandbox(*given)
    try:
        settings.TENOVI_BASE_URL, settings.TENOVI_SPACING_SECONDS = vendor.url, 1.05
        assert posted(vendor) == [200], "nobody has registered anything yet"
        retire_the_one_in_use(admin, clinic)
        register(admin)
        drain()
        assert posted(vendor) == [200]
    finally:
        end(process)
    assert (tmp_path / "webhooks.json").stat().st_mode & 0o077 == 0
    process, vendor = start_sandbox(*given)
    try:
        assert posted(vendor) == [200]
    finally:
        end(process)
