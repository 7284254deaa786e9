"""Our webhooks at the vendor: registered with a secret that nobody sees, checked, put right, removed."""

from __future__ import annotations

import datetime
import html
import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from pytest_django import Settings

from clinics import webhook_secrets
from clinics.models import AuditEvent, Clinic, Role
from devices.models import DeviceProperty
from tenovi.models import Call, Request, RequestKind, VendorWebhook, WebhookDraft
from tenovi.outbound.sender import drain
from tenovi.registered_webhooks import reachability
from tenovi.registered_webhooks.reachability import is_public, why_unreachable
from tests.factories import deliver, element, knock, make_clinic, make_device, make_user
from tests.sandbox_server import Sandbox
from tests.vendor import DEVICES, stub_as_vendor, vendor_clinic
from tests.vendor_stub import Reply, VendorStub
from tests.web_server import WebServer

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/c/alpha/webhooks/vendor/"
WEBHOOKS = "/hwi/webhooks/"
SITE = "https://vitaldays.example"
EVENTS = {"MEASUREMENT": "measurements", "FULFILLMENT": "fulfillment", "SPECIAL_ORDER": "special-orders"}


@pytest.fixture
def stub(settings: Settings) -> Iterator[VendorStub]:
    settings.PUBLIC_URL = SITE
    with stub_as_vendor(settings) as running:
        running.reply(DEVICES, Reply(200, []))
        yield running


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    return vendor_clinic()


@pytest.fixture
def admin(clinic: Clinic) -> Client:
    client = Client()
    client.force_login(make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN))
    return client


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def webhook(event: str, number: int = 1, **changes: Any) -> dict[str, Any]:
    """One of ours as the vendor lists it."""
    return {
        "id": str(uuid.UUID(int=number)),
        "endpoint": f"{SITE}/webhooks/alpha/{EVENTS[event]}/",
        "auth_header": "Authorization",
        "auth_key": "Basic bm90OnRoaXM=",
        "event": event,
        "post_as_array": True,
        "enabled_by_default": True,
        **changes,
    }


def read(admin: Client, stub: VendorStub, *there: dict[str, Any]) -> None:
    stub.reply(WEBHOOKS, Reply(200, list(there)))
    admin.post(URL, {"do": "read"})
    drain()


def sent(stub: VendorStub) -> list[dict[str, Any]]:
    """The bodies of what was written, in order."""
    return [json.loads(asked.body) for asked in stub.asked if asked.method == "POST"]


def echo(stub: VendorStub) -> None:
    """The vendor registers what it is sent, and hides the secret."""
    replies = [
        Reply(201, webhook(event, number, auth_key="****")) for number, event in enumerate(EVENTS, start=1)
    ]
    stub.reply(WEBHOOKS, *replies)


def test_before_the_vendor_was_asked_nothing_can_be_registered(admin: Client, clinic: Clinic) -> None:
    assert "Not asked yet" in text_of(admin.get(URL))
    answer = admin.post(URL, {"do": "register"}, follow=True)
    assert "First ask Tenovi what is there" in text_of(answer)
    assert not Request.objects.for_clinic(clinic).exists()


def test_an_old_list_is_read_again_before_anything_is_registered(admin: Client, stub: VendorStub) -> None:
    read(admin, stub)
    with time_machine.travel(datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=14)):
        assert "Register them" in text_of(admin.get(URL))
    with time_machine.travel(datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=16)):
        Client.logout(admin)
        admin.force_login(make_user("later@alpha.test", Clinic.objects.get(), Role.CLINIC_ADMIN))
        assert "Register them" not in text_of(admin.get(URL))


def test_one_click_registers_all_three_with_one_secret_that_opens_the_doors(
    admin: Client, clinic: Clinic, stub: VendorStub
) -> None:
    read(admin, stub)
    assert text_of(admin.get(URL)).count("Not registered: Tenovi sends nothing here.") == 3
    echo(stub)
    admin.post(URL, {"do": "register"})
    drain()
    bodies = sent(stub)
    assert [body["endpoint"] for body in bodies] == [
        f"{SITE}/webhooks/alpha/{door}/" for door in EVENTS.values()
    ]
    assert all(body["post_as_array"] is body["enabled_by_default"] is True for body in bodies)
    assert len({body["auth_key"] for body in bodies}) == 1
    answer = knock("POST", "/webhooks/alpha/measurements/", bodies[0]["auth_key"], b"{}")
    assert answer.status_code == 400, "let in, and there is nothing in it"
    assert not WebhookDraft.objects.for_clinic(clinic).exists()
    assert "Tenovi does not say which secret it shows" in text_of(admin.get(URL))


def test_the_secret_is_nowhere_but_at_the_vendor(
    admin: Client, clinic: Clinic, stub: VendorStub, caplog: pytest.LogCaptureFixture
) -> None:
    read(admin, stub)
    echo(stub)
    admin.post(URL, {"do": "register"})
    draft = WebhookDraft.objects.for_clinic(clinic).first()
    assert draft is not None
    secret = draft.value
    assert secret.startswith("Basic ")
    assert secret.encode() not in bytes(draft.value_encrypted)
    drain()
    assert secret not in admin.get(URL).content.decode()
    assert secret not in repr(list(AuditEvent.objects.values()))
    assert secret not in repr(list(VendorWebhook.objects.for_clinic(clinic).values()))
    assert secret not in caplog.text
    event = AuditEvent.objects.get(action="webhooks_registered")
    assert event.detail == {"created": list(EVENTS), "replaced": [], "header": "Authorization"}


def test_what_is_there_is_replaced_and_not_doubled(admin: Client, clinic: Clinic, stub: VendorStub) -> None:
    """No page of the vendor's has a call that changes a webhook. Devices that are pinned to it follow first."""
    old = webhook("MEASUREMENT", 7, post_as_array=False, endpoint=f"{SITE}/webhooks/alpha/measurements")
    read(admin, stub, old)
    said = text_of(admin.get(URL))
    assert "It shows a secret that does not open this door." in said
    assert "Values measured together come one by one." in said
    pinned = make_device(clinic, hwi_device_id=uuid.UUID(int=8))
    pin = {"key": "measurement_webhook_id", "said": str(uuid.UUID(int=7)).upper(), "vendor_id": "17"}
    DeviceProperty.objects.create(clinic=clinic, device=pinned, **pin)
    echo(stub)
    properties = f"{DEVICES}{pinned.hwi_device_id}/properties/"
    stub.reply(properties, Reply(200, {**pin, "id": "17", "value": str(uuid.UUID(int=1))}))
    stub.reply(f"{WEBHOOKS}{uuid.UUID(int=7)}/", Reply(204))
    admin.post(URL, {"do": "register"})
    drain()
    done = [(asked.method, asked.path.partition("/hwi/")[2]) for asked in stub.asked if asked.method != "GET"]
    assert done == [
        *[("POST", "webhooks/")] * 3,
        ("POST", properties.removeprefix("/hwi/")),
        ("DELETE", f"webhooks/{uuid.UUID(int=7)}/"),
    ]
    assert set(VendorWebhook.objects.for_clinic(clinic).values_list("vendor_id", flat=True)) == {
        uuid.UUID(int=number) for number in (1, 2, 3)
    }
    assert DeviceProperty.objects.for_clinic(clinic).get().value == str(uuid.UUID(int=1))
    assert AuditEvent.objects.get(action="webhooks_registered").detail["replaced"] == ["MEASUREMENT"]


def test_a_list_that_was_asked_for_before_the_registration_forgets_none(
    admin: Client, clinic: Clinic, stub: VendorStub
) -> None:
    def registered() -> None:
        Call.objects.create(
            clinic=clinic,
            request_id=uuid.uuid4(),
            kind=RequestKind.WEBHOOK_CREATE,
            method="POST",
            path=WEBHOOKS,
            milliseconds=1,
        )
        VendorWebhook.objects.create(clinic=clinic, vendor_id=uuid.UUID(int=1), endpoint="https://x.example/")
        connection.close()

    stub.reply(WEBHOOKS, Reply(200, [], before=registered), Reply(200, [webhook("MEASUREMENT", 1)]))
    admin.post(URL, {"do": "read"})
    drain()
    assert VendorWebhook.objects.for_clinic(clinic).get().event == "MEASUREMENT"


def test_while_the_vendor_is_being_told_no_further_secret_is_made(
    admin: Client, clinic: Clinic, stub: VendorStub
) -> None:
    read(admin, stub)
    admin.post(URL, {"do": "register"})
    valid = set(clinic.webhook_secrets.values_list("id", flat=True))
    answer = admin.post(URL, {"do": "register"}, follow=True)
    assert "Tenovi is being told already." in text_of(answer)
    assert set(clinic.webhook_secrets.values_list("id", flat=True)) == valid


def test_a_secret_the_vendor_has_not_taken_is_used_again(
    admin: Client, clinic: Clinic, stub: VendorStub
) -> None:
    read(admin, stub)
    stub.reply(WEBHOOKS, Reply(400, {"endpoint": ["no"]}))
    admin.post(URL, {"do": "register"})
    drain()
    assert "Register a webhook: Tenovi refused the request (400)." in text_of(admin.get(URL))
    read(admin, stub)
    admin.post(URL, {"do": "register"})
    stub.reply(WEBHOOKS, Reply(400, {"endpoint": ["no"]}))
    drain()
    assert len({body["auth_key"] for body in sent(stub)}) == 1


def test_a_secret_that_was_retired_before_the_vendor_took_it_is_not_told(
    admin: Client, clinic: Clinic, stub: VendorStub
) -> None:
    read(admin, stub)
    stub.reply(WEBHOOKS, Reply(400, {"endpoint": ["no"]}))
    admin.post(URL, {"do": "register"})
    drain()
    webhook_secrets.retire(clinic.webhook_secrets.latest("id"))
    read(admin, stub)
    echo(stub)
    admin.post(URL, {"do": "register"})
    drain()
    told = sent(stub)[-1]["auth_key"]
    assert knock("POST", "/webhooks/alpha/measurements/", told, b"{}").status_code == 400


def test_registering_retires_one_that_is_not_in_use_and_says_so(
    admin: Client, clinic: Clinic, stub: VendorStub
) -> None:
    webhook_secrets.add_basic(clinic, "tenovi", "never shown")
    deliver(clinic, b"{}")
    read(admin, stub)
    assert "This retires secret-2, which is not in use." in text_of(admin.get(URL))
    said = text_of(admin.post(URL, {"do": "register"}, follow=True))
    assert "secret-2 was not in use and is retired." in said
    assert deliver(clinic, b"{}").status_code == 400, "what the vendor shows now is still let in"


def test_while_both_secrets_are_in_use_registering_retires_none(
    admin: Client, clinic: Clinic, stub: VendorStub
) -> None:
    webhook_secrets.add_header(clinic, "X-Key", "second")
    both: tuple[dict[str, str], ...] = ({}, {"Authorization": "", "X-Key": "second"})
    read(admin, stub)
    for headers in both:
        deliver(clinic, b"{}", headers=headers)
    said = text_of(admin.post(URL, {"do": "register"}, follow=True))
    assert "both were used in the last day" in said
    assert [deliver(clinic, b"{}", headers=headers).status_code for headers in both] == [400, 400]
    assert not WebhookDraft.objects.for_clinic(clinic).exists()


def test_refused_calls_are_named_at_their_door(admin: Client, stub: VendorStub) -> None:
    read(admin, stub, webhook("MEASUREMENT"))
    for _ in range(2):
        knock("POST", "/webhooks/alpha/measurements/", "Basic bm90OnRoaXM=")
    assert "2 calls were refused in the last hour: no valid secret was shown." in text_of(admin.get(URL))


def test_a_registration_whose_answer_was_lost_is_found_in_the_list(
    admin: Client, clinic: Clinic, stub: VendorStub
) -> None:
    read(admin, stub)
    three = [webhook(event, number, auth_key="****") for number, event in enumerate(EVENTS, start=1)]
    stub.reply(WEBHOOKS, Reply(502), Reply(201, three[1]), Reply(201, three[2]), Reply(200, three))
    admin.post(URL, {"do": "register"})
    drain()
    posts = [asked for asked in stub.asked if asked.method == "POST"]
    assert len(posts) == 3
    assert VendorWebhook.objects.for_clinic(clinic).filter(event="MEASUREMENT", opens=None).count() == 1
    assert not Request.objects.for_clinic(clinic).filter(kind=RequestKind.WEBHOOK_CREATE).exists()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"enabled_by_default": False}, "It is off by default: only devices pinned to it send here."),
        ({"auth_header": ""}, "It shows a secret that does not open this door."),
        ({"endpoint": "https://other.example/webhooks/alpha/measurements/"}, "Not registered"),
    ],
)
def test_what_is_wrong_is_said(
    admin: Client, stub: VendorStub, changes: dict[str, Any], problem: str
) -> None:
    read(admin, stub, webhook("MEASUREMENT", **changes))
    assert problem in text_of(admin.get(URL))


def test_twice_is_named_and_one_can_be_removed(admin: Client, clinic: Clinic, stub: VendorStub) -> None:
    read(admin, stub, webhook("MEASUREMENT", 1), webhook("MEASUREMENT", 2))
    assert "Registered 2 times" in text_of(admin.get(URL))
    second = VendorWebhook.objects.for_clinic(clinic).get(vendor_id=uuid.UUID(int=2))
    stub.reply(f"{WEBHOOKS}{uuid.UUID(int=2)}/", Reply(204))
    admin.post(URL, {"do": "remove", "webhook": second.pk})
    drain()
    assert VendorWebhook.objects.for_clinic(clinic).count() == 1
    assert AuditEvent.objects.get(action="webhook_removed").detail["event"] == "MEASUREMENT"


@pytest.mark.parametrize("number", ["", "x", "0", "9" * 30])
def test_only_ones_own_webhooks_can_be_removed(admin: Client, clinic: Clinic, number: str) -> None:
    theirs = VendorWebhook.objects.create(
        clinic=make_clinic("beta"), vendor_id=uuid.UUID(int=3), endpoint="https://x.example/"
    )
    for wanted in (number, str(theirs.pk)):
        assert admin.post(URL, {"do": "remove", "webhook": wanted}).status_code == 404


def test_devices_pinned_to_another_webhook_are_named(admin: Client, clinic: Clinic, stub: VendorStub) -> None:
    read(admin, stub, webhook("MEASUREMENT", 1))
    for name, target in (("Good", 1), ("Astray", 99)):
        DeviceProperty.objects.create(
            clinic=clinic,
            device=make_device(clinic, name=name),
            key="measurement_webhook_id",
            said=str(uuid.UUID(int=target)),
        )
    said = text_of(admin.get(URL))
    assert "Astray" in said
    assert "Good" not in said
    operator = Client()
    operator.force_login(make_user("operator@demo.test", is_operator=True))
    assert "Astray" not in text_of(operator.get(URL))
    assert "A device" in text_of(operator.get(URL))


def test_when_something_last_came_in_is_shown(admin: Client, clinic: Clinic, stub: VendorStub) -> None:
    read(admin, stub, webhook("MEASUREMENT"))
    assert text_of(admin.get(URL)).count("never") == 3
    deliver(clinic, element(uuid.UUID(int=5)))
    assert text_of(admin.get(URL)).count("never") == 2


def test_our_door_is_tried_from_outside(web_server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reachability, "SECONDS", 60.0)  # a busy machine is no fault of the door
    site = f"http://{web_server.host}:{web_server.port}"
    assert why_unreachable(f"{site}/webhooks/alpha/measurements/") == ""
    assert "Something else answers there (403)" in why_unreachable(f"{site}/healthz")
    assert "It cannot be reached" in why_unreachable("http://127.0.0.1:9/webhooks/alpha/measurements/")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("https://vitaldays.example/x/", True),
        ("http://vitaldays.example/x/", False),
        ("https://127.0.0.1/x/", False),
        ("https://10.1.2.3/x/", False),
        ("https://localhost/x/", False),
        ("https://clinic.local/x/", False),
    ],
)
def test_a_private_address_is_known_as_such(address: str, public: bool) -> None:
    assert is_public(address) == public


def test_against_the_sandbox_everything_is_well_after_one_click(sandbox: Sandbox, settings: Settings) -> None:
    sandbox.control("settings", {"rate_seconds": 0.0})
    settings.TENOVI_SPACING_SECONDS, settings.TENOVI_BASE_URL = 0.02, sandbox.url
    clinic = make_clinic("demo", tenovi_domain=sandbox.domain)
    clinic.tenovi_api_key = sandbox.api_key
    clinic.save()
    client = Client()
    client.force_login(make_user("admin@demo.test", clinic, Role.CLINIC_ADMIN))
    page = "/c/demo/webhooks/vendor/"
    for do in ("read", "register", "read"):
        client.post(page, {"do": do})
        drain()
    assert text_of(client.get(page)).count("registered, with a secret that opens it") == 3
