"""The webhook secrets by page: shown once, two valid, the older one retired."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client

from clinics.models import AuditEvent, Clinic, Role, WebhookSecret
from clinics.webhook_secrets import RETIRED_KEPT
from tests.factories import basic, deliver, make_clinic, make_user
from tests.pages import text_of

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
    first = make(page)
    page.post(PAGE, {"do": "retire", "secret": str(WebhookSecret.objects.earliest("id").pk)})
    second = make(page, "X-Vendor-Key")
    assert opens(clinic, with_password(first))
    assert opens(clinic, {"Authorization": "", "X-Vendor-Key": second})
    older = WebhookSecret.objects.get(name="secret-2")
    page.post(PAGE, {"do": "retire", "secret": str(older.pk), "typed": older.name})
    assert not opens(clinic, with_password(first))
    assert opens(clinic, {"Authorization": "", "X-Vendor-Key": second})


def retire(page: Client, secret: WebhookSecret, typed: str = "") -> str:
    wanted = {"do": "retire", "secret": str(secret.pk), "typed": typed}
    return html.unescape(page.post(PAGE, wanted, follow=True).content.decode())


def test_the_last_one_that_opens_cannot_be_retired(page: Client, clinic: Clinic) -> None:
    secret = make(page)
    first, second = WebhookSecret.objects.order_by("id")
    retire(page, first)
    retire(page, second)
    assert opens(clinic, with_password(secret))


def test_one_that_was_used_lately_is_retired_only_by_typing_its_name(page: Client, clinic: Clinic) -> None:
    make(page)
    deliver(clinic, b"{}")
    used = WebhookSecret.objects.earliest("id")
    for typed in ("", "yes", used.name.upper()):
        assert f"{used.name} was used in the last day. Type its name" in retire(page, used, typed)
        assert opens(clinic, {})
    assert f"{used.name} opens nothing any more." in retire(page, used, f" {used.name} ")
    assert not opens(clinic, {})


def test_which_one_tenovi_uses_is_shown(page: Client, clinic: Clinic) -> None:
    make(page)
    said = text_of(page.get(PAGE))
    assert said.count("never") == 2
    deliver(clinic, b"{}")
    said = text_of(page.get(PAGE))
    assert (said.count("in use,"), said.count("never")) == (1, 1)


def test_a_third_is_refused_until_one_is_retired(page: Client, clinic: Clinic) -> None:
    second = make(page)
    said = html.unescape(page.post(PAGE, {"do": "add", "header": ""}, follow=True).content.decode())
    assert "Two secrets are valid already." in said
    assert WebhookSecret.objects.count() == 2
    assert opens(clinic, {})
    retire(page, WebhookSecret.objects.latest("id"), "secret-2")
    third = make(page)
    assert opens(clinic, with_password(third))
    assert not opens(clinic, with_password(second))


def test_one_that_was_retired_by_mistake_is_accepted_again(page: Client, clinic: Clinic) -> None:
    make(page)
    first = WebhookSecret.objects.earliest("id")
    retire(page, first)
    assert not opens(clinic, {})
    page.post(PAGE, {"do": "restore", "secret": str(first.pk)})
    assert opens(clinic, {})


def test_why_a_retired_one_cannot_be_accepted_now_stands_where_its_button_would(page: Client) -> None:
    """Two that were never used are valid, and Tenovi may still show the one that was retired."""
    first = WebhookSecret.objects.earliest("id")
    make(page)
    retire(page, first)
    assert "Accept it again" in text_of(page.get(PAGE))
    make(page)
    said = text_of(page.get(PAGE))
    assert "Accept it again" not in said
    assert "Two are valid: retire one above to accept this again." in said
    page.post(PAGE, {"do": "restore", "secret": str(first.pk)})
    assert WebhookSecret.objects.valid().count() == 2
    retire(page, WebhookSecret.objects.latest("id"))
    assert text_of(page.get(PAGE)).count("Accept it again") == 2


def test_names_are_short_and_told_apart(page: Client) -> None:
    said = page.post(PAGE, {"do": "add", "header": "", "name": "secret-1"}).content.decode()
    assert "Another secret has this name." in said
    page.post(PAGE, {"do": "add", "header": "", "name": "For the pilot"})
    assert list(WebhookSecret.objects.order_by("id").values_list("name", flat=True)) == [
        "secret-1",
        "For the pilot",
    ]


def test_the_last_few_that_were_retired_are_known_and_no_more(page: Client) -> None:
    for _ in range(6):
        make(page)
        retire(page, WebhookSecret.objects.filter(retired_at=None).earliest("id"))
    assert WebhookSecret.objects.count() == 1 + RETIRED_KEPT


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
    secrets = [make(page)]
    page.post(PAGE, {"do": "retire", "secret": str(WebhookSecret.objects.earliest("id").pk)})
    secrets.append(make(page))
    events = AuditEvent.objects.filter(action__startswith="webhook_secret").order_by("id")
    assert [event.action for event in events] == [
        "webhook_secret_added",
        "webhook_secret_retired",
        "webhook_secret_added",
    ]
    assert not any(secret in repr(vars(event)) for event in events for secret in secrets)
