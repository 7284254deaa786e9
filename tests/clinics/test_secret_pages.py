"""The webhook secrets by page: shown once, two valid, the older one retired."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from clinics.models import AuditEvent, Clinic, Role, WebhookSecret
from tests.factories import basic, deliver, make_clinic, make_user

pytestmark = pytest.mark.django_db

PAGE = "/c/alpha/webhooks/"


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def page(clinic: Clinic) -> Client:
    client = Client()
    client.force_login(make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN))
    return client


def make(page: Client, header: str = "") -> str:
    said = page.post(PAGE, {"do": "add", "header": header}).content.decode()
    found = re.search(r'<p class="secret"><code>([\w-]+)</code>', said)
    assert found, said
    return found[1]


def opens(clinic: Clinic, headers: dict[str, str]) -> bool:
    return bool(deliver(clinic, b"{}", headers=headers).status_code == 400)


def with_password(password: str) -> dict[str, str]:
    return {"Authorization": basic("tenovi", password)}


def test_a_new_secret_is_shown_once_and_opens_the_door(page: Client, clinic: Clinic) -> None:
    secret = make(page)
    assert len(secret) >= 22  # 128 bits in base 64
    assert opens(clinic, with_password(secret))
    assert secret not in page.get(PAGE).content.decode()
    assert secret.encode() not in b"".join(bytes(one.digest) for one in WebhookSecret.objects.all())


def test_the_one_before_stays_valid_until_it_is_retired(page: Client, clinic: Clinic) -> None:
    first, second = make(page), make(page, "X-Vendor-Key")
    assert opens(clinic, with_password(first))
    assert opens(clinic, {"Authorization": "", "X-Vendor-Key": second})
    oldest = WebhookSecret.objects.earliest("id")
    page.post(PAGE, {"do": "retire", "secret": str(oldest.pk)})
    assert not opens(clinic, with_password(first))
    assert opens(clinic, {"Authorization": "", "X-Vendor-Key": second})


def test_the_newest_cannot_be_retired(page: Client, clinic: Clinic) -> None:
    secret = make(page)
    page.post(PAGE, {"do": "retire", "secret": str(WebhookSecret.objects.latest("id").pk)})
    assert opens(clinic, with_password(secret))


@pytest.mark.parametrize("typed", ["", "x", "-1", "9" * 30, "²"])
def test_a_secret_that_is_not_there_is_not_retired(page: Client, typed: str) -> None:
    make(page)
    page.post(PAGE, {"do": "retire", "secret": typed})
    assert WebhookSecret.objects.count() == 2


def test_another_clinics_secret_is_out_of_reach(page: Client) -> None:
    beta = make_clinic("beta")
    make(page)
    page.post(PAGE, {"do": "retire", "secret": str(beta.webhook_secrets.get().pk)})
    assert beta.webhook_secrets.exists()


@pytest.mark.parametrize("header", ["X Key", "Ä", "X-Key:", "<script>"])
def test_a_header_that_cannot_be_is_refused_beside_its_field(page: Client, header: str) -> None:
    said = page.post(PAGE, {"do": "add", "header": header}).content.decode()
    assert "letters, digits and hyphens" in said
    assert 'aria-invalid="true"' in said
    assert WebhookSecret.objects.count() == 1


def test_making_and_retiring_is_in_the_record_without_the_secret(page: Client) -> None:
    secrets = [make(page), make(page)]
    page.post(PAGE, {"do": "retire", "secret": str(WebhookSecret.objects.earliest("id").pk)})
    events = AuditEvent.objects.filter(action__startswith="webhook_secret").order_by("id")
    assert [event.action for event in events] == [
        "webhook_secret_added",
        "webhook_secret_added",
        "webhook_secret_retired",
    ]
    assert not any(secret in repr(vars(event)) for event in events for secret in secrets)
