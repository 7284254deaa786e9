"""What changes something at the vendor: sent once or again, by what nobody knows and by what it is."""

from __future__ import annotations

import dataclasses
import datetime
import json
import uuid
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from pytest_django import Settings

from clinics.models import Clinic
from patients.models import Patient
from tenovi.models import Call, Request, RequestKind
from tenovi.outbound.api_keys import why_nothing_is_sent
from tenovi.outbound.calls import CALLS, CREATES, FETCHES, WRITES
from tenovi.outbound.enqueue import enqueue
from tenovi.outbound.outages import PROBE
from tenovi.outbound.sender import drain
from tenovi.registry import REQUESTS
from tests.factories import assign, make_device, make_patient
from tests.sandbox_server import Sandbox
from tests.tenovi.test_client_in_sandbox import BAD
from tests.vendor import PATIENTS, vendor_clinic, wire_device
from tests.vendor_stub import KEY, Reply, VendorStub

pytestmark = pytest.mark.django_db(transaction=True)

ORDER = str(uuid.UUID(int=77))
DEVICE = uuid.UUID(int=1)
UNLINK = f"/hwi/unlink-gateway/{DEVICE}/"


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    return vendor_clinic()


class Room:
    """A room that orders devices, and the results of its requests."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kind: str = RequestKind.DEVICE_CREATE) -> None:
        self.answers: list[Any] = []
        self.failures: list[tuple[str, str]] = []
        self.kind = kind
        self.monkeypatch = monkeypatch
        self.replace(answer=self.answered, payload=self.build, failed=self.failed)

    def replace(self, **functions: Any) -> None:
        """Put these functions in place of those that the registry has for this kind."""
        self.monkeypatch.setitem(REQUESTS, self.kind, dataclasses.replace(REQUESTS[self.kind], **functions))

    def build(self, request: Request) -> dict[str, Any]:
        return {"device": {"name": "Tenovi Scale"}, "patient": {"external_id": "mrn-1"}}

    def answered(self, request: Request, answer: Any) -> int:
        self.answers.append(answer)
        return 0

    def failed(self, request: Request, error: Exception | None) -> None:
        self.failures.append((request.state, type(error).__name__ if error else ""))


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Room:
    return Room(monkeypatch)


def only_request(clinic: Clinic) -> Request:
    return Request.objects.for_clinic(clinic).get()


def run_for_long(clinic: Clinic) -> None:
    for _ in range(7):
        Request.objects.for_clinic(clinic).update(not_before=Now())
        drain()


def test_every_kind_can_be_called() -> None:
    assert CALLS.keys() | WRITES.keys() == set(RequestKind)
    assert sorted(CREATES) == [
        f"{name}.create" for name in ("devices", "replacements", "supply_requests", "webhooks")
    ]


def test_an_order_is_sent_as_its_room_writes_it_and_its_answer_handed_back(
    stub: VendorStub, clinic: Clinic, room: Room
) -> None:
    stub.reply("/hwi/hwi-devices/", Reply(201, wire_device(5)))
    enqueue(clinic, RequestKind.DEVICE_CREATE, ORDER)
    drain()
    (asked,) = stub.work
    assert (asked.method, json.loads(asked.body)) == ("POST", room.build(Request()))
    assert [answer.hwi_device_id.int for answer in room.answers] == [5]
    assert not Request.objects.for_clinic(clinic).exists()


@pytest.mark.parametrize("reply", [reply for reply, _ in BAD[:-1]])
def test_an_order_that_may_have_been_placed_is_kept_and_never_sent_again(
    stub: VendorStub, clinic: Clinic, room: Room, reply: Reply
) -> None:
    stub.reply("/hwi/hwi-devices/", reply)
    enqueue(clinic, RequestKind.DEVICE_CREATE, ORDER)
    run_for_long(clinic)
    enqueue(clinic, RequestKind.DEVICE_CREATE, ORDER, insist=True)
    run_for_long(clinic)
    assert len(stub.work) == 1
    assert only_request(clinic).state == "unknown"
    assert [state for state, _ in room.failures] == ["unknown"]
    call = Call.objects.for_clinic(clinic).exclude(kind=PROBE).get()
    assert call.outcome == "doubtful"
    assert call.reason.endswith(".")
    assert KEY not in call.reason


def test_an_order_whose_process_died_is_not_sent_again(stub: VendorStub, clinic: Clinic, room: Room) -> None:
    enqueue(clinic, RequestKind.DEVICE_CREATE, ORDER)
    Request.objects.for_clinic(clinic).update(state="sending", claim=uuid.uuid4(), attempts=1)
    run_for_long(clinic)
    assert stub.work == []
    assert (only_request(clinic).state, room.failures) == ("unknown", [("unknown", "")])


def test_an_order_whose_answer_we_fail_to_store_is_not_sent_again(
    stub: VendorStub, clinic: Clinic, room: Room
) -> None:
    def broken(request: Request, answer: Any) -> int:
        raise KeyError("broken")

    room.replace(answer=broken)
    stub.reply("/hwi/hwi-devices/", Reply(201, wire_device(5)))
    enqueue(clinic, RequestKind.DEVICE_CREATE, ORDER)
    run_for_long(clinic)
    assert len(stub.work) == 1
    assert only_request(clinic).state == "unknown"


def test_a_refused_order_is_parked_and_its_room_told_what_the_vendor_says(
    stub: VendorStub, clinic: Clinic, room: Room
) -> None:
    complaints: list[Any] = []
    room.replace(failed=lambda request, error: complaints.extend(error.complaints))
    stub.reply("/hwi/hwi-devices/", Reply(400, {"device": {"hardware_uuid": ["ID already exists"]}}))
    enqueue(clinic, RequestKind.DEVICE_CREATE, ORDER)
    drain()
    assert only_request(clinic).state == "parked"
    assert complaints == [("device.hardware_uuid", "ID already exists")]


def test_an_order_nothing_of_which_was_sent_waits_for_the_vendor(
    stub: VendorStub, clinic: Clinic, room: Room, settings: Settings
) -> None:
    settings.TENOVI_BASE_URL = "http://127.0.0.1:9"
    enqueue(clinic, RequestKind.DEVICE_CREATE, ORDER)
    drain()
    assert (only_request(clinic).state, only_request(clinic).attempts) == ("waiting", 0)
    assert why_nothing_is_sent(clinic) == "Tenovi cannot be reached."


def test_the_row_says_that_it_is_being_sent_before_a_byte_leaves(
    stub: VendorStub, clinic: Clinic, room: Room
) -> None:
    seen: list[str] = []

    def look() -> None:
        seen.append(only_request(clinic).state)
        connection.close()

    stub.reply("/hwi/hwi-devices/", Reply(201, wire_device(5), before=look))
    enqueue(clinic, RequestKind.DEVICE_CREATE, ORDER)
    drain()
    assert seen == ["sending"]


@pytest.mark.parametrize("reply", [Reply(500), Reply(200, b"<html>"), Reply(302), Reply(200, b'{"id"')])
def test_unlinking_is_tried_again_after_an_answer_that_says_nothing(
    stub: VendorStub, clinic: Clinic, reply: Reply
) -> None:
    make_device(clinic, hwi_device_id=DEVICE)
    stub.reply(UNLINK, reply, Reply(200, {**wire_device(1), "status": "Unlinked"}))
    enqueue(clinic, RequestKind.DEVICE_UNLINK, str(DEVICE))
    run_for_long(clinic)
    assert stub.paths()[:2] == [UNLINK, UNLINK]
    assert stub.paths().count(UNLINK) == 2
    assert not Request.objects.for_clinic(clinic).filter(kind=RequestKind.DEVICE_UNLINK).exists()


def test_what_a_lost_answer_had_removed_is_removed(
    stub: VendorStub, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(monkeypatch, RequestKind.DEVICE_DELETE)
    stub.reply(f"/hwi/hwi-devices/{DEVICE}/", Reply(502), Reply(404, {}))
    enqueue(clinic, RequestKind.DEVICE_DELETE, str(DEVICE))
    run_for_long(clinic)
    assert (room.answers, room.failures) == ([None], [])


def test_what_was_never_there_cannot_be_removed(
    stub: VendorStub, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(monkeypatch, RequestKind.DEVICE_DELETE)
    enqueue(clinic, RequestKind.DEVICE_DELETE, str(DEVICE))
    run_for_long(clinic)
    assert (room.answers, room.failures) == ([], [("parked", "NotFound")])


def pushed(stub: VendorStub) -> list[tuple[str, dict[str, Any]]]:
    return [(asked.method, json.loads(asked.body)) for asked in stub.work]


def test_a_patient_the_vendor_does_not_know_is_created_with_all_that_is_filled(
    stub: VendorStub, clinic: Clinic
) -> None:
    make_patient(clinic, "mrn-1", name="Test Person", city="Irvine", sms_opt_in=True)
    stub.reply(PATIENTS, Reply(201, {"external_id": "mrn-1", "address_status": "Invalid"}))
    enqueue(clinic, RequestKind.PATIENT_PUSH, "mrn-1", params={"fields": ["city"]})
    drain()
    assert pushed(stub) == [
        ("PATCH", {"city": "Irvine"}),
        ("POST", {"external_id": "mrn-1", "name": "Test Person", "city": "Irvine", "sms_opt_in": False}),
    ]
    assert Patient.objects.for_clinic(clinic).get().address_status == "Invalid"


def test_creating_a_patient_who_exists_turns_into_an_update(stub: VendorStub, clinic: Clinic) -> None:
    make_patient(clinic, "mrn-1", name="Test Person", consented_on=datetime.date(2026, 1, 2), sms_opt_in=True)
    stub.reply(PATIENTS, Reply(400, {"external_id": ["patient with this external id already exists."]}))
    stub.reply(f"{PATIENTS}mrn-1/", Reply(200, {"external_id": "MRN-1"}))
    enqueue(clinic, RequestKind.PATIENT_PUSH, "mrn-1", params={"create": True})
    drain()
    assert pushed(stub) == [
        ("POST", {"external_id": "mrn-1", "name": "Test Person", "sms_opt_in": True}),
        ("PATCH", {"name": "Test Person", "sms_opt_in": True}),
    ]
    assert not Request.objects.for_clinic(clinic).exists()


def test_a_vendor_that_says_both_is_not_asked_for_ever(stub: VendorStub, clinic: Clinic) -> None:
    make_patient(clinic, "mrn-1")
    stub.reply(PATIENTS, Reply(400, {"external_id": ["exists"]}))
    enqueue(clinic, RequestKind.PATIENT_PUSH, "mrn-1")
    run_for_long(clinic)
    assert len(stub.work) == 5
    assert only_request(clinic).state == "parked"


def test_two_changes_of_a_patient_are_one_request_with_both_fields(clinic: Clinic) -> None:
    for fields in (["city"], ["name", "city"], ["email"]):
        enqueue(clinic, RequestKind.PATIENT_PUSH, "mrn-1", params={"fields": fields})
    assert only_request(clinic).params == {"fields": ["city", "email", "name"]}


def test_a_change_made_while_the_one_before_is_on_its_way_is_sent_too(
    stub: VendorStub, clinic: Clinic
) -> None:
    patient = make_patient(clinic, "mrn-1", city="Irvine")

    def edit() -> None:
        Patient.objects.for_clinic(clinic).filter(id=patient.id).update(city="Tustin")
        enqueue(clinic, RequestKind.PATIENT_PUSH, "mrn-1", params={"fields": ["city"]}, wake=False)
        connection.close()

    answer = {"external_id": "mrn-1", "city": "Irvine"}
    stub.reply(f"{PATIENTS}mrn-1/", Reply(200, answer, before=edit), Reply(200, {"external_id": "mrn-1"}))
    enqueue(clinic, RequestKind.PATIENT_PUSH, "mrn-1", params={"fields": ["city"]})
    drain()
    assert [body["city"] for _, body in pushed(stub)] == ["Irvine", "Tustin"]
    assert Patient.objects.for_clinic(clinic).get().city == "Tustin"
    assert not Request.objects.for_clinic(clinic).exists()


def test_a_device_is_pushed_with_who_has_it_now_and_nothing_is_lost_from_it(
    stub: VendorStub, clinic: Clinic
) -> None:
    device = make_device(clinic, hwi_device_id=DEVICE, name="Tenovi BPM - L", hardware_uuid="A1B2C3D4E5F6")
    assign(device, make_patient(clinic, "mrn-1", name="Test Person"))
    stub.reply(f"/hwi/hwi-devices/{DEVICE}/", Reply(200, wire_device(1, "mrn-1")))
    enqueue(clinic, RequestKind.DEVICE_UPDATE, str(DEVICE))
    drain()
    assert pushed(stub) == [
        (
            "PUT",
            {
                "device": {"name": "Tenovi BPM - L", "hardware_uuid": "A1B2C3D4E5F6"},
                "patient": {"external_id": "mrn-1", "name": "Test Person"},
            },
        )
    ]


def test_what_is_no_longer_to_be_said_is_dropped_unsent(stub: VendorStub, clinic: Clinic) -> None:
    enqueue(clinic, RequestKind.PATIENT_PUSH, "nobody")
    drain()
    assert stub.work == []
    assert not Request.objects.for_clinic(clinic).exists()


def test_no_patient_data_stands_in_the_queue(stub: VendorStub, clinic: Clinic) -> None:
    make_patient(clinic, "mrn-1", name="Test Person", city="Irvine")
    enqueue(clinic, RequestKind.PATIENT_PUSH, "mrn-1", params={"fields": ["name", "city"]})
    drain()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT row_to_json(r)::text FROM {Request._meta.db_table} r")
        (text,) = cursor.fetchone()
    assert "Test Person" not in text
    assert "Irvine" not in text


def test_the_hardware_log_is_asked_for_under_its_other_path(
    stub: VendorStub, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(monkeypatch, RequestKind.HARDWARE_LOG)
    stub.reply("/hwi/hwi-hardware-uuid-logs/", Reply(200, []))
    enqueue(clinic, RequestKind.HARDWARE_LOG)
    drain()
    assert stub.paths() == ["/hwi/hardware-uuid-logs/", "/hwi/hwi-hardware-uuid-logs/"]
    assert len(room.answers) == 1


def test_a_log_under_neither_path_parks_itself_and_not_the_key(stub: VendorStub, clinic: Clinic) -> None:
    enqueue(clinic, RequestKind.HARDWARE_LOG)
    run_for_long(clinic)
    assert len(stub.work) == 2
    assert only_request(clinic).state == "parked"
    assert why_nothing_is_sent(clinic) == ""


READS = sorted(CALLS.keys() - FETCHES)


@pytest.mark.parametrize("kind", READS)
def test_a_web_page_instead_of_data_is_a_line_on_the_record_for_every_read(
    stub: VendorStub, clinic: Clinic, kind: str
) -> None:
    stub.reply_to_everything(Reply(200, b"<html>sign in</html>", {"Content-Type": "text/html"}))
    enqueue(clinic, kind, str(DEVICE))
    drain()
    assert (
        Call.objects.for_clinic(clinic).exclude(kind=PROBE).get().reason
        == "Tenovi answered with a web page instead of data."
    )
    assert (only_request(clinic).state, only_request(clinic).attempts) == ("waiting", 1)


def test_old_reads_move_behind_a_stream_of_clicks(stub: VendorStub, clinic: Clinic) -> None:
    def click() -> None:
        if len(stub.paths()) < 12:  # then the stream ends, and so does the drain
            enqueue(clinic, RequestKind.PATIENT, f"click-{uuid.uuid4()}", priority=10, wake=False)
        connection.close()

    stub.reply_to_everything(Reply(200, {"external_id": "x"}, before=click))
    enqueue(clinic, RequestKind.PATIENT, "old-read", priority=80)
    Request.objects.for_clinic(clinic).update(created_at=Now() - datetime.timedelta(minutes=5))
    click()
    drain(seconds=60)
    assert any("old-read" in path for path in stub.paths()[:8])


def test_the_whole_way_against_the_played_vendor(
    sandbox: Sandbox, settings: Settings, clinic: Clinic, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.control("settings", {"rate_seconds": 0.0})
    clinic.tenovi_domain = sandbox.domain
    clinic.tenovi_api_key = sandbox.api_key
    clinic.save()
    settings.TENOVI_BASE_URL = sandbox.url
    make_patient(clinic, "from-here", name="Test Person")
    enqueue(clinic, RequestKind.PATIENT_PUSH, "from-here")
    drain()
    assert sandbox.call("/hwi/hwi-patients/FROM-HERE/").json()["sms_opt_in"] is False
