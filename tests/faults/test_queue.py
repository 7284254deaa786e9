"""The queue while its worker is killed again and again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from launcher import processes
from launcher.valkey import Valkey
from patients.models import Patient
from tenovi.models import Priority, Request, RequestKind
from tenovi.outbound.enqueue import enqueue, enqueue_each
from tests.faults.house import eventually
from tests.vendor import empty_account, vendor_clinic
from tests.vendor_stub import Reply, VendorStub
from tests.web_server import database_url

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).parent.parent.parent
READS = 12


def start(command: list[str], stub: VendorStub, **variables: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "DATABASE_URL": database_url(), "TENOVI_BASE_URL": stub.url, "DEBUG": "1"}
    environment |= variables
    return subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)


def live_and_die(command: list[str], stub: VendorStub) -> None:
    """Each does a little before it is killed, or none would ever get anywhere on a slow machine."""
    asked = len(stub.asked)
    running = start(command, stub)
    try:
        eventually(lambda: len(stub.asked) > asked, seconds=240)
        time.sleep(random.uniform(0, 3))
    finally:
        kill(running)


def kill(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.timeout(600)
def test_a_worker_killed_at_any_moment_loses_nothing_and_keeps_the_budget(
    stub: VendorStub, tmp_path: Path
) -> None:
    clinic = vendor_clinic()
    empty_account(stub)
    for number in range(READS):
        stub.reply(f"/hwi/hwi-patients/mrn-{number}/", Reply(body={"external_id": f"mrn-{number}"}))
    enqueue_each(clinic, RequestKind.PATIENT, [f"mrn-{number}" for number in range(READS)])
    worker = processes.worker("default,vendor", log_level="ERROR")
    beat = start(processes.beat(tmp_path / "beat", log_level="ERROR"), stub)
    deadline = time.monotonic() + 500
    try:
        while Request.objects.for_clinic(clinic).exists() and time.monotonic() < deadline:
            live_and_die(worker, stub)
    finally:
        kill(beat)
    assert not Request.objects.for_clinic(clinic).exists()
    assert Patient.objects.for_clinic(clinic).count() == READS
    assert stub.smallest_gap() >= 1.0


def test_a_click_is_on_the_wire_within_three_seconds_behind_ten_thousand_reads(
    stub: VendorStub, tmp_path: Path
) -> None:
    clinic = vendor_clinic()
    stub.reply_to_everything(Reply(body={"external_id": "x"}))
    enqueue_each(clinic, RequestKind.PATIENT, [f"mrn-{number}" for number in range(10_000)])
    running = start(processes.worker("default,vendor", log_level="ERROR"), stub)
    try:
        deadline = time.monotonic() + 120
        while len(stub.asked) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        enqueue(clinic, RequestKind.PATIENT, "clicked", priority=Priority.PERSON)
        clicked = time.monotonic()
        while not any("clicked" in path for path in stub.paths()) and time.monotonic() < clicked + 60:
            time.sleep(0.02)
        (call,) = [asked for asked in stub.asked if "clicked" in asked.path]
        assert call.at - clicked < 3
        assert len(stub.asked) >= 4
    finally:
        kill(running)


def test_worker_and_scheduler_come_back_after_redis_was_killed(stub: VendorStub, tmp_path: Path) -> None:
    clinic = vendor_clinic()
    stub.reply_to_everything(Reply(body={"external_id": "mrn-1"}))
    empty_account(stub)
    redis = Valkey(tmp_path / "valkey", tmp_path / "valkey.log")
    address = {"REDIS_URL": redis.start()}
    running = [
        start(processes.worker("default,vendor", log_level="CRITICAL"), stub, **address),
        start(processes.beat(tmp_path / "beat", log_level="CRITICAL"), stub, **address),
    ]
    try:
        for target in ("before", "after"):
            enqueue(clinic, RequestKind.PATIENT, target, wake=False)  # only the scheduler knows
            deadline = time.monotonic() + 60
            while Request.objects.for_clinic(clinic).exists() and time.monotonic() < deadline:
                time.sleep(0.2)
            assert not Request.objects.for_clinic(clinic).exists()
            assert redis.process is not None
            redis.process.kill()
            redis.process.wait()
            time.sleep(3)
            redis.restart()
        assert all(process.poll() is None for process in running)
    finally:
        for process in running:
            kill(process)
        redis.stop()
