"""One request that the vendor cannot answer is charged alone; a vendor that is away is told, once."""

from __future__ import annotations

import datetime
import threading
import time
import uuid
from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from clinics.models import Clinic, Role
from patients.models import Patient
from tenovi.client import caller
from tenovi.models import Call, ParkedKey, Priority, Request, RequestKind, WebhookDraft
from tenovi.outbound import sender
from tenovi.outbound.api_keys import standing_problem
from tenovi.outbound.enqueue import enqueue, enqueue_each
from tenovi.outbound.outages import PROBE
from tenovi.outbound.sender import drain
from tests.factories import make_user
from tests.tenovi.poison import POISON, Poisoned, path_of
from tests.vendor import vendor_clinic
from tests.vendor_stub import KEY, Reply, VendorStub

pytestmark = pytest.mark.django_db(transaction=True)

PATIENT = Reply(body={"external_id": "x"})
SILENCE = 1.0  # seconds until an answer is given up here


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    return vendor_clinic()


@pytest.fixture
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """All waits as much shorter as the second is."""
    monkeypatch.setattr(caller, "READ_TIMEOUT", SILENCE)
    monkeypatch.setattr(sender, "FIRST_WAIT", 0.02)
    monkeypatch.setattr(sender, "ANSWER_POLL", 0.02)
    monkeypatch.setattr(sender, "HANGS_AFTER", 0.1)


@pytest.fixture
def poisoned(stub: VendorStub, clinic: Clinic, in_a_hurry: None) -> Iterator[Poisoned]:
    running = Poisoned(stub, clinic)
    yield running
    running.over.set()


def move_on(clinic: Clinic) -> datetime.timedelta:
    """Move time to when something is due, and the key rests no more; by how much."""
    rows, now = Request.objects.for_clinic(clinic), timezone.now()
    waits = [*(key.until - now for key in ParkedKey.objects.all())]
    waits += [min((one.not_before - now for one in rows.unanswered()), default=datetime.timedelta())]
    passed = max(*waits, datetime.timedelta())
    rows.update(not_before=F("not_before") - passed)
    ParkedKey.objects.update(until=F("until") - passed, since=F("since") - passed)
    return passed


def shown(client: Client, clinic: Clinic) -> str:
    return " ".join(client.get(f"/c/{clinic.slug}/operations/").content.decode().split())


def test_one_poison_request_of_each_kind_is_parked_alone_and_costs_the_others_nothing(
    poisoned: Poisoned, clinic: Clinic, client: Client
) -> None:
    client.force_login(make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN))
    moved = datetime.timedelta()
    for _ in range(20):
        if poisoned.good_left():
            drain(seconds=10)
    assert poisoned.good_left() == 0
    for _ in range(25):
        assert not ParkedKey.objects.exists()
        if poisoned.parked() == set(POISON):
            break
        moved += move_on(clinic)
        drain(seconds=5)
    assert poisoned.parked() == set(POISON)
    assert {poisoned.tries_of(name) for name in POISON} == {5}
    assert moved < datetime.timedelta(minutes=10)
    page = shown(client, clinic)
    assert "outage" not in page
    assert page.count("Tenovi did not answer in time.") >= 1


def test_while_one_call_hangs_others_and_a_click_go_out_beside_it(
    stub: VendorStub, clinic: Clinic, in_a_hurry: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    clicked = threading.Event()

    monkeypatch.setattr(caller, "READ_TIMEOUT", 25.0)

    def answered_last() -> None:
        enqueue(clinic, RequestKind.PATIENT, "clicked", priority=Priority.PERSON, wake=False)
        connection.close()
        clicked.wait(20)

    stub.reply_to_everything(PATIENT)
    stub.reply(path_of("slow"), Reply(body={"external_id": "slow"}, before=answered_last))
    stub.reply(path_of("clicked"), Reply(body={"external_id": "clicked"}, before=clicked.set))
    enqueue(clinic, RequestKind.PATIENT, "slow")
    drain(seconds=5)
    assert clicked.is_set()  # while the other was still without its answer
    assert Patient.objects.for_clinic(clinic).filter(external_id__in=["slow", "clicked"]).count() == 2


def test_what_creates_something_is_waited_for_before_anything_else_goes_out(
    stub: VendorStub, clinic: Clinic, in_a_hurry: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "CREATES", frozenset([RequestKind.PATIENT]))
    stub.reply_to_everything(PATIENT)
    came: list[float] = []

    def slow() -> None:
        time.sleep(SILENCE / 2)
        came.append(time.monotonic())

    stub.reply(path_of("a"), Reply(body={"external_id": "a"}, before=slow))
    enqueue_each(clinic, RequestKind.PATIENT, ["a", "b"])
    drain(seconds=5)
    assert stub.asked[1].at >= came[0]


AWAY = {
    "an error for everything": Reply(503, b"<html>down</html>"),
    "a web page for everything": Reply(200, b"<html>maintenance</html>", {"Content-Type": "text/html"}),
    "half an answer to everything": Reply(200, b'{"cou'),
    "a broken connection for everything": Reply(raw=b"\n"),
    "silence": Reply(raw=b"\n", before=lambda: time.sleep(3 * SILENCE)),
}


@pytest.mark.parametrize("targets", [["only"], ["a", "b", "c", "d"]])
@pytest.mark.parametrize("how", AWAY)
def test_a_vendor_that_is_away_is_told_once_and_work_resumes_by_itself(
    stub: VendorStub,
    clinic: Clinic,
    client: Client,
    in_a_hurry: None,
    how: str,
    targets: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client.force_login(make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN))
    monkeypatch.setattr("tenovi.outbound.outages.PROBE_DEADLINE", SILENCE)
    stub.reply_to_everything(AWAY[how])
    enqueue_each(clinic, RequestKind.PATIENT, targets)
    drain(seconds=1)
    outage = ParkedKey.objects.get()
    assert outage.cause == "outage"
    ParkedKey.objects.update(since=F("since") - datetime.timedelta(seconds=15))
    assert "Tenovi seems to have an outage" in standing_problem(clinic)
    assert "Tenovi seems to have an outage" in shown(client, clinic)
    for _ in range(8):  # only the harmless question is asked again
        before = len(stub.asked)
        move_on(clinic)
        drain(seconds=1)
        assert len(stub.asked) == before + 1
        assert ParkedKey.objects.get().pause <= 60
    assert set(Request.objects.for_clinic(clinic).values_list("state", flat=True)) == {"waiting"}
    stub.reply_to_everything(PATIENT)
    for _ in range(4):
        move_on(clinic)
        drain(seconds=2)
    assert not Request.objects.for_clinic(clinic).exists()
    assert standing_problem(clinic) == ""
    assert not ParkedKey.objects.exists()


@pytest.mark.parametrize("reply", [Reply(403, {}), Reply(404, {}), Reply(400, {}), Reply(429, {})])
def test_a_vendor_that_refuses_the_harmless_question_is_there(
    stub: VendorStub, clinic: Clinic, reply: Reply
) -> None:
    stub.reply_to_everything(reply)
    stub.reply(path_of("failing"), Reply(500, {}))
    enqueue(clinic, RequestKind.PATIENT, "failing")
    drain(seconds=1)
    assert Call.objects.for_clinic(clinic).filter(kind=PROBE).exists()
    assert not ParkedKey.objects.filter(cause="outage").exists()


def test_the_longest_waiting_has_its_turn_however_little_a_process_does(
    stub: VendorStub, clinic: Clinic
) -> None:
    stub.reply_to_everything(Reply(body={"external_id": "x"}, before=lambda: time.sleep(0.6)))
    enqueue(clinic, RequestKind.PATIENT, "old", priority=Priority.BACKGROUND)
    enqueue_each(clinic, RequestKind.PATIENT, [f"new-{n}" for n in range(12)], priority=Priority.PERSON)
    while len(stub.asked) < 8:
        assert drain(seconds=0).sent < 8
    assert path_of("old") in stub.paths()[:8]


@pytest.mark.parametrize("kind", [RequestKind.PATIENT, RequestKind.WEBHOOK_CREATE])
def test_an_answer_that_comes_after_the_key_was_changed_is_taken(
    stub: VendorStub, clinic: Clinic, kind: str
) -> None:
    """Another process sends with the new key meanwhile, and finds the call under way."""

    def new_key() -> None:
        changed = Clinic.objects.get(id=clinic.id)
        changed.tenovi_api_key = f"{KEY}-{uuid.uuid4()}"
        changed.save()
        drain(seconds=1)
        connection.close()

    webhook = {"id": str(uuid.UUID(int=5)), "endpoint": "https://x.test/", "event": "MEASUREMENT"}
    stub.reply_to_everything(Reply(body={**webhook, "external_id": "mrn-1"}, before=new_key))
    if kind == RequestKind.WEBHOOK_CREATE:
        from_page(clinic)
    else:
        enqueue(clinic, kind, "mrn-1")
    drain(seconds=5)
    assert len(stub.asked) == 1
    assert not Request.objects.for_clinic(clinic).exists()


def from_page(clinic: Clinic) -> None:
    """A registration of a webhook, as the page asks for it."""
    draft = WebhookDraft(clinic=clinic, event="MEASUREMENT", header="Authorization")
    draft.value = "Basic eDp5"
    draft.save()
    enqueue(clinic, RequestKind.WEBHOOK_CREATE, "MEASUREMENT")


def test_what_a_dead_process_was_sending_with_a_key_of_the_past_is_sent_again(
    stub: VendorStub, clinic: Clinic
) -> None:
    enqueue(clinic, RequestKind.PATIENT, "mrn-1")
    rows = Request.objects.for_clinic(clinic)
    rows.update(state="sending", claim=uuid.uuid4(), attempts=1, sent_with="f" * 64)
    stub.reply_to_everything(PATIENT)
    drain()
    assert not rows.exists()


def test_what_a_dead_process_was_sending_is_freed_also_when_the_clinic_has_no_key(
    clinic: Clinic, settings: Settings
) -> None:
    enqueue(clinic, RequestKind.PATIENT, "mrn-1")
    rows = Request.objects.for_clinic(clinic)
    rows.update(state="sending", claim=uuid.uuid4(), attempts=1, sent_with="f" * 64)
    Clinic.objects.filter(id=clinic.id).update(tenovi_domain="")
    drain()
    assert rows.get().state == "waiting"
