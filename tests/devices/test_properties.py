"""Properties of a device: the value we want, the vendor's, and what has reached the hardware."""

from __future__ import annotations

import datetime
import html
import json
import re
import uuid
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client

from clinics.models import AuditEvent, Clinic, Role
from devices import sync
from devices.models import Device, DeviceProperty
from devices.property_handlers import store_set
from tenovi.client.gateway_records import Property
from tenovi.models import Request, RequestKind, VendorWebhook
from tenovi.outbound.enqueue import enqueue
from tenovi.outbound.sender import drain
from tests.factories import make_device, make_user
from tests.sandbox_server import Sandbox
from tests.vendor import DEVICES, vendor_clinic, wire_device
from tests.vendor_stub import Reply, VendorStub

pytestmark = pytest.mark.django_db(transaction=True)

SEVEN = uuid.UUID(int=7)
PATH = f"/hwi/hwi-devices/{SEVEN}/properties/"
PIN = "0b7c1f5e-6a0d-4b1e-9a55-2f4d7a1c9e01"


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    return vendor_clinic()


@pytest.fixture
def watch(clinic: Clinic) -> Device:
    return make_device(clinic, "tenovi-watch", hwi_device_id=SEVEN, name="Watch")


@pytest.fixture
def admin(clinic: Clinic) -> Client:
    client = Client()
    client.force_login(make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN))
    return client


def url(device: Device) -> str:
    return f"/c/alpha/devices/{device.id}/properties/"


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def said(key: str, value: str, *, synced: bool | None = None) -> dict[str, Any]:
    return {"id": f"id-of-{key}", "key": key, "value": value, "synced": synced}


def rows(device: Device) -> dict[str, tuple[str | None, str, bool | None]]:
    stored = DeviceProperty.objects.for_clinic(device.clinic).filter(device=device)
    return {row.key: (row.wanted, row.said, row.synced) for row in stored}


def set_to(admin: Client, device: Device, key: str, value: str) -> Any:
    return admin.post(url(device), {"do": "set", "key": key, "value": value})


def test_a_kind_is_offered_the_keys_it_takes(admin: Client, watch: Device) -> None:
    page = text_of(admin.get(url(watch)))
    assert "Step goal Not set." in page
    assert "Only to this webhook Not set." in page
    assert "Bluetooth passkey" not in page
    meter = make_device(watch.clinic, "trividia-glucometer")
    assert "Bluetooth passkey Not set." in text_of(admin.get(url(meter)))


def test_a_goal_goes_to_the_vendor_and_from_there_to_the_watch(
    admin: Client, watch: Device, stub: VendorStub
) -> None:
    assert set_to(admin, watch, "step_goal", "6000").status_code == 302
    assert "Setting it: it waits to be sent to Tenovi." in text_of(admin.get(url(watch)))
    stub.reply(PATH, Reply(201, said("step_goal", "6000", synced=False)))
    drain()
    assert json.loads(stub.asked[0].body) == {"key": "step_goal", "value": "6000"}
    assert rows(watch) == {"step_goal": ("6000", "6000", False)}
    assert "the device gets it when it next sends something" in text_of(admin.get(url(watch)))
    stub.reply(PATH, Reply(200, [said("step_goal", "6000", synced=True)]))
    admin.post(url(watch), {"do": "read"})
    drain()
    assert "On the device." in text_of(admin.get(url(watch)))


@pytest.mark.parametrize(
    ("kind", "key", "wrong", "message"),
    [
        ("tenovi-watch", "step_goal", "many", "Enter a whole number."),
        ("tenovi-watch", "step_goal", "99", "greater than or equal to 100"),
        ("tenovi-watch", "step_goal", "", "This field is required."),
        ("trividia-glucometer", "bluetooth_passkey", "12345", "Exactly 6 digits."),
        ("trividia-glucometer", "bluetooth_passkey", "12345a", "Exactly 6 digits."),
        ("tenovi-bpm", "measurement_webhook_id", "ours", "An id like"),
    ],
)
def test_a_wrong_value_is_named_beside_its_field_and_not_lost(
    admin: Client, clinic: Clinic, kind: str, key: str, wrong: str, message: str
) -> None:
    device = make_device(clinic, kind)
    page = set_to(admin, device, key, wrong)
    assert message in text_of(page)
    assert f'value="{wrong}"' in page.content.decode() or not wrong
    assert rows(device) == {}
    assert not Request.objects.for_clinic(clinic).exists()


def test_a_key_of_another_kind_is_not_set(admin: Client, clinic: Clinic) -> None:
    cuff = make_device(clinic)
    set_to(admin, cuff, "step_goal", "6000")
    admin.post(url(cuff), {"do": "add", "key": "step_goal", "value": "6000"})
    assert rows(cuff) == {}


def test_a_passkey_keeps_its_zeros_and_stays_out_of_the_record(admin: Client, clinic: Clinic) -> None:
    meter = make_device(clinic, "trividia-glucometer")
    set_to(admin, meter, "bluetooth_passkey", "004711")
    assert rows(meter) == {"bluetooth_passkey": ("004711", "", None)}
    assert AuditEvent.objects.get(action="device_property_set").detail == {"key": "bluetooth_passkey"}


def test_a_change_is_on_record_with_before_and_after(admin: Client, watch: Device) -> None:
    set_to(admin, watch, "step_goal", "6000")
    set_to(admin, watch, "step_goal", "7000")
    changes = AuditEvent.objects.filter(action="device_property_set").order_by("id")
    assert [event.detail["value"] for event in changes] == [["none", "6000"], ["6000", "7000"]]
    assert Request.objects.for_clinic(watch.clinic).count() == 1


def test_a_key_of_ones_own_is_kept_at_the_vendor(admin: Client, watch: Device, stub: VendorStub) -> None:
    stub.reply(PATH, Reply(201, said("shelf", "B 4", synced=False)))
    admin.post(url(watch), {"do": "add", "key": "shelf", "value": "B 4"})
    drain()
    assert "shelf Tenovi has it." in text_of(admin.get(url(watch)))
    again = admin.post(url(watch), {"do": "add", "key": "shelf", "value": "C"})
    assert "It has this one already: change it above." in text_of(again)
    assert "Letters, digits" in text_of(admin.post(url(watch), {"do": "add", "key": "a b", "value": "C"}))


def test_a_refusal_is_shown(admin: Client, watch: Device, stub: VendorStub) -> None:
    stub.reply(PATH, Reply(400, {"value": ["no"]}))
    set_to(admin, watch, "step_goal", "6000")
    drain()
    assert "Tenovi did not take it. Tenovi refused the request (400)." in text_of(admin.get(url(watch)))


def test_what_the_vendor_has_is_taken_over_and_a_difference_is_shown(
    admin: Client, watch: Device, stub: VendorStub
) -> None:
    DeviceProperty.objects.create(
        clinic=watch.clinic, device=watch, key="step_goal", wanted="6000", said="6000"
    )
    DeviceProperty.objects.create(clinic=watch.clinic, device=watch, key="old", said="gone there")
    stub.reply(PATH, Reply(200, [said("step_goal", "9000"), said("measurement_webhook_id", PIN)]))
    enqueue(watch.clinic, RequestKind.PROPERTIES, str(SEVEN))
    drain()
    assert rows(watch) == {
        "step_goal": ("6000", "9000", None),
        "measurement_webhook_id": (None, PIN, None),
    }
    assert "Tenovi has 9000 instead." in text_of(admin.get(url(watch)))


def test_what_the_vendor_has_cannot_be_removed_here_and_the_page_says_so(
    admin: Client, watch: Device, stub: VendorStub
) -> None:
    DeviceProperty.objects.create(
        clinic=watch.clinic, device=watch, key="measurement_webhook_id", said=PIN, vendor_id="17"
    )
    page = admin.get(url(watch))
    assert "one that is to go has to be removed in Tenovi’s own dashboard" in text_of(page)
    assert 'value="remove"' not in page.content.decode()
    asked = admin.post(url(watch), {"do": "remove", "key": "measurement_webhook_id"}, follow=True)
    assert "Tenovi has it, and its API takes no property away." in text_of(asked)
    drain()
    assert (stub.asked, rows(watch)) == ([], {"measurement_webhook_id": (None, PIN, None)})


def test_what_was_removed_in_the_vendors_dashboard_is_gone_here_too(
    admin: Client, watch: Device, stub: VendorStub
) -> None:
    kept = {"device": watch, "clinic": watch.clinic, "vendor_id": "17"}
    DeviceProperty.objects.create(key="measurement_webhook_id", said=PIN, **kept)
    DeviceProperty.objects.create(key="step_goal", said="6000", wanted="6000", **kept)
    stub.reply(PATH, Reply(200, []))
    admin.post(url(watch), {"do": "read"})
    drain()
    assert rows(watch) == {"step_goal": ("6000", "", None)}
    assert "Tenovi does not have it. Save it once more, or remove it." in text_of(admin.get(url(watch)))
    admin.post(url(watch), {"do": "remove", "key": "step_goal"})
    assert rows(watch) == {}
    assert AuditEvent.objects.get(action="device_property_removed").detail["value"] == ["6000", "none"]


def test_what_never_reached_the_vendor_is_removed_at_once(admin: Client, watch: Device) -> None:
    set_to(admin, watch, "step_goal", "6000")
    admin.post(url(watch), {"do": "remove", "key": "step_goal"})
    assert rows(watch) == {}
    assert not Request.objects.for_clinic(watch.clinic).exists()


def test_devices_listed_for_a_property_are_read_and_those_no_longer_listed_too(
    watch: Device, stub: VendorStub
) -> None:
    before = make_device(watch.clinic, hwi_device_id=uuid.UUID(int=8))
    DeviceProperty.objects.create(clinic=watch.clinic, device=before, key="measurement_webhook_id", said=PIN)
    stub.reply(DEVICES, Reply(200, [wire_device(7), wire_device(9)]))
    enqueue(watch.clinic, RequestKind.DEVICES_WITH_PROPERTY, "measurement_webhook_id")
    stub.reply(PATH, Reply(200, [said("measurement_webhook_id", PIN)]))
    stub.reply(f"/hwi/hwi-devices/{before.hwi_device_id}/properties/", Reply(200, []))
    drain()
    assert "properties__key=measurement_webhook_id" in str(stub.asked[0])
    assert rows(watch) == {"measurement_webhook_id": (None, PIN, None)}
    assert rows(before) == {}


def test_what_has_not_reached_the_hardware_is_asked_about_every_hour(watch: Device) -> None:
    DeviceProperty.objects.create(
        clinic=watch.clinic,
        device=watch,
        key="step_goal",
        wanted="6000",
        said="6000",
        synced=False,
        said_at=datetime.datetime.now(datetime.UTC),
    )
    assert sync.poll_properties() == 0
    with time_machine.travel(datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=61)):
        assert sync.poll_properties() == 1
    assert Request.objects.for_clinic(watch.clinic).get().target == str(SEVEN)


def test_the_sandbox_lists_devices_by_property_and_takes_none_away(sandbox: Sandbox) -> None:
    sandbox.control("settings", {"rate_seconds": 0.0})
    device = sandbox.call(DEVICES, page=1).json()["results"][0]["id"]
    path = f"{DEVICES}{device}/properties/"
    made = sandbox.call(path, method="POST", body={"key": "shelf", "value": "B 4"}).json()
    listed = sandbox.call(DEVICES, page=1, properties__key="shelf").json()["results"]
    assert [record["id"] for record in listed] == [device]
    assert sandbox.call(f"{path}{made['id']}/", method="DELETE").status_code == 404
    assert sandbox.call(path).json() == [made]


def test_a_device_is_pinned_to_one_of_the_webhooks_the_vendor_told_of(admin: Client, watch: Device) -> None:
    VendorWebhook.objects.create(
        clinic=watch.clinic, vendor_id=uuid.UUID(PIN), endpoint="https://here.example/", event="MEASUREMENT"
    )
    page = admin.get(url(watch)).content.decode()
    assert f'<option value="{PIN}">https://here.example/</option>' in page
    set_to(admin, watch, "measurement_webhook_id", PIN.upper())
    assert rows(watch) == {"measurement_webhook_id": (PIN, "", None)}


def test_a_list_that_was_asked_for_before_a_property_was_set_does_not_undo_it(
    admin: Client, watch: Device, stub: VendorStub
) -> None:
    DeviceProperty.objects.create(clinic=watch.clinic, device=watch, key="step_goal", said="5000")

    def taken() -> None:
        request = Request(clinic=watch.clinic, kind=RequestKind.PROPERTY_SET, target=f"{SEVEN}/step_goal")
        with transaction.atomic():
            store_set(request, Property("1", "step_goal", "6000", False))
        connection.close()

    stub.reply(PATH, Reply(200, [said("step_goal", "5000")], before=taken), Reply(200, []))
    for expected in ({"step_goal": (None, "6000", False)}, {}):
        admin.post(url(watch), {"do": "read"})
        drain()
        assert rows(watch) == expected
