"""`add_clinic`, `add_user`, `add_token`: what they do, keep, refuse, and never show."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from clinics import webhook_secrets
from clinics.models import ApiToken, AuditEvent, Clinic, Membership, User
from tests.commands import manage
from tests.factories import PASSWORD, basic, deliver, make_clinic, make_user

SECRETS = {"TENOVI_API_KEY": "Kd83hQz1.key", "WEBHOOK_USERNAME": "vendor", "WEBHOOK_PASSWORD": "first secret"}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_terminal_and_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*SECRETS, "USER_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.stdin", StringIO())


def run(*arguments: str, **secrets: str) -> str:
    said = StringIO()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in secrets.items():
            patch.setenv(name, value)
        call_command(*arguments, stdout=said)
    return said.getvalue()


def add_clinic(*options: str, name: str = "Alpha", timezone: str = "America/Denver", **secrets: str) -> str:
    arguments = ("--name", name, "--timezone", timezone, "--tenovi-domain", "alpha-clinic")
    return run("add_clinic", "alpha", *arguments, *options, **secrets)


def opens(headers: dict[str, str]) -> bool:
    """Whether these headers open the door (an empty object is then refused as no reading)."""
    answer = deliver(Clinic.objects.get(slug="alpha"), b"{}", headers=headers)
    assert answer.status_code in (400, 401)
    return bool(answer.status_code == 400)


def basic_header(password: str, username: str = "vendor") -> dict[str, str]:
    return {"Authorization": basic(username, password)}


# add_clinic


def test_a_clinic_is_made_with_its_key_and_its_door() -> None:
    assert "/webhooks/alpha/measurements/" in add_clinic(**SECRETS)
    clinic = Clinic.objects.get(slug="alpha")
    assert (clinic.name, clinic.timezone, clinic.tenovi_domain) == ("Alpha", "America/Denver", "alpha-clinic")
    assert clinic.tenovi_api_key == SECRETS["TENOVI_API_KEY"]
    assert SECRETS["TENOVI_API_KEY"].encode() not in bytes(clinic.tenovi_api_key_encrypted)
    assert opens(basic_header("first secret"))
    assert not opens(basic_header("another secret"))


@pytest.mark.parametrize("unset", [{}, dict.fromkeys(SECRETS, "")])
def test_updating_keeps_what_is_not_given(unset: dict[str, str]) -> None:
    add_clinic(**SECRETS)
    add_clinic(name="Alpha Heart", timezone="America/Chicago", **unset)
    clinic = Clinic.objects.get()
    assert (clinic.name, clinic.timezone) == ("Alpha Heart", "America/Chicago")
    assert clinic.tenovi_api_key == SECRETS["TENOVI_API_KEY"]
    assert opens(basic_header("first secret"))


def test_two_webhook_secrets_are_valid_and_a_third_is_refused_with_nothing_changed() -> None:
    add_clinic(**SECRETS)
    add_clinic("--webhook-header", "X-Vendor-Key", WEBHOOK_PASSWORD="second secret")
    first, second = basic_header("first secret"), {"Authorization": "", "X-Vendor-Key": "second secret"}
    assert opens(first)
    assert opens(second)
    with pytest.raises(CommandError, match=r"Two secrets are valid already\..*/c/alpha/webhooks/") as refused:
        add_clinic(name="Other", WEBHOOK_USERNAME="vendor", WEBHOOK_PASSWORD="third secret")
    assert "nothing was changed" in str(refused.value)
    assert [opens(each) for each in (first, second, basic_header("third secret"))] == [True, True, False]
    assert Clinic.objects.get().name == "Alpha"


def test_a_secret_that_was_retired_is_no_way_round_the_two() -> None:
    add_clinic(**SECRETS)
    webhook_secrets.retire(Clinic.objects.get().webhook_secrets.get())
    for password in ("second secret", "third secret"):
        add_clinic(**{**SECRETS, "WEBHOOK_PASSWORD": password})
    with pytest.raises(CommandError, match="Two secrets are valid already"):
        add_clinic(**SECRETS)
    assert not opens(basic_header("first secret"))


def test_the_same_command_again_retires_nothing() -> None:
    add_clinic(**SECRETS)
    second = {**SECRETS, "WEBHOOK_PASSWORD": "second secret"}
    for _ in range(3):
        add_clinic(**second)
    assert opens(basic_header("first secret"))
    assert opens(basic_header("second secret"))


@pytest.mark.parametrize(
    ("arguments", "secrets", "error"),
    [
        ({}, {}, "TENOVI_API_KEY is not set"),
        ({}, {"TENOVI_API_KEY": "key"}, "WEBHOOK_USERNAME is not set"),
        ({"timezone": "Denver"}, SECRETS, "Timezone: “Denver” is not a time zone"),
        ({"name": ""}, SECRETS, "Name: "),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_made(
    arguments: dict[str, str], secrets: dict[str, str], error: str
) -> None:
    with pytest.raises(CommandError, match=error) as caught:
        add_clinic(**arguments, **secrets)
    assert "\n" not in str(caught.value)
    assert not Clinic.objects.exists()


@pytest.mark.parametrize("half", [{"WEBHOOK_PASSWORD": "x"}, {"WEBHOOK_USERNAME": "vendor"}])
def test_half_a_credential_is_no_credential(half: dict[str, str]) -> None:
    add_clinic(**SECRETS)
    with pytest.raises(CommandError, match="go together"):
        add_clinic(name="Other", **half)
    assert Clinic.objects.get().name == "Alpha"


def test_a_blank_secret_changes_nothing_at_all() -> None:
    add_clinic(**SECRETS)
    with pytest.raises(CommandError, match="empty"):
        add_clinic("--webhook-header", "X-Key", name="Other", WEBHOOK_PASSWORD="   ")
    assert Clinic.objects.get().name == "Alpha"


@pytest.mark.parametrize("domain", ["..", ".", "a/b", "a b", "%2e%2e"])
def test_a_domain_that_leaves_its_place_in_an_address_is_refused(domain: str) -> None:
    with pytest.raises(CommandError, match="as Tenovi wrote it to you"):
        run("add_clinic", "a", "--name=A", "--timezone=UTC", f"--tenovi-domain={domain}", **SECRETS)


@pytest.mark.parametrize("zone", ["localtime", "Factory", "posixrules", "posix/UTC", "../UTC", "utc0"])
def test_a_zone_that_is_no_place_is_refused(zone: str) -> None:
    with pytest.raises(CommandError, match="is not a time zone"):
        run("add_clinic", "a", "--name=A", f"--timezone={zone}", "--tenovi-domain=a", **SECRETS)


def test_a_slug_that_is_no_address_is_refused() -> None:
    with pytest.raises(CommandError, match="Slug: "):
        run("add_clinic", "Alpha Clinic!", "--name=A", "--timezone=UTC", "--tenovi-domain=a", **SECRETS)


# add_user


def test_a_person_is_made_with_a_role() -> None:
    make_clinic("alpha")
    run("add_user", " Alice@Alpha.test ", "--clinic=alpha", "--role=billing", USER_PASSWORD=PASSWORD)
    user = User.objects.get(email="alice@alpha.test")
    assert user.check_password(PASSWORD)
    assert not user.is_operator
    assert Membership.objects.get(user=user).role == "billing"


def test_an_existing_person_keeps_the_password_and_gets_another_clinic() -> None:
    alice = make_user("alice@alpha.test", make_clinic("alpha"), "billing")
    make_clinic("beta")
    run(
        "add_user", "ALICE@alpha.test", "--clinic=beta", "--role=clinic_admin", USER_PASSWORD="something else"
    )
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    roles = Membership.objects.filter(user=alice).values_list("clinic__slug", "role")
    assert set(roles) == {("alpha", "billing"), ("beta", "clinic_admin")}


def test_an_operator_needs_no_clinic_and_never_has_one() -> None:
    run("add_user", "olga@example.test", "--operator", USER_PASSWORD=PASSWORD)
    alice = make_user("alice@alpha.test", make_clinic("alpha"))
    with pytest.raises(CommandError, match="is an operator"):
        run("add_user", "olga@example.test", "--clinic=alpha", "--role=care_manager")
    with pytest.raises(CommandError, match="is a member of alpha"):
        run("add_user", "alice@alpha.test", "--operator")
    alice.refresh_from_db()
    assert not alice.is_operator
    assert Membership.objects.count() == 1


@pytest.mark.parametrize(
    ("arguments", "password", "error"),
    [
        (["a@b.test"], PASSWORD, "Say what the person may do"),
        (["a@b.test", "--clinic=alpha"], PASSWORD, "go together"),
        (["a@b.test", "--role=billing"], PASSWORD, "go together"),
        (["a@b.test", "--clinic=alpha", "--role=billing", "--operator"], PASSWORD, "never an operator"),
        (["a@b.test", "--clinic=nowhere", "--role=billing"], PASSWORD, "There is no clinic “nowhere”"),
        (["not an address", "--operator"], PASSWORD, "Email: "),
        (["a@b.test", "--operator"], "", "USER_PASSWORD is not set"),
        (["a@b.test", "--operator"], "short", "at least 12 characters"),
        (["a@b.test", "--operator"], "password1234", "too common"),
    ],
)
def test_a_person_who_cannot_be_made_is_not(arguments: list[str], password: str, error: str) -> None:
    make_clinic("alpha")
    with pytest.raises(CommandError, match=error) as caught:
        run("add_user", *arguments, USER_PASSWORD=password)
    assert "\n" not in str(caught.value)
    assert not User.objects.exists()


# add_token


def test_a_token_is_printed_once_and_only_its_digest_is_kept() -> None:
    make_user("alice@alpha.test")
    token = run("add_token", "Alice@alpha.test").strip()
    kept = ApiToken.objects.get()
    assert len(token) >= 64
    assert token not in (kept.digest, kept.token_key)


def test_a_token_has_a_name_and_an_end() -> None:
    make_user("alice@alpha.test")
    run("add_token", "alice@alpha.test", "--name=Nightly report", "--days=30")
    run("add_token", "alice@alpha.test", "--days=0")
    named, endless = ApiToken.objects.order_by("created")
    assert (named.name, (named.expiry - named.created).days) in [
        ("Nightly report", 29),
        ("Nightly report", 30),
    ]
    assert endless.expiry is None
    with pytest.raises(CommandError, match="--days is from 1"):
        run("add_token", "alice@alpha.test", "--days=-1")


def test_nobody_gets_no_token() -> None:
    with pytest.raises(CommandError, match="Nobody has the e-mail address bob@"):
        run("add_token", "bob@alpha.test")


# All of them.


def test_each_ends_with_one_json_object_when_asked() -> None:
    clinic = json.loads(add_clinic("--json", **SECRETS))
    assert clinic == {"clinic": "alpha", "created": True, "webhook": "/webhooks/alpha/measurements/"}
    user = json.loads(run("add_user", "a@b.test", "--operator", "--json", USER_PASSWORD=PASSWORD))
    assert user == {"email": "a@b.test", "created": True, "clinic": None, "role": None, "operator": True}
    assert json.loads(run("add_token", "a@b.test", "--json")).keys() == {"email", "token"}
    assert json.loads(run("settle_deliveries", "--json")) == {"tried": 0, "pending": 0, "quarantined": 0}


def test_each_leaves_a_line_without_secrets_in_the_audit_record() -> None:
    add_clinic(**SECRETS)
    run("add_user", "a@b.test", "--clinic=alpha", "--role=billing", USER_PASSWORD=PASSWORD)
    run("add_token", "a@b.test")
    events = list(AuditEvent.objects.order_by("id"))
    assert [event.action for event in events] == [
        "clinic_created",
        "webhook_secret_added",
        "user_created",
        "role_granted",
        "token_created",
    ]
    assert {event.actor_label for event in events} == {"command line"}
    written = repr([event.__dict__ for event in events])
    assert not any(secret in written for secret in (*SECRETS.values(), PASSWORD))


@pytest.mark.django_db(transaction=True)
def test_a_failure_is_one_line_and_exit_code_1() -> None:
    ended = manage("add_user", "a@b.test", "--operator", USER_PASSWORD="short")
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
