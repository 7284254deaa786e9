"""An unlink or a deletion that waited is sent only for the patient and hardware it was meant for."""

from __future__ import annotations

import html
import re
import uuid
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from clinics.models import AuditEvent, Clinic, Role
from devices.actions import ending
from devices.handlers import store_unlinked
from devices.models import Assignment, Device
from patients.models import Patient
from tenovi.client.records import Device as VendorDevice
from tenovi.models import Request, RequestKind, RequestState
from tenovi.outbound.sender import drain
from tests.factories import LONG_AGO, assign, make_device, make_user
from tests.vendor import vendor_clinic, wire_device
from tests.vendor_stub import Asked, Reply, VendorStub

pytestmark = pytest.mark.django_db(transaction=True)

SEVEN = uuid.UUID(int=7)
UNLINK = f"/hwi/unlink-gateway/{SEVEN}/"
RECORD = f"/hwi/hwi-devices/{SEVEN}/"
LOG = "/hwi/hardware-uuid-logs/"


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    stub.reply(UNLINK, Reply(200, {**wire_device(7, hardware_uuid=None), "status": "Unlinked"}))
    stub.reply(RECORD, Reply(200, wire_device(7, "P-2")))
    stub.reply(LOG, Reply(200, []))
    return vendor_clinic()


@pytest.fixture
def device(clinic: Clinic, ada: Patient) -> Device:
    """A cuff that Ada has."""
    device = make_device(clinic, hwi_device_id=SEVEN, name="Cuff", hardware_uuid="A1B2C3D4E5F6")
    assign(device, ada)
    return device


@pytest.fixture
def admin(clinic: Clinic) -> Client:
    client = Client()
    client.force_login(make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN))
    return client


def give(admin: Client, device: Device, patient: str, do: str = "give") -> str:
    fields = {"patient": patient, "day": "2025-03-04", "time": "00:00", "do": do}
    answer = admin.post(f"/c/alpha/devices/{device.id}/holder/", fields, follow=True)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def end(admin: Client, device: Device, do: str) -> None:
    assert admin.post(f"/c/alpha/devices/{device.id}/end/", {"do": do}).status_code == 302


def sent(stub: VendorStub) -> list[tuple[Asked, str]]:
    return list(zip(stub.work, stub.paths(), strict=True))


def holder(device: Device) -> str:
    assignments = Assignment.objects.for_clinic(device.clinic).filter(device=device, ends_at=None)
    return ", ".join(one.holder.external_id for one in assignments.select_related("patient"))


def given_past_the_page(device: Device, patient: Patient) -> None:
    """Give the device to another patient by a way that withdraws nothing."""
    Assignment.objects.for_clinic(device.clinic).filter(device=device).delete()
    assign(device, patient)


@pytest.mark.parametrize("do", ["unlink", "delete"])
def test_giving_a_device_withdraws_what_would_end_it(
    admin: Client, device: Device, bo: Patient, stub: VendorStub, do: str
) -> None:
    end(admin, device, do)
    seen = give(admin, device, "P-2", do="look")
    doing = {"unlink": "Unlinking", "delete": "Deleting"}[do]
    assert f"{doing} , which waits to be sent to Tenovi, is withdrawn" in seen.replace("ing,", "ing ,")
    assert Request.objects.for_clinic(device.clinic).filter(kind__in=ending.ENDS).count() == 1
    give(admin, device, "P-2")
    drain()
    assert [(one.method, path) for one, path in sent(stub) if path != LOG] == [("PUT", RECORD)]
    assert holder(device) == "P-2"
    event = AuditEvent.objects.get(action="device_ending_withdrawn")
    assert event.detail["asked"] == f"devices.{do}"


def test_taking_a_device_away_withdraws_nothing(admin: Client, device: Device, stub: VendorStub) -> None:
    end(admin, device, "unlink")
    fields = {"nobody": "on", "day": "2025-03-04", "time": "00:00", "do": "give"}
    admin.post(f"/c/alpha/devices/{device.id}/holder/", fields)
    drain()
    assert UNLINK in stub.paths()


def test_a_device_is_not_given_while_its_end_is_being_sent(
    admin: Client, device: Device, bo: Patient
) -> None:
    end(admin, device, "unlink")
    Request.objects.for_clinic(device.clinic).update(state=RequestState.SENDING, claim=uuid.uuid4())
    for do in ("look", "give"):
        answer = give(admin, device, "P-2", do=do)
        assert "It is being unlinked or deleted at Tenovi at this moment." in answer
    assert holder(device) == "P-1"


@pytest.mark.parametrize("kind", ending.ENDS)
def test_what_was_asked_for_somebody_else_is_not_sent(
    admin: Client, device: Device, bo: Patient, stub: VendorStub, kind: str
) -> None:
    end(admin, device, kind.removeprefix("devices."))
    given_past_the_page(device, bo)
    drain()
    assert set(stub.paths()) <= {LOG}
    request = Request.objects.for_clinic(device.clinic).get()
    assert request.state == RequestState.PARKED
    page = admin.get(f"/c/alpha/devices/{device.id}/end/").content.decode()
    assert "since somebody asked for this, the device went to Bo Finch. Ask again" in page


def test_other_hardware_is_not_what_was_meant(admin: Client, device: Device, stub: VendorStub) -> None:
    end(admin, device, "unlink")
    Device.objects.for_clinic(device.clinic).update(hardware_uuid="F1B2C3D4E5F6")
    drain()
    assert not stub.paths()
    answer = Request.objects.for_clinic(device.clinic).get().reason
    assert "F1B2C3D4E5F6 in place of A1B2C3D4E5F6. Ask again" in answer


def test_asked_again_it_is_meant_and_sent(
    admin: Client, device: Device, stub: VendorStub, bo: Patient
) -> None:
    end(admin, device, "unlink")
    given_past_the_page(device, bo)
    drain()
    end(admin, device, "unlink")
    drain()
    assert UNLINK in stub.paths()
    assert holder(device) == ""


def test_an_answer_ends_only_for_whom_it_was_meant(admin: Client, device: Device, bo: Patient) -> None:
    end(admin, device, "unlink")
    given_past_the_page(device, bo)
    request = Request.objects.for_clinic(device.clinic).get()
    answer: Any = VendorDevice.from_wire({**wire_device(7), "unlinked_on": LONG_AGO.isoformat()})
    with transaction.atomic():
        store_unlinked(request, answer)
    assert holder(device) == "P-2"
    page = admin.get(f"/c/alpha/devices/{device.id}/").content.decode()
    assert "It is unlinked at Tenovi, so no reading can come, and the patient still has it here." in page


def test_every_request_that_ends_something_says_for_whom(admin: Client, device: Device) -> None:
    for kind in ending.ENDS:
        end(admin, device, kind.removeprefix("devices."))
        params = Request.objects.for_clinic(device.clinic).get(kind=RequestKind(kind)).params
        assert params.keys() == {"by", "patient", "hardware"}
