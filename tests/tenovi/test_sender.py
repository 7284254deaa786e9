"""The way out, over real HTTP: what is asked is called, stored, and gone from the queue."""

from __future__ import annotations

import datetime
import logging
import threading
import uuid
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django import Settings

from clinics.models import Clinic
from devices.models import Device
from patients.models import Patient
from tenovi.clock import seconds_from_now
from tenovi.key_locks import try_key_lock
from tenovi.models import Call, ParkedKey, Priority, Request, RequestKind
from tenovi.outbound.api_keys import keys_of, why_nothing_is_sent
from tenovi.outbound.enqueue import enqueue, enqueue_each
from tenovi.outbound.sender import drain
from tenovi.registry import REQUESTS, Handler
from tests.vendor import DEVICES, PATIENTS, vendor_clinic, wire_device, wire_page
from tests.vendor_stub import DOMAIN, KEY, Reply, VendorStub

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime.timedelta()
BROKEN = Reply(500, b"<html>")


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    return vendor_clinic()


def only_request(clinic: Clinic) -> Request:
    return Request.objects.for_clinic(clinic).get()


def time_passes(clinic: Clinic) -> None:
    """As much as it takes until the key rests no more and something is due."""
    rows, now = Request.objects.for_clinic(clinic), timezone.now()
    rests = [key.until - now for key in ParkedKey.objects.all()]
    waits = [request.not_before - now for request in rows.unanswered()]
    passed = max([min(waits, default=NOW), *rests, NOW])
    rows.update(not_before=F("not_before") - passed)
    ParkedKey.objects.update(until=F("until") - passed)


def test_an_answer_is_stored_and_its_request_is_gone(stub: VendorStub, clinic: Clinic) -> None:
    stub.reply(f"{DEVICES}{uuid.UUID(int=7)}/", Reply(body=wire_device(7)))
    enqueue(clinic, RequestKind.DEVICE, str(uuid.UUID(int=7)))
    assert drain().sent == 1
    assert Device.objects.for_clinic(clinic).get().kind == "tenovi-bpm"
    assert not Request.objects.for_clinic(clinic).exists()
    call = Call.objects.for_clinic(clinic).get()
    assert (call.path, call.status, call.outcome, call.items) == (
        "/hwi/hwi-devices/{id}/",
        200,
        "answered",
        1,
    )


def test_a_list_is_read_page_by_page(stub: VendorStub, clinic: Clinic) -> None:
    stub.reply(
        DEVICES, wire_page(wire_device(1), then=2), wire_page(wire_device(2), "odd", then=3), wire_page()
    )
    enqueue(clinic, RequestKind.DEVICES)
    assert drain().sent == 3
    assert Device.objects.for_clinic(clinic).count() == 2
    assert [asked.query for asked in stub.asked] == [f"page={page}&page_size=500" for page in (1, 2, 3)]
    calls = Call.objects.for_clinic(clinic).newest_first()
    assert list(calls.values_list("items", "failed")) == [(0, 0), (2, 1), (1, 0)]


def test_a_list_continues_at_the_page_where_it_was_interrupted(stub: VendorStub, clinic: Clinic) -> None:
    stub.reply(DEVICES, wire_page(wire_device(1), then=2), BROKEN, wire_page(wire_device(2)))
    enqueue(clinic, RequestKind.DEVICES)
    drain()
    request = only_request(clinic)
    assert (request.cursor, request.pages, request.total) == ("page=2&page_size=500", 1, 3)
    time_passes(clinic)
    drain()
    assert [asked.query[:6] for asked in stub.work] == ["page=1", "page=2", "page=2"]
    assert Device.objects.for_clinic(clinic).count() == 2


def test_the_most_urgent_goes_first_though_it_came_last(stub: VendorStub, clinic: Clinic) -> None:
    stub.reply_to_everything(Reply(body={"external_id": "x"}))
    enqueue_each(clinic, RequestKind.PATIENT, ["routine-1", "routine-2"])
    enqueue(clinic, RequestKind.PATIENT, "background", priority=Priority.BACKGROUND)
    enqueue(clinic, RequestKind.PATIENT, "person", priority=Priority.PERSON)
    drain()
    order = [path.split("/")[-2] for path in stub.paths()]
    assert order == ["person", "routine-1", "routine-2", "background"]


def test_what_becomes_urgent_while_others_are_sent_is_next(stub: VendorStub, clinic: Clinic) -> None:
    def urgent() -> None:
        enqueue(clinic, RequestKind.PATIENT, "person", priority=Priority.PERSON, wake=False)
        connection.close()

    patient = Reply(body={"external_id": "x"})
    stub.reply_to_everything(Reply(body={"external_id": "x"}, before=urgent), patient)
    enqueue_each(clinic, RequestKind.PATIENT, ["a", "b", "c"])
    drain()
    assert [path.split("/")[-2] for path in stub.paths()] == ["a", "person", "b", "c"]


def test_what_always_fails_is_parked_after_five_tries_with_its_reason(
    stub: VendorStub, clinic: Clinic
) -> None:
    stub.reply(DEVICES, BROKEN)
    enqueue(clinic, RequestKind.DEVICES)
    for _ in range(7):
        drain()
        time_passes(clinic)
    request = only_request(clinic)
    assert (request.state, request.attempts) == ("parked", 5)
    assert request.reason == "Tenovi had an error of its own (500)."
    assert len(stub.work) == 5


def test_one_that_always_fails_holds_up_nothing_else(stub: VendorStub, clinic: Clinic) -> None:
    stub.reply(DEVICES, BROKEN)
    stub.reply(PATIENTS, wire_page({"external_id": "mrn-1"}))
    enqueue(clinic, RequestKind.DEVICES, priority=Priority.PERSON)
    enqueue(clinic, RequestKind.PATIENTS)
    drain()
    assert Patient.objects.for_clinic(clinic).count() == 1


def test_an_outage_of_the_vendor_parks_the_key_and_no_work(stub: VendorStub, clinic: Clinic) -> None:
    stub.reply_to_everything(BROKEN)
    enqueue_each(clinic, RequestKind.PATIENT, [f"mrn-{number}" for number in range(4)])
    for _ in range(12):
        drain()
        time_passes(clinic)
    assert Request.objects.for_clinic(clinic).unanswered().count() == 4
    ParkedKey.objects.update(until=seconds_from_now(60))
    assert "outage" in why_nothing_is_sent(clinic)
    stub.reply_to_everything(Reply(body={"external_id": "x"}))
    for _ in range(3):
        time_passes(clinic)
        drain()
    assert not Request.objects.for_clinic(clinic).exists()
    assert why_nothing_is_sent(clinic) == ""


def test_one_that_always_fails_is_found_out_after_an_outage(stub: VendorStub, clinic: Clinic) -> None:
    stub.reply_to_everything(BROKEN)
    enqueue(clinic, RequestKind.PATIENT, "broken", priority=Priority.PERSON)
    enqueue_each(clinic, RequestKind.PATIENT, ["a", "b"])
    for _ in range(8):
        drain()
        time_passes(clinic)
    stub.reply_to_everything(Reply(body={"external_id": "x"}))
    stub.reply("/hwi/hwi-patients/broken/", BROKEN)
    for _ in range(8):
        drain()
        time_passes(clinic)
    request = only_request(clinic)
    assert (request.target, request.state, request.attempts) == ("broken", "parked", 5)


@pytest.mark.parametrize(
    ("reply", "words"),
    [(Reply(403, {}), "Create a new one"), (Reply(404, {}), f"client domain “{DOMAIN}”")],
)
def test_a_refused_key_keeps_its_work_says_why_and_probes_rarely(
    stub: VendorStub, clinic: Clinic, reply: Reply, words: str
) -> None:
    stub.reply(DEVICES, reply)
    enqueue(clinic, RequestKind.DEVICES)
    enqueue(clinic, RequestKind.PATIENT, "mrn-1")
    for _ in range(3):
        drain()
        Request.objects.for_clinic(clinic).update(not_before=Now())
    assert len(stub.asked) == 1
    assert words in why_nothing_is_sent(clinic)
    assert set(Request.objects.for_clinic(clinic).values_list("state", "attempts")) == {("waiting", 0)}
    rest = ParkedKey.objects.get()
    assert 890 < (rest.until - rest.since).total_seconds() <= 901


def test_work_goes_on_after_the_key_is_mended(stub: VendorStub, clinic: Clinic) -> None:
    stub.reply(DEVICES, Reply(403, {}), wire_page(wire_device(1)))
    enqueue(clinic, RequestKind.DEVICES)
    drain()
    clinic.tenovi_api_key = f"{KEY}-{uuid.uuid4()}"
    clinic.save()
    drain()
    assert Device.objects.for_clinic(clinic).count() == 1


@pytest.mark.parametrize("reply", [Reply(403, {}), Reply(404, {})])
def test_what_the_vendor_mends_at_its_end_is_found_out_by_the_next_probe(
    stub: VendorStub, clinic: Clinic, reply: Reply
) -> None:
    stub.reply(DEVICES, reply, reply, wire_page(wire_device(1)))
    enqueue(clinic, RequestKind.DEVICES)
    for probes in (1, 2, 3):
        drain()
        assert len(stub.asked) == probes
        time_passes(clinic)
    assert Device.objects.for_clinic(clinic).count() == 1
    assert why_nothing_is_sent(clinic) == ""


def test_asked_to_slow_down_the_key_rests_and_the_work_waits(stub: VendorStub, clinic: Clinic) -> None:
    stub.reply(DEVICES, Reply(429, {}, {"Retry-After": "40"}), wire_page())
    enqueue(clinic, RequestKind.DEVICES)
    drain()
    rest = ParkedKey.objects.get()
    assert (rest.cause, rest.pause) == ("slow_down", 40)
    assert only_request(clinic).attempts == 0
    time_passes(clinic)
    assert drain().sent == 0  # Redis remembers the pause for every process, whatever the row says
    assert len(stub.asked) == 1


def test_a_device_the_vendor_does_not_know_is_asked_about_once_a_day(
    stub: VendorStub, clinic: Clinic
) -> None:
    enqueue(clinic, RequestKind.DEVICE, str(uuid.UUID(int=9)))
    drain()
    request = only_request(clinic)
    assert (request.state, request.reason) == ("waiting", "Tenovi does not know this device.")
    assert (request.not_before - request.created_at).total_seconds() > 86_000


@pytest.mark.parametrize("reply", [Reply(400, {}), Reply(405, {})])
def test_what_the_vendor_refuses_for_good_is_parked_at_once(
    stub: VendorStub, clinic: Clinic, reply: Reply
) -> None:
    stub.reply(DEVICES, reply)
    enqueue(clinic, RequestKind.DEVICES)
    drain()
    assert only_request(clinic).state == "parked"


def test_a_vendor_that_is_not_there_costs_no_attempt(clinic: Clinic, settings: Settings) -> None:
    settings.TENOVI_BASE_URL = "http://127.0.0.1:9"
    enqueue(clinic, RequestKind.DEVICES)
    drain()
    assert only_request(clinic).attempts == 0
    assert why_nothing_is_sent(clinic) == "Tenovi cannot be reached."


def test_without_redis_nothing_is_sent_and_work_waits(
    stub: VendorStub, clinic: Clinic, settings: Settings
) -> None:
    enqueue(clinic, RequestKind.DEVICES, wake=False)
    stub.reply(DEVICES, wire_page())
    alive, settings.REDIS_URL = settings.REDIS_URL, "redis://127.0.0.1:9/0"
    assert drain().stalled
    assert stub.asked == []
    settings.REDIS_URL = alive
    assert drain().sent == 1  # by itself, once it is back


def test_an_answer_we_fail_to_store_is_tried_again_and_logged_without_its_content(
    stub: VendorStub, clinic: Clinic, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(request: Request, answer: Any) -> int:
        raise KeyError(answer.results[0].name)

    monkeypatch.setitem(REQUESTS, "patients.list", Handler(answer=broken))
    stub.reply(PATIENTS, wire_page({"external_id": "mrn-1", "name": "Private Person"}))
    enqueue(clinic, RequestKind.PATIENTS)
    with caplog.at_level(logging.ERROR):
        drain()
    request = only_request(clinic)
    assert (request.state, request.attempts) == ("waiting", 1)
    assert request.reason == "Vitaldays could not use the answer (KeyError)."
    assert "KeyError" in caplog.text
    assert "Private Person" not in caplog.text


def test_what_a_dead_process_was_sending_is_sent_by_the_next(stub: VendorStub, clinic: Clinic) -> None:
    stub.reply(DEVICES, wire_page(wire_device(1)))
    enqueue(clinic, RequestKind.DEVICES)
    Request.objects.for_clinic(clinic).update(state="sending", claim=uuid.uuid4(), attempts=1)
    drain()
    assert Device.objects.for_clinic(clinic).count() == 1


def test_a_request_that_kills_its_process_is_parked_after_five_deaths(
    stub: VendorStub, clinic: Clinic
) -> None:
    enqueue(clinic, RequestKind.DEVICES)
    enqueue(clinic, RequestKind.PATIENTS)
    stub.reply(PATIENTS, wire_page())
    Request.objects.for_clinic(clinic).filter(kind="devices.list").update(
        state="sending", claim=uuid.uuid4(), attempts=5
    )
    drain()
    request = only_request(clinic)
    assert (request.state, stub.paths()) == ("parked", [PATIENTS])
    assert "five times" in request.reason


def test_an_answer_to_a_request_taken_over_by_somebody_else_is_thrown_away(
    stub: VendorStub, clinic: Clinic
) -> None:
    def take_over() -> None:
        Request.objects.for_clinic(clinic).update(claim=uuid.uuid4())
        connection.close()

    late = Reply(body=wire_page(wire_device(1)).body, before=take_over)
    stub.reply(DEVICES, late, wire_page(wire_device(2)))
    enqueue(clinic, RequestKind.DEVICES)
    drain()
    assert [device.hwi_device_id.int for device in Device.objects.for_clinic(clinic)] == [2]


def test_one_process_at_a_time_sends_with_a_key(stub: VendorStub, clinic: Clinic) -> None:
    enqueue(clinic, RequestKind.DEVICES)
    (key,) = keys_of([clinic])
    with try_key_lock(key.budget) as lock:
        assert lock
        assert drain().sent == 0
    assert stub.asked == []


def test_different_keys_are_served_side_by_side(stub: VendorStub, clinic: Clinic) -> None:
    both_at_once = threading.Barrier(2, timeout=25)  # less than the vendor has for an answer

    def meet() -> None:
        both_at_once.wait()

    reply = wire_page()
    stub.reply(DEVICES, Reply(body=reply.body, before=meet))
    other = vendor_clinic("beta")
    for asking in (clinic, other):
        enqueue(asking, RequestKind.DEVICES)
    assert drain().sent == 2
    assert not both_at_once.broken
