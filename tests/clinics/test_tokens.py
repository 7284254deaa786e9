"""API tokens: seen by whose they are, revoked, ended by time, by a new password and by another role."""

from __future__ import annotations

import datetime

import pytest
import time_machine
from django.test import Client

from clinics.actions import invitations, people
from clinics.models import ApiToken, AuditEvent, Clinic, Membership, Role, User
from tests.clinics.signing_in import letters_to, link_in
from tests.factories import PASSWORD, make_clinic, make_user
from tests.rest import api_client

pytestmark = pytest.mark.django_db

NEW = "another long password"


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def alice(clinic: Clinic) -> User:
    return make_user("alice@alpha.test", clinic)


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def calls(user: User) -> Client:
    """A script of this person, with a token of its own."""
    script: Client = api_client(user)
    return script


def status(script: Client, slug: str = "alpha") -> int:
    return script.get(f"/api/v1/clinics/{slug}/patients/").status_code


def handle_in(page: str) -> str:
    return page.partition('name="token" value="')[2].partition('"')[0]


def test_its_person_sees_a_token_and_when_it_was_used(alice: User) -> None:
    people.create_token(user=alice, by=None, name="Nightly report")
    page = browser_of(alice)
    shown = page.get("/account/").content.decode()
    assert "Nightly report" in shown
    assert '<span class="never">never</span>' in shown
    script = calls(alice)
    assert status(script) == 200
    used = ApiToken.objects.exclude(last_used_at=None).get()
    assert used.name == ""
    assert "without a name" in page.get("/account/").content.decode()


def test_a_revoked_token_opens_nothing_from_then_on(alice: User) -> None:
    script, page = calls(alice), browser_of(alice)
    handle = handle_in(page.get("/account/").content.decode())
    page.post("/account/tokens/", {"token": "made up"})
    assert status(script) == 200
    said = page.post("/account/tokens/", {"token": handle}, follow=True).content.decode()
    assert "No script can read or write as you" in said
    assert status(script) == 401
    assert AuditEvent.objects.get(action="token_revoked").target_id == str(alice.id)


def test_nobody_revokes_the_token_of_another(clinic: Clinic, alice: User) -> None:
    script = calls(alice)
    handle = handle_in(browser_of(alice).get("/account/").content.decode())
    browser_of(make_user("bob@alpha.test", clinic)).post("/account/tokens/", {"token": handle})
    assert status(script) == 200


def test_a_token_ends_after_its_days_and_its_person_still_sees_it(alice: User) -> None:
    script = calls(alice)
    with time_machine.travel(datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=366)):
        assert status(script) == 401
        assert "expired" in browser_of(alice).get("/account/").content.decode()


def test_a_new_password_ends_all_tokens(alice: User) -> None:
    script = calls(alice)
    form = {"password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    browser_of(alice).post("/account/password/", form)
    assert status(script) == 401
    assert AuditEvent.objects.get(action="password_changed").detail == {"tokens_ended": 1}


def test_a_password_chosen_by_letter_ends_all_tokens(alice: User) -> None:
    script = calls(alice)
    Client().post("/password/", {"email": alice.email})
    client = Client()
    form = client.get(link_in(letters_to(alice.email)[0]), follow=True)
    client.post(form.wsgi_request.path, {"new_password1": NEW, "new_password2": NEW})
    assert status(script) == 401


@pytest.mark.parametrize("what", ["role", "remove"])
def test_another_role_ends_all_tokens(clinic: Clinic, alice: User, what: str) -> None:
    script = calls(alice)
    admin = make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN)
    member = str(Membership.objects.get(user=alice).pk)
    browser_of(admin).post("/c/alpha/people/", {"do": what, "member": member, "role": "clinic_admin"})
    assert status(script) == 401
    assert not ApiToken.objects.exists()


def test_another_role_in_one_clinic_ends_a_token_there_and_not_in_the_other(
    clinic: Clinic, alice: User
) -> None:
    """The admin of one clinic touches nothing in another."""
    Membership.objects.create(user=alice, clinic=make_clinic("beta"), role=Role.CARE_MANAGER)
    script = calls(alice)
    admin = make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN)
    people.grant_role(user=alice, clinic=clinic, role=Role.CLINIC_ADMIN, by=admin)
    assert (status(script, "alpha"), status(script, "beta")) == (401, 200)
    assert status(calls(alice), "alpha") == 200


def test_a_token_does_not_open_a_clinic_that_its_person_joined_later(clinic: Clinic, alice: User) -> None:
    beta = make_clinic("beta")
    script = calls(alice)
    boss = make_user("boss@beta.test", beta, Role.CLINIC_ADMIN)
    invitation = invitations.invite(email=alice.email, clinic=beta, role=Role.CARE_MANAGER, by=boss)
    invitations.accept(invitation=invitation, by=alice)
    assert (status(script, "alpha"), status(script, "beta")) == (200, 401)
