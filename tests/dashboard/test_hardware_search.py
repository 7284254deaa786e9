"""A hardware id that nothing here knows is searched for at the vendor, from the devices page."""

from __future__ import annotations

import re
import uuid
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.db.models.functions import Now
from django.test import Client
from pytest_django import Settings

from clinics.models import AuditEvent, Clinic, Role
from devices.hardware_log import NO_PATH, SAID_ELSEWHERE
from devices.models import HardwareChange
from tenovi.models import Priority, Request, RequestKind
from tenovi.outbound.results import MOST_ATTEMPTS
from tenovi.outbound.sender import drain
from tests.factories import make_clinic, make_device, make_gateway
from tests.pages import signed_in, text_of
from tests.sandbox_server import Sandbox
from tests.vendor import PATIENTS, sandbox_clinic, vendor_clinic, wire_page
from tests.vendor_stub import Reply, VendorStub

pytestmark = pytest.mark.django_db(transaction=True)

URL, SEARCH = "/c/alpha/devices/", "/c/alpha/devices/hardware-log/search/"
LOG, OTHER_LOG = "/hwi/hardware-uuid-logs/", "/hwi/hwi-hardware-uuid-logs/"
HARDWARE = "A1B2C3D4E5F6"
SEVEN = uuid.UUID(int=7)


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    return vendor_clinic()


@pytest.fixture
def alice(clinic: Clinic) -> Client:
    return signed_in(clinic, Role.CARE_MANAGER)


def entry(number: int = 1, **members: Any) -> dict[str, Any]:
    return {
        "id": number,
        "object_id": str(SEVEN),
        "old_hardware_uuid": "a1b2c3d4e5f6",
        "new_hardware_uuid": None,
        "changer": "admin",
        "created": "2025-06-01T12:00:00.000000Z",
        **members,
    }


def search(client: Client, text: str = HARDWARE) -> str:
    """What the page says after the button was pressed for this text."""
    return text_of(client.post(SEARCH, {"hardware_uuid": text}, follow=True))


def page(client: Client, text: str = HARDWARE) -> str:
    return text_of(client.get(URL, {"search": text}))


def searched_for(stub: VendorStub) -> list[str]:
    return [parse_qs(asked.query)["search"][0] for asked in stub.work]


def open_requests(clinic: Clinic) -> list[Request]:
    return list(Request.objects.for_clinic(clinic).order_by("kind", "target"))


def test_an_id_that_only_the_played_vendor_knows_is_found_there(sandbox: Sandbox, settings: Settings) -> None:
    """Nobody here read the account yet, and the label has capitals where the vendor's lists have none."""
    clinic = sandbox_clinic(sandbox, settings)
    client = signed_in(clinic, Role.CARE_MANAGER)
    device = sandbox.call("/hwi/hwi-devices/").json()[0]
    label = device["device"]["hardware_uuid"].upper()
    sandbox.call(f"/hwi/unlink-gateway/{device['id']}/")
    assert "Search at Tenovi" in page(client, label)
    assert "Searching at Tenovi" in search(client, label)
    drain()
    said = page(client, label)
    assert "Known at Tenovi, not here" in said
    assert f"{device['id']} " in said
    assert f"{label} none API" in said
    assert "Tenovi’s log was searched" in said
    assert open_requests(clinic) == []


def test_an_id_that_the_played_vendor_does_not_know_is_said_to_be_unknown(
    sandbox: Sandbox, settings: Settings
) -> None:
    clinic = sandbox_clinic(sandbox, settings)
    client = signed_in(clinic, Role.CLINIC_ADMIN)
    search(client, "FFFFFFFFFFF0")
    drain()
    said = page(client, "ffff-ffff-fff0")
    assert "Tenovi knows no such id" in said
    assert "Search again" in said
    assert open_requests(clinic) == []


def test_a_click_is_one_request_before_all_others_and_a_line_in_the_record(
    clinic: Clinic, alice: Client
) -> None:
    for text in (HARDWARE, "a1b2-c3d4-e5f6", "A1:B2:C3:D4:E5:F6"):
        search(alice, text)
    (request,) = open_requests(clinic)
    assert (request.kind, request.target) == (RequestKind.HARDWARE_SEARCH, HARDWARE)
    assert request.priority == Priority.PERSON
    event = AuditEvent.objects.filter(action="hardware_log_searched").order_by("id")[0]
    assert (event.actor_label, event.detail) == ("care_manager@alpha.test", {"hardware": HARDWARE})
    answer = alice.get(URL, {"search": HARDWARE})
    assert b"data-live data-under-way" in answer.content
    assert b"js/progress.js" in answer.content
    assert "Search at Tenovi" not in text_of(answer)


def test_every_spelling_is_tried_before_the_vendor_is_said_not_to_know_it(
    stub: VendorStub, clinic: Clinic, alice: Client
) -> None:
    """The vendor may mind the case, and nobody knows how it writes this one."""
    stub.reply(LOG, Reply(200, []))
    search(alice, "a1B2-c3d4-e5f6")
    drain()
    assert searched_for(stub) == ["a1B2c3d4e5f6", "a1b2c3d4e5f6", HARDWARE]
    assert "Tenovi knows no such id" in page(alice)
    assert open_requests(clinic) == []


def test_the_vendors_own_spelling_is_enough(stub: VendorStub, clinic: Clinic, alice: Client) -> None:
    stub.reply(LOG, Reply(200, []))
    gateway = make_gateway(clinic, HARDWARE, spelling="a1b2c3d4e5f6")
    search(alice)
    drain()
    assert searched_for(stub) == ["a1b2c3d4e5f6"]
    said = alice.get(URL, {"search": HARDWARE}).content.decode()
    assert f'href="/c/alpha/gateways/{gateway.id}/"' in said


def test_one_that_is_found_is_not_looked_for_in_another_spelling(
    stub: VendorStub, clinic: Clinic, alice: Client
) -> None:
    stub.reply(LOG, wire_page(entry(1), then=2, total=2), wire_page(entry(2), total=2))
    search(alice, "a1b2c3d4e5f6")
    drain()
    assert len(stub.work) == 2
    assert HardwareChange.objects.for_clinic(clinic).count() == 2


def test_what_the_vendor_says_of_other_ids_is_no_answer_to_this_one(
    stub: VendorStub, clinic: Clinic, alice: Client
) -> None:
    stub.reply(LOG, Reply(200, [entry(old_hardware_uuid="ffffa1b2c3d4e5f6ffff")]))
    search(alice)
    drain()
    assert "Tenovi knows no such id" in page(alice)


def test_a_device_that_is_known_here_stands_in_the_list_after_the_answer(
    stub: VendorStub, clinic: Clinic, alice: Client
) -> None:
    device = make_device(clinic, name="Cuff", hwi_device_id=SEVEN)
    stub.reply(LOG, Reply(200, [entry()]))
    assert "Cuff" not in search(alice)
    drain()
    said = page(alice)
    assert f"Cuff {device.hwi_device_id} once had {HARDWARE}" in said
    assert "Tenovi" not in said.partition("once had")[2]


def test_a_search_that_failed_says_why_and_can_be_made_again(
    stub: VendorStub, clinic: Clinic, alice: Client
) -> None:
    stub.reply(LOG, Reply(500, {}))
    stub.reply(PATIENTS, Reply(body=[]))  # the vendor itself is there
    search(alice)
    for _ in range(MOST_ATTEMPTS):
        drain()
        Request.objects.for_clinic(clinic).filter(state="waiting").update(not_before=Now())
    said = page(alice)
    assert f"Whether Tenovi knows {HARDWARE} could not be found out. Tenovi had an error of its own" in said
    assert "Search again" in said
    stub.reply(LOG, Reply(200, []))
    assert "Searching at Tenovi" in search(alice)
    drain()
    assert "Tenovi knows no such id" in page(alice)


def test_a_vendor_without_a_log_says_so_once_however_many_ids_were_typed(
    stub: VendorStub, clinic: Clinic, alice: Client
) -> None:
    for number in range(3):
        search(alice, f"{number:012X}")
    drain()
    (request,) = open_requests(clinic)
    assert (request.kind, request.target, request.state) == (RequestKind.HARDWARE_LOG, "", "parked")
    assert SAID_ELSEWHERE in page(alice, f"{2:012X}")
    admin = signed_in(clinic, Role.CLINIC_ADMIN)
    for address in ("/c/alpha/account-sync/", "/c/alpha/operations/"):
        assert text_of(admin.get(address)).count(NO_PATH) == 1
    device = make_device(clinic, name="Cuff")
    said = text_of(alice.get(f"{URL}{device.id}/"))
    assert f"Tenovi’s log of its hardware could not be read. {SAID_ELSEWHERE}" in said
    assert NO_PATH not in said


def test_a_log_under_another_path_is_found_when_it_is_asked_for_again(
    stub: VendorStub, clinic: Clinic, alice: Client, settings: Settings
) -> None:
    search(alice)
    drain()
    settings.TENOVI_HARDWARE_LOG_PATHS = ["/hwi/elsewhere/"]
    stub.reply("/hwi/elsewhere/", Reply(200, [entry()]))
    (request,) = open_requests(clinic)
    admin = signed_in(clinic, Role.CLINIC_ADMIN)
    admin.post(f"/c/alpha/operations/{request.id}/retry/")
    search(alice)
    drain()
    assert stub.paths() == [LOG, OTHER_LOG, "/hwi/elsewhere/", "/hwi/elsewhere/"]
    assert "Known at Tenovi, not here" in page(alice)
    assert open_requests(clinic) == []


@pytest.mark.parametrize(
    "text", ["", "lark", "C3D4E5F6", "A1B2C3D4E5F6A", "\0", "ﬀﬀﬀﬀﬀﬀ", f"{SEVEN}", "A" * 5000]
)
def test_what_is_no_hardware_id_is_not_searched_for(clinic: Clinic, alice: Client, text: str) -> None:
    assert "Search at Tenovi" not in page(alice, text)
    assert "That is neither." in search(alice, text)
    assert open_requests(clinic) == []
    assert not AuditEvent.objects.filter(action="hardware_log_searched").exists()


def test_an_id_that_is_known_here_needs_no_search(clinic: Clinic, alice: Client) -> None:
    make_device(clinic, name="Cuff", hardware_uuid=HARDWARE)
    assert "Cuff" in page(alice)
    assert "Search at Tenovi" not in page(alice)
    assert "Search at Tenovi" in page(alice, "A1B2C3D4E5F7")


def test_an_imei_is_searched_for_as_it_is(stub: VendorStub, clinic: Clinic, alice: Client) -> None:
    stub.reply(LOG, Reply(200, []))
    search(alice, "35 693803 564380 9")
    drain()
    assert searched_for(stub) == ["356938035643809"]


def test_without_a_key_nothing_is_asked() -> None:
    clinic = make_clinic()
    client = signed_in(clinic, Role.CARE_MANAGER)
    assert "There is no key to ask Tenovi with." in search(client)
    assert open_requests(clinic) == []


def test_what_another_clinic_was_told_is_not_shown(stub: VendorStub, clinic: Clinic, alice: Client) -> None:
    beta = vendor_clinic("beta")
    stub.reply(LOG, Reply(200, [entry()]))
    client = signed_in(beta, Role.CARE_MANAGER)
    client.post(SEARCH.replace("alpha", "beta"), {"hardware_uuid": HARDWARE})
    drain()
    assert "Known at Tenovi" in text_of(client.get("/c/beta/devices/", {"search": HARDWARE}))
    said = page(alice)
    assert "No device found" in said
    assert not re.search("Known at Tenovi|was searched", said)
