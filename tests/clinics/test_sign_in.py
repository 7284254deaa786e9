"""Signing in, signing out, and being locked out."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.hashers import identify_hasher
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client

from clinics.models import AuditEvent, Clinic, Role, User
from tests.clinics.signing_in import is_signed_in, signed_in, try_sign_in
from tests.factories import PASSWORD, deliver, make_clinic, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def alice(clinic: Clinic) -> User:
    return make_user("alice@alpha.test", clinic)


def told(answer: Any) -> str:
    """The page without what differs from request to request."""
    text = re.sub(r'value="[^"]*"', "", answer.content.decode())
    return re.sub(r"autofocus", "", text)


def fail(email: str, times: int, **extra: Any) -> list[int]:
    return [try_sign_in(email, "wrong wrong wrong", **extra).status_code for _ in range(times)]


def test_password_and_address_open_the_door(alice: User) -> None:
    assert is_signed_in(signed_in(alice))
    assert [event.action for event in AuditEvent.objects.all()] == ["signed_in"]


def test_nobody_exists_that_nobody_made() -> None:
    assert not User.objects.exists()


def test_a_sign_in_starts_a_session_with_a_key_of_its_own(alice: User) -> None:
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = planted = "a" * 32
    try_sign_in(alice.email, client=client)
    assert client.cookies[settings.SESSION_COOKIE_NAME].value not in ("", planted)


def test_an_old_cookie_is_worth_nothing_after_sign_out(alice: User) -> None:
    client = signed_in(alice)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    answer = client.post("/sign-out/")
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    replay = Client()
    replay.cookies[settings.SESSION_COOKIE_NAME] = cookie
    assert not is_signed_in(replay)


def test_signing_out_takes_a_post(alice: User) -> None:
    client = signed_in(alice)
    assert client.get("/sign-out/").status_code == 405
    assert is_signed_in(client)


def test_who_was_switched_off_stays_outside(alice: User) -> None:
    client = signed_in(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert not is_signed_in(client)
    assert try_sign_in(alice.email).status_code == 200


@pytest.mark.parametrize("target", ["https://evil.test/", "//evil.test", "javascript:alert(1)"])
def test_signing_in_leads_to_no_other_site(alice: User, target: str) -> None:
    answer = Client().post("/sign-in/", {"username": alice.email, "password": PASSWORD, "next": target})
    assert answer["Location"] == "/"


def test_the_answer_does_not_tell_who_exists(alice: User) -> None:
    known, unknown = try_sign_in(alice.email, "wrong"), try_sign_in("nobody@alpha.test", "wrong")
    assert known.status_code == unknown.status_code == 200
    assert told(known) == told(unknown)


def test_five_failures_lock_an_account_whether_it_exists_or_not(alice: User) -> None:
    expected = [200, 200, 200, 200, 429, 429]
    assert fail(alice.email, 6, REMOTE_ADDR="192.0.2.1") == expected
    assert fail("nobody@alpha.test", 6, REMOTE_ADDR="192.0.2.2") == expected
    locked = try_sign_in(alice.email, PASSWORD, REMOTE_ADDR="192.0.2.3")
    assert locked.status_code == 429
    assert told(locked) == told(try_sign_in("nobody@alpha.test", PASSWORD, REMOTE_ADDR="192.0.2.4"))


def test_the_way_an_address_is_typed_is_no_way_around(alice: User) -> None:
    fail(" ALICE@alpha.test", 5)
    assert try_sign_in(alice.email, REMOTE_ADDR="192.0.2.9").status_code == 429


def test_a_lock_opens_by_itself_after_a_quarter_of_an_hour(alice: User) -> None:
    fail(alice.email, 5)
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=15, seconds=1)
    with time_machine.travel(later):
        assert try_sign_in(alice.email).status_code == 302


def test_one_address_may_fail_fifty_times_over_many_accounts(alice: User) -> None:
    for number in range(49):
        assert fail(f"user{number}@alpha.test", 1, REMOTE_ADDR="192.0.2.7") == [200]
    assert fail("last@alpha.test", 1, REMOTE_ADDR="192.0.2.7") == [429]
    assert try_sign_in(alice.email, REMOTE_ADDR="192.0.2.7").status_code == 429
    assert try_sign_in(alice.email, REMOTE_ADDR="192.0.2.8").status_code == 302


def test_owning_one_account_does_not_forgive_an_address(alice: User) -> None:
    for number in range(49):
        fail(f"user{number}@alpha.test", 1)
    assert try_sign_in(alice.email).status_code == 302
    assert fail("last@alpha.test", 1) == [429]


def test_the_vendor_is_never_locked_out(alice: User, clinic: Clinic) -> None:
    for number in range(51):
        fail(f"user{number}@alpha.test", 1)
    for _ in range(60):
        assert deliver(clinic, {}, headers={"Authorization": "Basic wrong"}).status_code == 401
    assert deliver(clinic, {"metric": "pulse"}).status_code == 200


def test_failures_are_in_the_record_without_what_was_typed(alice: User) -> None:
    fail(alice.email, 1, REMOTE_ADDR="192.0.2.5")
    fail("typed-by-mistake", 1)
    known, unknown = AuditEvent.objects.order_by("id")
    assert (known.action, known.target_id, known.address) == ("sign_in_failed", str(alice.id), "192.0.2.5")
    assert known.actor_label == unknown.actor_label == "not signed in"
    assert "typed-by-mistake" not in repr(vars(unknown))


@pytest.mark.parametrize(
    "password", ["short", "elevenchars", "password1234", "123456789012", "alice@alpha.test"]
)
def test_a_weak_password_is_refused(alice: User, password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password, alice)


@pytest.mark.parametrize("password", ["correct horse battery", "ü" * 6 + "staple horse", "x7" + "long " * 40])
def test_a_long_password_is_allowed_whatever_it_holds(alice: User, password: str) -> None:
    validate_password(password, alice)
    alice.set_password(password)
    assert identify_hasher(alice.password).algorithm == "argon2"
    assert alice.check_password(password)


def test_a_person_with_a_role_in_the_demo_needs_no_second_factor(
    clinic: Clinic, settings: pytest.FixtureRequest
) -> None:
    admin = make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN)
    admin.second_factor.delete()
    client = signed_in(admin)
    assert client.get("/c/alpha/patients/")["Location"] == "/account/second-factor/"
    settings.DEMO = True  # type: ignore[attr-defined]
    assert client.get("/c/alpha/patients/").status_code == 200
