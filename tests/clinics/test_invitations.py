"""Invited to a clinic: the letter, the answer, and what nobody may do before it."""

from __future__ import annotations

import datetime
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test import Client

from clinics.actions import people
from clinics.models import AuditEvent, Clinic, Invitation, Membership, Role, User
from tests.clinics.signing_in import is_signed_in, letters_to, try_sign_in
from tests.factories import add_second_factor, make_clinic, make_user

pytestmark = pytest.mark.django_db

PAGE = "/c/beta/people/"
OWN = "/account/invitations/"
NEW = "another long password"


@pytest.fixture(autouse=True)
def letters_leave(django_capture_on_commit_callbacks: Any) -> Iterator[None]:
    """Every request below is its own transaction, so that its letter leaves with it."""
    generic = Client.generic

    def committed(self: Client, *args: Any, **kwargs: Any) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            return generic(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "generic", committed)
        yield


@pytest.fixture
def alpha() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def beta() -> Clinic:
    return make_clinic("beta")


@pytest.fixture
def page(beta: Clinic) -> Client:
    """The browser of beta's admin."""
    client = Client()
    client.force_login(make_user("admin@beta.test", beta, Role.CLINIC_ADMIN))
    return client


@pytest.fixture
def alice(alpha: Clinic) -> User:
    """An admin of alpha."""
    return make_user("alice@alpha.test", alpha, Role.CLINIC_ADMIN)


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def invite(page: Client, email: str, role: str = "billing") -> str:
    said = page.post(PAGE, {"do": "invite", "email": email, "role": role}, follow=True)
    return str(said.content.decode())


def link_to(email: str) -> str:
    """The path of the link in the newest letter to this address."""
    found = re.search(r"https?://[^/\s]+(/invitation/\S+)", letters_to(email)[-1])
    assert found
    return found[1]


def answer(client: Client, what: str) -> str:
    """Accept or decline the one invitation of this person; what the next page says."""
    sent = {"invitation": str(Invitation.objects.get().id), "do": what}
    return str(client.post(OWN, sent, follow=True).content.decode())


def lines(clinic: Clinic, action: str) -> list[str]:
    """Who did this, by the record of the clinic."""
    events = AuditEvent.objects.filter(clinic_id=clinic.id, action=action)
    return [event.actor_label for event in events.order_by("id")]


# Somebody who has an account


def test_somebody_elses_admin_is_asked_and_nothing_changes(page: Client, beta: Clinic, alice: User) -> None:
    theirs = browser_of(alice)
    assert f"An invitation is on its way to {alice.email}" in invite(page, alice.email)
    assert not Membership.objects.filter(user=alice, clinic=beta).exists()
    assert theirs.get("/c/beta/patients/").status_code == 404
    for what in ("sign-out", "reset-factor", "remove"):
        mine = Membership.objects.get(user=alice).pk
        assert page.post(PAGE, {"do": what, "member": str(mine)}).status_code == 404
    assert is_signed_in(theirs)
    assert alice.second_factor


def test_who_is_asked_sees_it_after_signing_in_and_accepts(page: Client, beta: Clinic, alice: User) -> None:
    invite(page, alice.email)
    theirs = browser_of(alice)
    home = theirs.get("/").content.decode()
    assert "<strong>Beta</strong> invites you as billing" in home
    assert "You are in Beta now." in answer(theirs, "accept")
    assert Membership.objects.get(user=alice, clinic=beta).role == Role.BILLING
    assert is_signed_in(theirs)
    assert theirs.get("/c/beta/billing/").status_code == 200
    assert lines(beta, "invitation_accepted") == lines(beta, "role_granted") == [alice.email]


def test_who_declines_stays_out_and_the_clinic_sees_it(page: Client, beta: Clinic, alice: User) -> None:
    invite(page, alice.email)
    assert "is told that you declined" in answer(browser_of(alice), "decline")
    assert not Membership.objects.filter(user=alice, clinic=beta).exists()
    assert lines(beta, "invitation_declined") == [alice.email]
    assert "no longer open" in answer(browser_of(alice), "accept")
    assert not Membership.objects.filter(user=alice, clinic=beta).exists()


def test_the_link_leads_somebody_known_to_sign_in_and_never_to_a_password(page: Client, alice: User) -> None:
    invite(page, alice.email)
    link = link_to(alice.email)
    assert Client().get(link, follow=True).redirect_chain[-1][0] == f"/sign-in/?next={OWN}"
    posted = Client().post(link, {"new_password1": NEW, "new_password2": NEW})
    assert posted["Location"] == OWN
    assert not alice.check_password(NEW)
    assert browser_of(alice).get(link, follow=True).redirect_chain[-1][0] == OWN


def test_nobody_answers_for_another(page: Client, beta: Clinic, alice: User) -> None:
    invite(page, alice.email)
    mallory = browser_of(make_user("mallory@gamma.test", make_clinic("gamma")))
    assert "no longer open" in answer(mallory, "accept")
    assert Membership.objects.filter(clinic=beta).count() == 1
    assert "This invitation is for alice@alpha.test" in mallory.get(link_to(alice.email)).content.decode()


# Somebody new


def test_somebody_new_chooses_a_password_and_is_in(page: Client, beta: Clinic) -> None:
    invite(page, " New@Beta.test ")
    assert not User.objects.filter(email="new@beta.test").exists()
    link, client = link_to("new@beta.test"), Client()
    assert "Join Beta" in client.get(link).content.decode()
    weak = client.post(link, {"new_password1": "password1234", "new_password2": "password1234"})
    assert "too common" in weak.content.decode()
    assert not User.objects.filter(email="new@beta.test").exists()
    assert client.post(link, {"new_password1": NEW, "new_password2": NEW})["Location"] == "/sign-in/"
    assert not is_signed_in(client)
    assert try_sign_in("new@beta.test", NEW).status_code == 302
    assert Membership.objects.get(user__email="new@beta.test", clinic=beta).role == Role.BILLING
    assert "no longer open" in client.get(link).content.decode()


def test_somebody_new_declines_and_no_account_is_made(page: Client, beta: Clinic) -> None:
    invite(page, "new@beta.test")
    assert "You declined" in Client().post(link_to("new@beta.test"), {"do": "decline"}).content.decode()
    assert not User.objects.filter(email="new@beta.test").exists()
    assert lines(beta, "invitation_declined") == ["not signed in"]


# What becomes of an invitation


def test_an_invitation_expires(page: Client, alice: User) -> None:
    invite(page, alice.email)
    invite(page, "new@beta.test")
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=7, seconds=5)
    with time_machine.travel(later):
        assert "No invitation waits for you" in browser_of(alice).get(OWN).content.decode()
        assert Client().get(link_to("new@beta.test")).status_code == 404
        page.force_login(User.objects.get(email="admin@beta.test"))
        assert "expired" in page.get(PAGE).content.decode()
        for one in Invitation.objects.all():
            page.post(PAGE, {"do": "send-again", "invitation": str(one.id)})
        assert Client().get(link_to("new@beta.test")).status_code == 200
        assert "Beta" in browser_of(alice).get(OWN).content.decode()


def test_a_letter_sent_again_ends_the_link_of_the_first(page: Client) -> None:
    invite(page, "new@beta.test")
    first = link_to("new@beta.test")
    invite(page, "new@beta.test", "care_manager")
    assert Invitation.objects.get().role == "care_manager"
    assert Client().get(first).status_code == 404
    assert Client().get(link_to("new@beta.test")).status_code == 200


def test_an_invitation_that_is_withdrawn_is_worth_nothing(page: Client, beta: Clinic, alice: User) -> None:
    invite(page, alice.email)
    sent = {"do": "withdraw", "invitation": str(Invitation.objects.get().id)}
    assert "is withdrawn" in page.post(PAGE, sent, follow=True).content.decode()
    assert "meanwhile" in page.post(PAGE, sent, follow=True).content.decode()
    assert "no longer open" in answer(browser_of(alice), "accept")
    assert Client().get(link_to(alice.email)).status_code == 404
    assert not Membership.objects.filter(user=alice, clinic=beta).exists()
    assert lines(beta, "invitation_withdrawn") == ["admin@beta.test"]


def test_who_is_in_already_is_not_invited(page: Client, beta: Clinic) -> None:
    bob = make_user("bob@beta.test", beta)
    assert "is in this clinic already" in invite(page, bob.email)
    assert letters_to(bob.email) == []


def test_a_role_given_meanwhile_is_kept(page: Client, beta: Clinic, alice: User) -> None:
    invite(page, alice.email, "clinic_admin")
    people.grant_role(user=alice, clinic=beta, role=Role.BILLING, by=None)
    answer(browser_of(alice), "accept")
    assert Membership.objects.get(user=alice, clinic=beta).role == Role.BILLING


def test_a_letter_is_the_same_for_who_has_an_account(page: Client, alice: User) -> None:
    invite(page, alice.email)
    invite(page, "new@beta.test")
    known, unknown = (
        re.sub(r"/invitation/\S+", "", letters_to(to)[0]) for to in (alice.email, "new@beta.test")
    )
    assert known == unknown


@pytest.mark.parametrize("end", ["x", "\0", "é", "%2e", "AAAA" * 50])
def test_a_made_up_link_opens_nothing(page: Client, end: str) -> None:
    invite(page, "new@beta.test")
    path = f"/invitation/{Invitation.objects.get().id}/"
    assert Client().get(f"{path}{end}/").status_code == 404


# The account of somebody who belongs elsewhere too


@pytest.fixture
def both(alice: User, beta: Clinic) -> User:
    """Alice, who is in alpha and, by her own will, in beta."""
    Membership.objects.create(user=alice, clinic=beta, role=Role.CARE_MANAGER)
    return alice


def send(page: Client, what: str, user: User, **more: str) -> str:
    member = str(Membership.objects.get(user=user, clinic__slug="beta").pk)
    return str(page.post(PAGE, {"do": what, "member": member, **more}, follow=True).content.decode())


@pytest.mark.parametrize("what", ["sign-out", "reset-factor"])
def test_one_clinics_admin_does_not_touch_the_account_of_another_clinics_person(
    page: Client, both: User, what: str
) -> None:
    theirs = browser_of(both)
    assert "belongs to another clinic too" in send(page, what, both)
    assert is_signed_in(theirs)
    assert User.objects.get(pk=both.pk).second_factor
    assert not AuditEvent.objects.filter(action__in=["sessions_ended", "second_factor_removed"]).exists()
    shown = page.get(PAGE).content.decode()
    assert "also works elsewhere" in shown
    assert f"Sign out {both.email}" not in shown


@pytest.mark.parametrize("what", ["role", "remove"])
def test_another_role_here_signs_nobody_out_there_and_counts_at_once(
    page: Client, both: User, what: str
) -> None:
    theirs = browser_of(both)
    assert theirs.get("/c/beta/patients/").status_code == 200
    send(page, what, both, role="billing")
    assert theirs.get("/c/alpha/patients/").status_code == 200
    assert theirs.get("/c/beta/patients/").status_code == (403 if what == "role" else 404)


def test_an_operator_helps_and_every_clinic_of_the_person_reads_it(
    both: User, alpha: Clinic, beta: Clinic
) -> None:
    operator = browser_of(make_user("olga@host.test", is_operator=True))
    theirs = browser_of(both)
    assert "may set up a second factor anew" in send(operator, "reset-factor", both)
    assert not is_signed_in(theirs)
    for clinic in (alpha, beta):
        assert lines(clinic, "second_factor_removed") == ["olga@host.test"]


# Operators


def test_an_operator_is_not_invited_and_does_not_join(page: Client, beta: Clinic) -> None:
    olga = make_user("olga@host.test", is_operator=True)
    assert "an operator sees no clinic" in invite(page, olga.email)
    assert not Invitation.objects.exists()
    pat = make_user("pat@host.test")
    invite(page, pat.email)
    User.objects.filter(pk=pat.pk).update(is_operator=True)
    add_second_factor(pat)
    assert "an operator is never a member" in answer(browser_of(pat), "accept")
    assert not Membership.objects.filter(user=pat).exists()


def test_an_operator_does_not_invite_itself(beta: Clinic) -> None:
    olga = make_user("olga@host.test", is_operator=True)
    assert "an operator sees no clinic" in invite(browser_of(olga), olga.email)
    assert not Membership.objects.filter(user=olga).exists()


def test_the_database_has_nobody_who_is_both(alice: User, beta: Clinic) -> None:
    olga = make_user("olga@host.test", is_operator=True)
    for both in (
        lambda: Membership.objects.create(user=olga, clinic=beta, role=Role.BILLING),
        lambda: Membership.objects.filter(user=alice).update(user=olga),
        lambda: User.objects.filter(pk=alice.pk).update(is_operator=True),
    ):
        with pytest.raises(IntegrityError, match="never"), transaction.atomic():
            both()


@pytest.mark.django_db(transaction=True)
def test_two_who_make_one_person_both_at_once_do_not(alice: User) -> None:
    """The second waits for the first and is refused."""
    pat, beta = make_user("pat@host.test"), make_clinic("beta")
    refused: list[str] = []

    def join() -> None:
        try:
            Membership.objects.create(user=pat, clinic=beta, role=Role.BILLING)
        except IntegrityError as error:
            refused.append(str(error))
        finally:
            connection.close()

    with transaction.atomic():
        User.objects.filter(pk=pat.pk).update(is_operator=True)
        other = threading.Thread(target=join)
        other.start()
        with connection.cursor() as cursor:
            while True:
                cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
                if cursor.fetchone() != (0,):
                    break
    other.join()
    assert len(refused) == 1
    assert not Membership.objects.filter(user=pat).exists()


def test_the_home_page_of_an_operator_lists_every_clinic(alpha: Clinic, beta: Clinic) -> None:
    home = browser_of(make_user("olga@host.test", is_operator=True)).get("/").content.decode()
    assert "Alpha" in home
    assert "Beta" in home
