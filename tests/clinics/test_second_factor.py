"""The second factor: who must have it, how it is set up, and that each code opens once."""

from __future__ import annotations

import datetime
import re

import pyotp
import pytest
import time_machine
from django.test import Client

from clinics.models import AuditEvent, Clinic, RecoveryCode, Role, SecondFactor, User
from clinics.signing_in import second_factor
from tests.clinics.signing_in import code_of, is_signed_in, signed_in, try_sign_in
from tests.factories import PASSWORD, add_second_factor, make_clinic, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def alice(clinic: Clinic) -> User:
    return make_user("alice@alpha.test", clinic)


def half_way(user: User) -> Client:
    """A browser after the password, before the code."""
    client = Client()
    assert try_sign_in(user.email, client=client)["Location"].startswith("/sign-in/code/")
    return client


def answer_with(user: User, code: str) -> Client:
    client = half_way(user)
    client.post("/sign-in/code/", {"code": code})
    return client


def set_up(client: Client) -> list[str]:
    """Through the page; the recovery codes it shows."""
    page = client.get("/account/second-factor/").content.decode()
    found = re.search(r"<code>([A-Z2-7]{32})</code>", page)
    assert found
    assert "<svg" in page
    shown = client.post("/account/second-factor/", {"code": code_of(found[1])}).content.decode()
    return re.findall(r"<code>([a-z0-9-]{19})</code>", shown)


def test_password_and_code_open_the_door(alice: User) -> None:
    assert is_signed_in(signed_in(alice, add_second_factor(alice)))


def test_the_password_alone_opens_nothing(alice: User) -> None:
    add_second_factor(alice)
    client = half_way(alice)
    assert not is_signed_in(client)
    assert client.get("/api/v1/clinics/alpha/patients/").status_code == 401


def test_a_code_without_the_password_opens_nothing(alice: User) -> None:
    secret = add_second_factor(alice)
    client = Client()
    assert client.post("/sign-in/code/", {"code": code_of(secret)})["Location"] == "/sign-in/"
    assert not is_signed_in(client)


def test_the_password_waits_five_minutes_for_the_code(alice: User) -> None:
    secret = add_second_factor(alice)
    now = datetime.datetime.now(datetime.UTC)
    with time_machine.travel(now, tick=False) as clock:
        client = half_way(alice)
        clock.shift(301)
        assert client.post("/sign-in/code/", {"code": code_of(secret)})["Location"] == "/sign-in/"


@pytest.mark.parametrize("code", ["000000", "", "abcdef", "12345", "1234567", "\0", "١٢٣٤٥٦"])
def test_a_wrong_code_opens_nothing(alice: User, code: str) -> None:
    SecondFactor.objects.filter(user=alice).delete()
    add_second_factor(alice)
    assert not is_signed_in(answer_with(alice, code))


def test_a_code_opens_once(alice: User) -> None:
    code = code_of(add_second_factor(alice))
    assert is_signed_in(answer_with(alice, code))
    assert not is_signed_in(answer_with(alice, code))


@pytest.mark.parametrize(("steps", "fits"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_a_phone_may_be_half_a_minute_off(alice: User, steps: int, fits: bool) -> None:
    secret = add_second_factor(alice)
    with time_machine.travel(datetime.datetime.now(datetime.UTC), tick=False):
        assert second_factor.check(alice, code_of(secret, steps)) is fits


def test_wrong_codes_lock_the_account(alice: User) -> None:
    secret = add_second_factor(alice)
    client = half_way(alice)
    answers = [client.post("/sign-in/code/", {"code": "000000"}).status_code for _ in range(5)]
    assert answers == [200, 200, 200, 200, 429]
    assert client.post("/sign-in/code/", {"code": code_of(secret)}).status_code == 429
    assert try_sign_in(alice.email).status_code == 429


def test_setting_it_up_shows_ten_recovery_codes_and_signs_out_elsewhere(alice: User) -> None:
    here, there = signed_in(alice), signed_in(alice)
    codes = set_up(here)
    assert len(set(codes)) == 10
    assert is_signed_in(here)
    assert not is_signed_in(there)


def test_a_recovery_code_opens_once_however_it_is_typed(alice: User) -> None:
    first, second, *_ = set_up(signed_in(alice))
    assert is_signed_in(answer_with(alice, first))
    assert not is_signed_in(answer_with(alice, first))
    assert is_signed_in(answer_with(alice, second.upper().replace("-", " ")))


def test_recovery_codes_and_secrets_are_not_in_the_database(alice: User) -> None:
    codes = set_up(signed_in(alice))
    digests = b"".join(bytes(code.digest) for code in RecoveryCode.objects.all())
    assert not any(code.replace("-", "").encode() in digests for code in codes)
    factor = SecondFactor.objects.get()
    assert factor.secret.encode() not in bytes(factor.secret_encrypted)


def test_a_secret_that_was_never_confirmed_asks_nobody(alice: User) -> None:
    signed_in(alice).get("/account/second-factor/")
    assert is_signed_in(signed_in(alice))


def test_a_wrong_first_code_turns_nothing_on(alice: User) -> None:
    client = signed_in(alice)
    client.get("/account/second-factor/")
    page = client.post("/account/second-factor/", {"code": "000000"}).content.decode()
    assert "This is not the app&#x27;s present code" in page
    assert not second_factor.has_second_factor(alice)


@pytest.mark.parametrize("role", [Role.CARE_MANAGER, Role.BILLING])
def test_a_clinic_can_ask_everybody(clinic: Clinic, role: str) -> None:
    user = make_user("carol@alpha.test", clinic, role)
    client = signed_in(user)
    assert client.get("/c/alpha/billing/").status_code == 200
    Clinic.objects.update(second_factor_required=True)
    assert client.get("/c/alpha/billing/")["Location"] == "/account/second-factor/"
    assert client.get("/api/v1/clinics/alpha/vital-days/?month=2025-03").status_code == 403
    set_up(client)
    assert client.get("/c/alpha/billing/").status_code == 200


@pytest.mark.parametrize("role", [Role.CLINIC_ADMIN, "operator"])
def test_admins_and_operators_must_have_one(clinic: Clinic, role: str) -> None:
    operator = role == "operator"
    user = make_user("olga@alpha.test", None if operator else clinic, role, is_operator=operator)
    user.second_factor.delete()
    client = signed_in(user)
    assert client.get("/c/alpha/deliveries/")["Location"] == "/account/second-factor/"
    assert client.get("/api/v1/clinics/alpha/deliveries/").status_code == 403
    set_up(client)
    assert client.get("/c/alpha/deliveries/").status_code == 200


@pytest.mark.parametrize("path", ["remove/", "recovery-codes/"])
def test_changing_it_takes_the_password(alice: User, path: str) -> None:
    client = signed_in(alice, add_second_factor(alice))
    client.post(f"/account/second-factor/{path}", {"password": "wrong"})
    assert second_factor.has_second_factor(alice)
    assert not alice.recovery_codes.exists()
    client.post(f"/account/second-factor/{path}", {"password": PASSWORD})
    assert second_factor.has_second_factor(alice) is (path == "recovery-codes/")
    assert alice.recovery_codes.count() == (10 if path == "recovery-codes/" else 0)


def test_what_happens_to_it_is_in_the_record(alice: User) -> None:
    client = signed_in(alice)
    set_up(client)
    client.post("/account/second-factor/recovery-codes/", {"password": PASSWORD})
    client.post("/account/second-factor/remove/", {"password": PASSWORD})
    actions = AuditEvent.objects.filter(actor_id=alice.id).order_by("id").values_list("action", flat=True)
    assert list(actions) == [
        "signed_in",
        "second_factor_added",
        "recovery_codes_replaced",
        "second_factor_removed",
    ]


def test_the_picture_holds_the_secret_for_this_account(alice: User) -> None:
    factor = second_factor.begin(alice)
    address = pyotp.parse_uri(
        pyotp.TOTP(factor.secret).provisioning_uri(name=alice.email, issuer_name="Vitaldays")
    )
    assert (address.name, address.issuer) == (alice.email, "Vitaldays")
    assert "style=" not in second_factor.qr_code(factor)
