"""The page on which a person says who has a device: asked, looked at, done, in the browser's own steps."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.test import Client

from clinics.models import Clinic, Role
from devices.models import Assignment, Device
from measurements.models import Measurement
from tenovi.models import Request
from tests.factories import (
    assign,
    deliver,
    element,
    make_clinic,
    make_device,
    make_patient,
    make_user,
    settled,
)

pytestmark = pytest.mark.django_db

SINCE = {"day": "2025-03-04", "time": "08:00"}


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic()


@pytest.fixture
def device(clinic: Clinic) -> Device:
    """Ada has it, and it measured on 4 March at 10:09 by the clinic's clock."""
    device = make_device(clinic, name="Cuff", vendor_patient_id="P-1")
    assign(device, make_patient(clinic, "P-1", name="Ada Lark"))
    make_patient(clinic, "P-2", name="Bo Finch")
    assert settled(deliver(clinic, element(device, patient_id="P-1"))) == {"stored": 1}
    return device


@pytest.fixture
def admin(clinic: Clinic) -> Client:
    client = Client()
    client.force_login(make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN))
    return client


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def url(device: Device) -> str:
    return f"/c/alpha/devices/{device.id}/holder/"


def look(admin: Client, device: Device, **fields: str) -> str:
    return text_of(admin.post(url(device), {**SINCE, "do": "look", **fields}))


def hidden(admin: Client, device: Device, **fields: str) -> dict[str, str]:
    """What the button below the preview would send."""
    page = admin.post(url(device), {**SINCE, "do": "look", **fields}).content.decode()
    form = page.split("This would change")[1].split("</form>")[0]
    found = re.findall(r'<input type="hidden" name="(patient|nobody|day|time)" value="([^"]*)">', form)
    return {"do": "give", **dict(found)}


def test_what_would_change_is_shown_before_it_does(admin: Client, device: Device) -> None:
    said = look(admin, device, patient="p-2")
    assert "Bo Finch P-2 has it from Tue, Mar 4, 2025" in said
    assert "Ada Lark has it only until then" in said
    assert "1 reading since then goes to Bo Finch; until now it was Ada Lark’s, on 1 counted day." in said
    assert "Tenovi is told" in said
    assert Assignment.objects.for_clinic(device.clinic).get().ends_at is None


def test_the_button_does_what_was_shown(admin: Client, device: Device) -> None:
    answer = admin.post(url(device), hidden(admin, device, patient="Bo"), follow=True)
    assert "Bo Finch has it from then on. 1 reading changed hands" in text_of(answer)
    assert Measurement.objects.for_clinic(device.clinic).get(patient__external_id="P-2").counts
    assert Request.objects.for_clinic(device.clinic).get().kind == "devices.update"
    assert "Telling Tenovi what is written here: it waits to be sent" in text_of(admin.get(url(device)))


def test_nobody_is_an_answer_too(admin: Client, device: Device) -> None:
    said = look(admin, device, nobody="on")
    assert "1 reading since then belongs to nobody" in said
    assert "charges go on until it is unlinked" in said
    admin.post(url(device), hidden(admin, device, nobody="on"))
    assert Measurement.objects.for_clinic(device.clinic).get().patient is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "Say who has it"),
        ({"patient": "P-1", "nobody": "on"}, "Either a patient or nobody."),
        ({"patient": "nobody at all"}, "No patient fits this."),
        ({"patient": "P-2", "day": "2999-01-01"}, "This has not come yet."),
        ({"patient": "P-2", "day": "yesterday"}, "Enter a valid date."),
        ({"patient": "P-2", "time": ""}, "This field is required."),
        ({"patient": "P-1"}, "This is how it is written already"),
        ({"patient": "a\0b"}, "Null characters"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(
    admin: Client, device: Device, fields: dict[str, str], message: str
) -> None:
    for do in ("look", "give"):
        answer = admin.post(url(device), {**SINCE, "do": do, **fields})
        assert message in text_of(answer)
        assert 'aria-invalid="true"' in answer.content.decode()
    assert Assignment.objects.for_clinic(device.clinic).get().ends_at is None


def test_several_patients_that_fit_are_offered(admin: Client, device: Device) -> None:
    make_patient(device.clinic, "P-3", name="Bo Wren")
    said = look(admin, device, patient="bo")
    assert "More than one patient fits" in said
    assert "Bo Finch · P-2" in said
    assert "Bo Wren · P-3" in said


def test_another_clinics_patient_does_not_exist(admin: Client, device: Device) -> None:
    make_patient(make_clinic("beta"), "P-8", name="Theirs")
    assert "No patient fits this." in look(admin, device, patient="P-8")


def differ(device: Device) -> None:
    """The vendor has it under Bo, and sent a reading that says so."""
    Device.objects.for_clinic(device.clinic).update(vendor_patient_id="P-2")
    row = element(device, patient_id="P-2", timestamp="2025-03-05T15:09:00Z")
    assert settled(deliver(device.clinic, row)) == {"quarantined": 1}


def test_a_device_with_another_patient_at_the_vendor_is_on_the_list(admin: Client, device: Device) -> None:
    make_device(device.clinic, name="Scale")
    differ(device)
    said = text_of(admin.get("/c/alpha/devices/", {"show": "differs"}))
    assert "Another patient at Tenovi 1" in said
    assert "Cuff" in said
    assert "Scale" not in said
    assert "Find out who has it, and say so" in text_of(admin.get(f"/c/alpha/devices/{device.id}/"))


def test_ours_may_be_right_and_what_waited_is_settled(admin: Client, device: Device) -> None:
    differ(device)
    assert "It is Ada Lark’s: tell Tenovi" in text_of(admin.get(url(device)))
    admin.post(url(device), {"do": "keep"})
    patients = Measurement.objects.for_clinic(device.clinic).values_list("patient__external_id", flat=True)
    assert list(patients) == ["P-1", "P-1"]


def test_theirs_may_be_right_and_what_waited_is_settled(admin: Client, device: Device) -> None:
    differ(device)
    admin.post(url(device), {"patient": "P-2", "day": "2025-03-05", "time": "00:00", "do": "give"})
    found = Measurement.objects.for_clinic(device.clinic).order_by("taken_at")
    assert list(found.values_list("patient__external_id", flat=True)) == ["P-1", "P-2"]
