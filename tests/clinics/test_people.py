"""The people of a clinic: invited, given another role, signed out, removed; by page."""

from __future__ import annotations

import pytest
from django.test import Client

from clinics.models import AuditEvent, Clinic, Invitation, Membership, Role, User
from tests.clinics.signing_in import is_signed_in, signed_in
from tests.factories import add_second_factor, make_clinic, make_user

pytestmark = pytest.mark.django_db

PAGE = "/c/alpha/people/"


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def admin(clinic: Clinic) -> User:
    return make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN)


@pytest.fixture
def page(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


@pytest.fixture
def alice(clinic: Clinic) -> User:
    return make_user("alice@alpha.test", clinic)


def send(page: Client, what: str, user: User, **more: str) -> str:
    """Do it to the membership of this person; what the next page says."""
    member = str(Membership.objects.get(user=user).pk)
    return page.post(PAGE, {"do": what, "member": member, **more}, follow=True).content.decode()


def test_somebody_is_invited_by_page(page: Client) -> None:
    said = page.post(PAGE, {"do": "invite", "email": "New@alpha.test", "role": "billing"}, follow=True)
    assert "An invitation is on its way to New@alpha.test" in said.content.decode()
    assert "Invited" in said.content.decode()
    assert Invitation.objects.get(email="new@alpha.test").role == Role.BILLING


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"email": "not an address", "role": "billing"}, "valid email"),
        ({"email": "a@b.test", "role": "boss"}, "boss"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(
    page: Client, typed: dict[str, str], message: str
) -> None:
    said = page.post(PAGE, {"do": "invite", **typed}).content.decode()
    assert message in said
    assert 'aria-invalid="true"' in said
    assert typed["email"] in said
    assert Membership.objects.count() == 1


def test_another_role_is_in_the_record_with_before_and_after(page: Client, admin: User, alice: User) -> None:
    theirs = signed_in(alice)
    assert "now billing" in send(page, "role", alice, role="billing")
    assert not is_signed_in(theirs)
    event = AuditEvent.objects.get(action="role_granted")
    assert (event.actor_id, event.target_id, event.detail) == (
        admin.id,
        str(alice.id),
        {"role": ["care_manager", "billing"]},
    )


def test_who_is_removed_finds_the_clinic_gone(page: Client, alice: User) -> None:
    send(page, "remove", alice)
    assert signed_in(alice).get("/c/alpha/patients/").status_code == 404


def test_the_last_admin_stays(page: Client, admin: User) -> None:
    assert "keeps at least one admin" in send(page, "remove", admin)
    assert "keeps at least one admin" in send(page, "role", admin, role="billing")
    assert Membership.objects.get(user=admin).role == Role.CLINIC_ADMIN


def test_somebody_is_signed_out_by_an_admin(page: Client, alice: User) -> None:
    theirs = signed_in(alice)
    send(page, "sign-out", alice)
    assert not is_signed_in(theirs)


def test_a_lost_phone_is_helped(page: Client, alice: User) -> None:
    add_second_factor(alice)
    send(page, "reset-factor", alice)
    assert is_signed_in(signed_in(alice))


@pytest.mark.parametrize("what", ["role", "remove", "sign-out", "reset-factor"])
def test_people_of_another_clinic_are_out_of_reach(page: Client, what: str) -> None:
    carol = make_user("carol@beta.test", make_clinic("beta"))
    add_second_factor(carol)
    theirs = Client()
    theirs.force_login(carol)
    membership = Membership.objects.get(user=carol)
    form = {"do": what, "member": str(membership.pk), "role": "billing"}
    assert page.post(PAGE, form).status_code == 404
    membership.refresh_from_db()
    carol.refresh_from_db()
    assert membership.role == Role.CARE_MANAGER
    assert carol.second_factor
    assert is_signed_in(theirs)


@pytest.mark.parametrize("member", ["", "x", "-1", "9" * 30, "1 OR 1=1", "\0"])
def test_a_member_that_makes_no_sense_changes_nothing(page: Client, member: str) -> None:
    assert page.post(PAGE, {"do": "remove", "member": member}).status_code in (302, 404)
    assert Membership.objects.count() == 1


def test_an_operator_adds_a_clinic_with_its_first_admin() -> None:
    client = Client()
    client.force_login(make_user("olga@host.test", is_operator=True))
    typed = {"name": "Gamma", "slug": "gamma", "timezone": "America/Denver", "admin": "gina@gamma.test"}
    assert client.post("/operator/clinics/", typed).status_code == 302
    assert Invitation.objects.get(clinic__slug="gamma").role == Role.CLINIC_ADMIN
    assert "and 1 invited" in client.get("/operator/clinics/").content.decode()
    again = client.post("/operator/clinics/", {**typed, "timezone": "Denver"}).content.decode()
    assert "There is a clinic of this short name already." in again
    assert "is not a time zone" in again
    assert "gina@gamma.test" in again


def test_only_operators_see_all_clinics(page: Client) -> None:
    assert page.get("/operator/clinics/").status_code == 403
    assert AuditEvent.objects.filter(action="access_denied").count() == 1
