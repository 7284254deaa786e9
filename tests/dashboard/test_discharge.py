"""A patient leaves: one click ends assignments, programs and charges, and the page follows each device."""

from __future__ import annotations

import datetime
import html
import re
import uuid
from typing import Any

import pytest
from django.test import Client

from clinics.models import AuditEvent, Clinic, Role
from devices.models import Assignment, Device, DeviceType, Discharge
from measurements.models import Measurement
from patients.models import Enrollment, Patient
from tenovi.models import Request
from tenovi.outbound.sender import drain
from tests.factories import assign, deliver, element, enroll, make_device, make_patient, make_user, settled
from tests.vendor import vendor_clinic, wire_device
from tests.vendor_stub import Reply, VendorStub

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.clock]

LEFT = {"day": "2025-03-10", "time": "09:00"}
LEFT_AT = datetime.datetime(2025, 3, 10, 13, tzinfo=datetime.UTC)
NUMBERS = (7, 8)


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    return vendor_clinic()


@pytest.fixture
def ada(clinic: Clinic) -> Patient:
    """Has two cuffs, one of which measured before she left and after, and is enrolled."""
    ada = make_patient(clinic, "P-1", name="Ada Lark")
    DeviceType.objects.create(clinic=clinic, name="Cuff", monthly_cost="5.00")
    for number in NUMBERS:
        assign(make_device(clinic, hwi_device_id=uuid.UUID(int=number), name="Cuff"), ada)
    enroll(ada, "RPM")
    for day in (4, 12):
        row = element(
            uuid.UUID(int=7),
            timestamp=f"2025-03-{day:02}T17:00:00Z",
            filter_params={"measurement_index": day},
        )
        assert settled(deliver(clinic, row)) == {"stored": 1}
    return ada


@pytest.fixture
def admin(clinic: Clinic) -> Client:
    client = Client()
    client.force_login(make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN))
    return client


def url(patient: Patient) -> str:
    return f"/c/alpha/patients/{patient.id}/discharge/"


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def discharge(admin: Client, patient: Patient, **fields: str) -> None:
    assert admin.post(url(patient), {**LEFT, "do": "discharge", **fields}).status_code == 302


def unlink(number: int) -> str:
    return f"/hwi/unlink-gateway/{uuid.UUID(int=number)}/"


def unlinked(number: int) -> Reply:
    return Reply(200, {**wire_device(number, hardware_uuid=None, name="Cuff"), "status": "Unlinked"})


def test_what_would_change_is_shown_before_it_does(admin: Client, ada: Patient) -> None:
    said = text_of(admin.post(url(ada), {**LEFT, "do": "look"}))
    assert "Ada Lark has no longer the 2 devices from Mon, Mar 10, 2025, 9:00 AM EDT on" in said
    assert "1 reading taken after that would be nobody’s" in said
    assert "2 devices may still be charged, about $10.00 a month." in said
    assert not Discharge.objects.for_clinic(ada.clinic).exists()
    assert Assignment.objects.for_clinic(ada.clinic).filter(ends_at=None).count() == 2


def test_one_click_ends_assignments_programs_and_later_readings(admin: Client, ada: Patient) -> None:
    discharge(admin, ada)
    row = Discharge.objects.for_clinic(ada.clinic).get()
    assert (row.patient, row.at, row.deletes) == (ada, LEFT_AT, False)
    ended = Assignment.objects.for_clinic(ada.clinic).values_list("ends_at", "discharge")
    assert list(ended) == [(LEFT_AT, row.id)] * 2
    assert Enrollment.objects.for_clinic(ada.clinic).get().ends_on == LEFT_AT.date()
    owners = Measurement.objects.for_clinic(ada.clinic).order_by("taken_at").values_list("patient", flat=True)
    assert list(owners) == [ada.id, None]
    kinds = Request.objects.for_clinic(ada.clinic).values_list("kind", flat=True)
    assert list(kinds) == ["devices.unlink"] * 2


def test_it_is_one_line_in_the_record(admin: Client, ada: Patient) -> None:
    discharge(admin, ada, delete="on")
    event = AuditEvent.objects.get(action="patient_discharged")
    assert (event.actor_label, event.target_id) == ("admin@alpha.test", str(ada.id))
    assert (event.detail["readings"], event.detail["programs"], event.detail["delete"]) == (1, 1, True)
    assert len(event.detail["devices"]) == 2


def test_the_page_follows_each_device_until_nothing_is_charged(
    admin: Client, ada: Patient, stub: VendorStub
) -> None:
    discharge(admin, ada)
    said = text_of(admin.get(url(ada)))
    assert "Discharged Mon, Mar 10, 2025, 9:00 AM EDT , by admin@alpha.test." in said
    assert said.count("Unlinking: it waits to be sent to Tenovi.") == 2
    stub.reply(unlink(7), unlinked(7))
    stub.reply(unlink(8), Reply(400, {"detail": "no"}))
    drain()
    said = text_of(admin.get(url(ada)))
    assert "1 device may still be charged, about $5.00 a month." in said
    assert re.search(r"unlinked \w+ .{,60}, not charged", said)
    assert "Tenovi did not unlink it." in said
    assert Assignment.objects.for_clinic(ada.clinic).filter(ends_at=LEFT_AT).count() == 2


def test_deleting_follows_unlinking_and_may_be_refused(admin: Client, ada: Patient, stub: VendorStub) -> None:
    discharge(admin, ada, delete="on")
    for number in NUMBERS:
        stub.reply(unlink(number), unlinked(number))
    record = "/hwi/hwi-devices/{}/"
    stub.reply(record.format(uuid.UUID(int=7)), Reply(204))
    stub.reply(record.format(uuid.UUID(int=8)), Reply(400, {"detail": "fulfilled"}))
    drain()
    assert stub.paths()[:2] == [unlink(7), unlink(8)]
    deleted = Device.objects.for_clinic(ada.clinic).order_by("hwi_device_id")
    assert [one.deleted_at is not None for one in deleted] == [True, False]
    said = text_of(admin.get(url(ada)))
    assert "No device is charged." in said
    assert "Tenovi did not delete it." in said


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"day": "2019-12-31"}, "Cuff was given to the patient after that"),
        ({"day": "2999-01-01"}, "This has not come yet."),
        ({"day": ""}, "This field is required."),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_done(
    admin: Client, ada: Patient, fields: dict[str, str], message: str
) -> None:
    for do in ("look", "discharge"):
        assert message in text_of(admin.post(url(ada), {**LEFT, "do": do, **fields}))
    assert not Discharge.objects.for_clinic(ada.clinic).exists()
    assert not Request.objects.for_clinic(ada.clinic).exists()


def test_a_device_that_went_on_to_somebody_else_is_left_alone(admin: Client, ada: Patient) -> None:
    bo, device = make_patient(ada.clinic, "P-2"), Device.objects.for_clinic(ada.clinic).first()
    moment = datetime.datetime(2025, 3, 20, tzinfo=datetime.UTC)
    Assignment.objects.for_clinic(ada.clinic).filter(device=device).update(ends_at=moment)
    assert device is not None
    assign(device, bo, moment)
    discharge(admin, ada)
    assert Assignment.objects.for_clinic(ada.clinic).get(patient=bo).ends_at is None
    assert Request.objects.for_clinic(ada.clinic).count() == 1


def test_a_device_taken_back_before_and_never_unlinked_is_still_charged(admin: Client, ada: Patient) -> None:
    Assignment.objects.for_clinic(ada.clinic).update(ends_at=LEFT_AT)
    said = text_of(admin.get(url(ada)))
    assert "2 devices may still be charged" in said
    assert "linked: charges go on Stop using it" in said


def test_the_patients_page_leads_there(admin: Client, ada: Patient) -> None:
    assert url(ada) in admin.get(f"/c/alpha/patients/{ada.id}/").content.decode()
