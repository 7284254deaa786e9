"""How long a session lasts, what ends it, and who can see it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.test import Client

from clinics.actions import people
from clinics.middleware import BACKGROUND
from clinics.models import AuditEvent, Clinic, Role, Session, User
from clinics.signing_in.sessions import browser_named
from tests.clinics.signing_in import is_signed_in, signed_in
from tests.factories import PASSWORD, make_clinic, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.clock]

NOW = datetime.datetime(2025, 11, 19, 15, tzinfo=datetime.UTC)
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def alice(clinic: Clinic) -> User:
    return make_user("alice@alpha.test", clinic)


def shift(clock: time_machine.Traveller, **by: float) -> None:
    clock.shift(datetime.timedelta(**by))


def test_fifteen_idle_minutes_end_a_session(clock: time_machine.Traveller, alice: User) -> None:
    client = signed_in(alice)
    shift(clock, minutes=14, seconds=59)
    assert is_signed_in(client)
    shift(clock, minutes=15)
    assert not is_signed_in(client)
    assert not Session.objects.filter(user_id=alice.id).exists()
    assert AuditEvent.objects.filter(action="session_ended", actor_id=alice.id).exists()


def test_looking_for_news_in_the_background_does_not_prolong_it(
    clock: time_machine.Traveller, alice: User
) -> None:
    client = signed_in(alice)
    for _ in range(14):
        shift(clock, minutes=1)
        assert is_signed_in(client, **{BACKGROUND: "1"})
    shift(clock, minutes=1)
    assert not is_signed_in(client, **{BACKGROUND: "1"})


def test_the_api_with_a_session_obeys_too(clock: time_machine.Traveller, alice: User) -> None:
    client = signed_in(alice)
    shift(clock, minutes=15)
    assert client.get("/api/v1/clinics/alpha/patients/").status_code == 401


def test_twelve_hours_end_a_session_however_busy(clock: time_machine.Traveller, alice: User) -> None:
    client = signed_in(alice)
    for _ in range(71):
        shift(clock, minutes=10)
        assert is_signed_in(client)
    shift(clock, minutes=10)
    assert not is_signed_in(client)


def test_a_clinic_may_ask_for_less_but_not_for_more(
    clock: time_machine.Traveller, clinic: Clinic, alice: User
) -> None:
    client = signed_in(alice)
    Clinic.objects.update(idle_minutes=5)
    shift(clock, minutes=5)
    assert not is_signed_in(client)
    Clinic.objects.update(idle_minutes=60)
    client = signed_in(alice)
    shift(clock, minutes=15)
    assert not is_signed_in(client)


def test_another_role_signs_out_everywhere(clinic: Clinic, alice: User) -> None:
    here, there = signed_in(alice), signed_in(alice)
    people.grant_role(user=alice, clinic=clinic, role=Role.BILLING, by=None)
    assert not is_signed_in(here)
    assert not is_signed_in(there)


def test_a_lost_membership_signs_out_everywhere(clinic: Clinic, alice: User) -> None:
    admin = make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN)
    client = signed_in(alice)
    people.remove_member(membership=alice.memberships.get(), by=admin)
    assert not is_signed_in(client)


def test_a_new_password_signs_out_everywhere_else(alice: User) -> None:
    here, there = signed_in(alice), signed_in(alice)
    new = "another long password"
    answer = here.post(
        "/account/password/", {"password": PASSWORD, "new_password1": new, "new_password2": new}
    )
    assert answer.status_code == 302
    assert is_signed_in(here)
    assert not is_signed_in(there)
    alice.refresh_from_db()
    assert alice.check_password(new)


def change_password(client: Client, user: User) -> None:
    new = "another long password"
    client.post("/account/password/", {"password": PASSWORD, "new_password1": new, "new_password2": new})


def become_billing(client: Client, user: User) -> None:
    people.grant_role(user=user, clinic=user.memberships.get().clinic, role=Role.BILLING, by=None)


def leave(client: Client, user: User) -> None:
    people.remove_member(membership=user.memberships.get(), by=user)


@pytest.mark.parametrize(
    "end", [lambda client, user: client.post("/sign-out/"), change_password, become_billing, leave]
)
def test_a_cookie_kept_from_before_opens_no_page_and_no_api(alice: User, end: Any) -> None:
    client, kept = signed_in(alice), Client()
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    kept.cookies[settings.SESSION_COOKIE_NAME] = cookie
    assert is_signed_in(kept)
    end(client, alice)
    kept.cookies[settings.SESSION_COOKIE_NAME] = cookie
    assert not is_signed_in(kept)
    kept.cookies[settings.SESSION_COOKIE_NAME] = cookie
    assert kept.get("/api/v1/clinics/alpha/patients/").status_code == 401


def test_a_new_password_takes_the_old_one_and_a_good_one(alice: User) -> None:
    client = signed_in(alice)
    wrong = {"password": "not it", "new_password1": "short", "new_password2": "short"}
    page = client.post("/account/password/", wrong).content.decode()
    assert "This is not your password" in page
    assert "at least 12 characters" in page
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_one_sees_where_one_is_signed_in_and_ends_one_of_them(alice: User) -> None:
    here = signed_in(alice)
    there = signed_in(alice, headers={"User-Agent": FIREFOX}, REMOTE_ADDR="192.0.2.44")
    page = here.get("/account/").content.decode()
    assert "Firefox on Windows" in page
    assert "192.0.2.44" in page
    handle = page.partition('name="session" value="')[2].partition('"')[0]
    here.post("/account/sessions/", {"session": handle})
    assert is_signed_in(here)
    assert not is_signed_in(there)


def test_one_signs_out_everywhere_else(alice: User) -> None:
    here, there, third = (signed_in(alice) for _ in range(3))
    here.post("/account/sessions/")
    assert [is_signed_in(each) for each in (here, there, third)] == [True, False, False]


def test_nobody_ends_the_session_of_somebody_else(clinic: Clinic, alice: User) -> None:
    bob = make_user("bob@alpha.test", clinic)
    hers = signed_in(alice)
    handle = hers.get("/account/").context["sessions"][0]["handle"]
    signed_in(bob).post("/account/sessions/", {"session": handle})
    assert is_signed_in(hers)


def test_the_page_gives_no_key_of_a_session_away(alice: User) -> None:
    client = signed_in(alice)
    keys = Session.objects.values_list("session_key", flat=True)
    assert not any(key in client.get("/account/").content.decode() for key in keys)


@pytest.mark.parametrize(
    ("agent", "words"), [(FIREFOX, "Firefox on Windows"), ("curl/8", "A program"), ("", "A program")]
)
def test_a_browser_is_named_as_people_know_it(agent: str, words: str) -> None:
    assert browser_named(agent) == words


def test_a_visitor_without_session_gets_none() -> None:
    client = Client()
    client.get("/sign-in/")
    assert not Session.objects.exists()
