"""Helped by a link when the password is lost."""

from __future__ import annotations

import datetime

import pytest
import time_machine
from django.test import Client

from clinics.actions import people
from clinics.models import AuditEvent, Clinic, Role, User
from tests.clinics.signing_in import is_signed_in, letters_to, link_in, signed_in, try_sign_in
from tests.factories import PASSWORD, make_clinic, make_user

pytestmark = pytest.mark.django_db

NEW = "another long password"


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def alice(clinic: Clinic) -> User:
    return make_user("alice@alpha.test", clinic)


def forget(email: str) -> str:
    page = Client().post("/password/", {"email": email})
    assert page.status_code == 200
    return page.content.decode()


def choose(link: str, password: str = NEW, client: Client | None = None) -> str:
    """Follow the link of a letter and choose a password; where that led."""
    client = client or Client()
    form = client.get(link, follow=True)
    answer = client.post(form.wsgi_request.path, {"new_password1": password, "new_password2": password})
    return str(answer.headers.get("Location", answer.content.decode()))


def test_a_lost_password_is_replaced_through_a_letter(alice: User) -> None:
    open_elsewhere = signed_in(alice)
    forget(alice.email)
    (letter,) = letters_to(alice.email)
    assert choose(link_in(letter)) == "/sign-in/"
    assert try_sign_in(alice.email, NEW).status_code == 302
    assert try_sign_in(alice.email, PASSWORD).status_code == 200
    assert not is_signed_in(open_elsewhere)


def test_the_page_does_not_tell_who_exists(alice: User) -> None:
    known, unknown = forget(alice.email), forget("nobody@alpha.test")
    assert known.replace(alice.email, "") == unknown.replace("nobody@alpha.test", "")
    assert letters_to("nobody@alpha.test") == []


def test_choosing_a_password_signs_nobody_in(alice: User) -> None:
    forget(alice.email)
    client = Client()
    choose(link_in(letters_to(alice.email)[0]), client=client)
    assert not is_signed_in(client)


def test_a_link_works_once_and_three_days(alice: User) -> None:
    forget(alice.email)
    link = link_in(letters_to(alice.email)[0])
    with time_machine.travel(datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=3, seconds=5)):
        assert "This link is spent" in Client().get(link, follow=True).content.decode()
    choose(link)
    assert "This link is spent" in Client().get(link, follow=True).content.decode()


def test_a_weak_password_is_refused_beside_its_field(alice: User) -> None:
    forget(alice.email)
    page = choose(link_in(letters_to(alice.email)[0]), "password1234")
    assert "too common" in page
    assert 'aria-invalid="true"' in page


def test_a_person_gets_one_letter_in_five_minutes(alice: User) -> None:
    forget(alice.email)
    forget(alice.email.upper())
    assert len(letters_to(alice.email)) == 1
    with time_machine.travel(datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=6)):
        forget(alice.email)
    assert len(letters_to(alice.email)) == 2


def test_a_clinic_keeps_an_admin(clinic: Clinic) -> None:
    admin = make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN)
    with pytest.raises(people.LastAdmin):
        people.grant_role(user=admin, clinic=clinic, role=Role.BILLING, by=admin)
    with pytest.raises(people.LastAdmin):
        people.remove_member(membership=admin.memberships.get(), by=admin)
    assert not AuditEvent.objects.exists()
