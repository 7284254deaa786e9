"""Real workers, in real time: requests that the vendor cannot answer, and a vendor that is away."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db.models import F
from django.utils import timezone
from pytest_django import Settings

from clinics.models import Clinic
from launcher import processes
from tenovi.models import Call, ParkedKey, Priority, Request, RequestKind
from tenovi.outbound.api_keys import standing_problem
from tenovi.outbound.enqueue import enqueue, enqueue_each
from tests.faults.house import eventually
from tests.tenovi.poison import GOOD, POISON, Poisoned, path_of
from tests.vendor import empty_account, stub_as_vendor, vendor_clinic
from tests.vendor_stub import Reply, VendorStub
from tests.web_server import database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(700)]

ROOT = Path(__file__).parent.parent.parent
SHARE = 0.93  # of the vendor's seconds, the least that is used while work waits


@pytest.fixture
def stub(settings: Settings) -> Iterator[VendorStub]:
    with stub_as_vendor(settings) as running:
        yield running


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    return vendor_clinic()


@pytest.fixture
def workers(stub: VendorStub, tmp_path: Path) -> Iterator[None]:
    """One that sends, and what rings for it: no list is asked for by the schedule."""
    environment = {**os.environ, "DATABASE_URL": database_url(), "TENOVI_BASE_URL": stub.url, "DEBUG": "1"}
    commands = [
        processes.worker("default,vendor", log_level="ERROR"),
        processes.beat(tmp_path / "beat", log_level="ERROR"),
    ]
    running = [
        subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True) for command in commands
    ]
    yield
    for process in running:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def asked_at(stub: VendorStub, target: str) -> list[float]:
    return [asked.at for asked in stub.asked if asked.path.endswith(path_of(target))]


def click(stub: VendorStub, clinic: Clinic, name: str) -> float:
    """Ask as a person does; the seconds until that is on the wire."""
    clicked = time.monotonic()
    enqueue(clinic, RequestKind.PATIENT, name, priority=Priority.PERSON)
    assert eventually(lambda: bool(asked_at(stub, name)), seconds=240, every=0.02)
    return asked_at(stub, name)[0] - clicked


def test_with_one_poison_request_of_each_kind_the_others_go_at_the_full_rate_and_a_click_goes_out(
    stub: VendorStub, clinic: Clinic, workers: None
) -> None:
    poisoned = Poisoned(stub, clinic)
    try:
        delays = []
        assert eventually(lambda: bool(asked_at(stub, "silent")), seconds=300, every=0.02)
        delays.append(click(stub, clinic, "clicked-while-one-hangs"))
        while poisoned.good_left():
            assert not ParkedKey.objects.exists()
            time.sleep(5)
            if len(delays) < 6:
                delays.append(click(stub, clinic, f"clicked-{len(delays)}"))
        times = sorted(asked.at for asked in stub.asked)
        last = max(asked_at(stub, name)[-1] for name in GOOD)
        until_then = [at for at in times if at <= last]
        share = (len(until_then) - 1) * 1.05 / (last - until_then[0])
        print(f"\n{share:.3f} of the budget, clicks after {', '.join(f'{one:.2f}' for one in delays)} s")
        assert max(delays) < 3
        assert share >= SHARE
        assert stub.smallest_gap() >= 1.0
        while poisoned.parked() != set(POISON):  # with moved time
            assert not ParkedKey.objects.exists()
            rows = Request.objects.for_clinic(clinic)
            due = min((one.not_before - timezone.now() for one in rows.unanswered()), default=None)
            if due is not None and due.total_seconds() > 0:
                rows.update(not_before=F("not_before") - due)
            time.sleep(1)
        assert {poisoned.tries_of(name) for name in POISON} == {5}
        assert stub.smallest_gap() >= 1.0
    finally:
        poisoned.over.set()


@pytest.mark.parametrize("how", ["silent", "failing"])
def test_a_vendor_that_is_away_is_told_within_a_minute_and_work_resumes_by_itself(
    stub: VendorStub, clinic: Clinic, workers: None, how: str
) -> None:
    away = Reply(raw=b"\n", before=lambda: time.sleep(40)) if how == "silent" else Reply(503, b"<html>")
    stub.reply_to_everything(away)
    enqueue_each(clinic, RequestKind.PATIENT, GOOD[:5])
    assert eventually(lambda: bool(stub.asked), seconds=240)
    began = stub.asked[0].at
    assert eventually(lambda: "outage" in standing_problem(clinic), seconds=120)
    assert time.monotonic() - began < 60
    assert ParkedKey.objects.count() == 1
    stub.reply_to_everything(Reply(body={"external_id": "x"}))
    empty_account(stub)
    assert eventually(lambda: not Request.objects.for_clinic(clinic).exists(), seconds=180)
    assert standing_problem(clinic) == ""
    assert stub.smallest_gap() >= 1.0
    assert Call.objects.for_clinic(clinic).filter(outcome="doubtful").exists()
