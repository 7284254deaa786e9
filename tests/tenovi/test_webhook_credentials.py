"""Who may knock: a wrong or missing secret is refused first, and leaves nothing but a count."""

from __future__ import annotations

import base64
import datetime

import pytest
from django.db.models import F

from clinics import webhook_secrets
from clinics.models import Clinic
from tenovi.models import Delivery, RefusalCount
from tests.database import database_read_only
from tests.factories import (
    basic,
    credentials,
    deliver,
    element,
    held_device,
    knock,
    make_clinic,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


def deliveries(clinic: Clinic) -> list[Delivery]:
    return list(Delivery.objects.for_clinic(clinic))


@pytest.mark.django_db(transaction=True)
def test_a_wrong_secret_is_told_so_even_while_nothing_can_be_written() -> None:
    make_clinic("alpha")
    with database_read_only():
        answer = knock("POST", "/webhooks/alpha/measurements/", basic("tenovi", "wrong"))
        assert answer.status_code == 401
    assert not RefusalCount.objects.filter(cause="secret").exists()


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Basic %%%",
        "Basic dGVub3Zp",  # a user without a colon
        "Basic " + base64.b64encode(b"\xff\xfe\xfa:\xff").decode(),
        "Basic " + "A" * 10_000,
        "Bearer secret of alpha",
        "Token " + basic("tenovi", "secret of alpha").removeprefix("Basic "),
        "Bäsic sécret",
        basic("tenovi", "secret of alpha") + ", " + basic("tenovi", "secret of alpha"),
        basic("tenovi", "Secret of alpha"),
        basic("", "secret of alpha"),
        basic("tenovi", ""),
    ],
)
def test_missing_and_wrong_credentials_leave_nothing_but_a_count(
    clinic: Clinic, authorization: str | None
) -> None:
    answer = knock("POST", "/webhooks/alpha/measurements/", authorization)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Basic")
    assert deliveries(clinic) == []
    assert RefusalCount.objects.get(clinic_id=clinic.id, cause="secret").count == 1


@pytest.mark.parametrize("slug", ["nobody", "ALPHA", "alpha%00", "%F0%9F%8F%A5", "x" * 5000])
def test_an_unknown_clinic_is_answered_like_a_wrong_secret(clinic: Clinic, slug: str) -> None:
    answer = knock("POST", f"/webhooks/{slug}/measurements/", credentials(clinic))
    assert answer.status_code == 401
    assert RefusalCount.objects.get(clinic_id=None).count == 1
    wrong = knock("POST", "/webhooks/alpha/measurements/", basic("tenovi", "wrong"))
    assert wrong.content == answer.content


def test_refusals_of_one_hour_are_one_row(clinic: Clinic) -> None:
    for _ in range(3):
        knock("POST", "/webhooks/alpha/measurements/", None)
    assert RefusalCount.objects.get(clinic_id=clinic.id).count == 3


def test_one_clinics_secret_does_not_open_anothers_door(clinic: Clinic) -> None:
    other = make_clinic("beta")
    answer = knock("POST", "/webhooks/beta/measurements/", credentials(clinic))
    assert answer.status_code == 401
    assert deliveries(other) == []


def test_the_word_basic_is_read_in_any_case(clinic: Clinic) -> None:
    device = held_device(clinic)
    for word in ("basic", "BASIC"):
        authorization = credentials(clinic).replace("Basic", word)
        assert deliver(clinic, element(device), headers={"Authorization": authorization}).status_code == 200


def test_two_secrets_are_valid_and_a_third_must_wait_until_one_is_retired(clinic: Clinic) -> None:
    device = held_device(clinic)
    webhook_secrets.add_header(clinic, "X-Vitals-Key", "second")
    first = {"Authorization": credentials(clinic)}
    second = {"Authorization": "", "X-Vitals-Key": "second"}
    third = {"Authorization": basic("third", "password")}

    def answers() -> list[int]:
        return [deliver(clinic, element(device), headers=h).status_code for h in (first, second, third)]

    with pytest.raises(webhook_secrets.TwoAreValid):
        webhook_secrets.add_basic(clinic, "third", "password")
    assert answers() == [200, 200, 401]
    webhook_secrets.retire(clinic.webhook_secrets.earliest("id"))
    webhook_secrets.add_basic(clinic, "third", "password")
    assert answers() == [401, 200, 200]


def test_when_a_secret_was_last_used_is_kept_to_ten_minutes(clinic: Clinic) -> None:
    device = held_device(clinic)
    (secret,) = clinic.webhook_secrets.all()
    assert secret.last_used_at is None
    for age, is_noted in ((0, True), (9, False), (2, True)):
        clinic.webhook_secrets.update(last_used_at=F("last_used_at") - datetime.timedelta(minutes=age))
        before = clinic.webhook_secrets.get().last_used_at
        deliver(clinic, element(device))
        assert (clinic.webhook_secrets.get().last_used_at != before) is is_noted


def test_a_retired_secret_that_is_shown_is_counted_as_such(clinic: Clinic) -> None:
    webhook_secrets.add_header(clinic, "X-Key", "new")
    webhook_secrets.retire(clinic.webhook_secrets.earliest("id"))
    assert knock("POST", "/webhooks/alpha/measurements/", credentials(clinic)).status_code == 401
    assert RefusalCount.objects.get(clinic_id=clinic.id).cause == "retired"
    assert clinic.webhook_secrets.earliest("id").last_used_at is None


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Authorization", "Api-Key 0123456789"),
        ("Authorization", basic("tenovi", "typed as a whole")),  # how the vendor's form asks for it
        ("authorization", "Basic not-base64"),
        ("X-Webhook-Secret", "geheim-ü"),
        ("x_webhook_secret", "  padded  "),
    ],
)
def test_a_header_of_the_clinics_choosing_opens_the_door(clinic: Clinic, header: str, value: str) -> None:
    webhook_secrets.add_header(clinic, header, value)
    wire = value.strip().encode().decode("latin-1")  # what a server hands on
    sent = {"Authorization": "", header.replace("_", "-"): wire}
    assert deliver(clinic, element(held_device(clinic)), headers=sent).status_code == 200
    sent[header.replace("_", "-")] = wire + "x"
    assert deliver(clinic, b"{}", headers=sent).status_code == 401


def test_a_basic_secret_that_cannot_be_decoded_matches_itself_only(clinic: Clinic) -> None:
    webhook_secrets.add_header(clinic, "Authorization", "Basic %%%")
    assert deliver(clinic, b"{}", headers={"Authorization": "Basic %%%%"}).status_code == 401
    assert deliver(clinic, b"{}", headers={"Authorization": "Basic"}).status_code == 401


@pytest.mark.parametrize("empty", ["", "   "])
def test_an_empty_secret_is_refused_when_it_is_set(clinic: Clinic, empty: str) -> None:
    with pytest.raises(ValueError, match="empty"):
        webhook_secrets.add_header(clinic, "X-Key", empty)
    with pytest.raises(ValueError, match="empty"):
        webhook_secrets.add_basic(clinic, "tenovi", empty.strip())


def test_setting_a_valid_secret_again_does_not_retire_the_other(clinic: Clinic) -> None:
    webhook_secrets.add_header(clinic, "X-Key", "new")
    webhook_secrets.add_header(clinic, "X-Key", "new")
    assert deliver(clinic, b"{}").status_code == 400
    assert deliver(clinic, b"{}", headers={"Authorization": "", "X-Key": "new"}).status_code == 400
