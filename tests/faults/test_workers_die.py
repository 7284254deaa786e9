"""Promises 16 to 24 with real workers: killed at every step, with wrong clocks, with two schedulers,
behind a wire that hangs, before a vendor that drips."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection
from pytest_django import Settings

from clinics.models import Clinic
from devices.models import NightlySync
from launcher import processes
from launcher.valkey import Valkey
from patients.models import Patient
from tenovi import key_locks
from tenovi.models import Call, Heartbeat, Request, RequestKind
from tenovi.outbound.enqueue import enqueue, enqueue_each
from tests.factories import make_order, make_patient
from tests.faults import dying
from tests.faults.house import eventually
from tests.relay import Relay
from tests.vendor import DEVICES, empty_account, stub_as_vendor, vendor_clinic
from tests.vendor_stub import Reply, VendorStub
from tests.web_server import database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]

ROOT = Path(__file__).parent.parent.parent
WITHIN = 120  # seconds
PATIENT = "mrn-1"
PATH = f"/hwi/hwi-patients/{PATIENT}/"
TEN_MINUTES = 600
KILL_LOCKS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def stub(settings: Settings) -> Iterator[VendorStub]:
    with stub_as_vendor(settings) as running:
        empty_account(running)
        running.reply(PATH, Reply(body={"external_id": PATIENT}))
        yield running


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    return vendor_clinic()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path / "valkey", tmp_path / "valkey.log")
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis: Valkey) -> str:
    return redis.start()


@pytest.fixture
def start(stub: VendorStub, redis_url: str) -> Iterator[Start]:
    """Starts a process on the test's database and on a Redis of this test alone; all are killed after it."""
    running: list[subprocess.Popen[bytes]] = []

    def started(command: list[str], **variables: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "DATABASE_URL": database_url(),
            "TENOVI_BASE_URL": stub.url,
            "DEBUG": "1",
        }
        environment |= {"REDIS_URL": redis_url} | variables
        process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
        running.append(process)
        return process

    yield started
    for process in running:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def worker(*instead_of_celery: str, name: str = "") -> list[str]:
    """The command of a worker, started through another module when one is given."""
    command = processes.worker("default,vendor", log_level="ERROR")
    if name:
        command[command.index("default,vendor@vitaldays")] = f"{name}@vitaldays"
    if instead_of_celery:
        place = command.index("celery")
        app = command[place + 1 : place + 4]  # --app config --quiet
        module, *arguments = instead_of_celery
        command = [*command[:place], module, *arguments, *app, *command[place + 4 :]]
    return command


def beat(folder: Path, number: int = 1) -> list[str]:
    return processes.beat(folder / f"beat-{number}", log_level="ERROR")


def is_answered(clinic: Clinic, target: str = PATIENT) -> bool:
    return not Request.objects.for_clinic(clinic).filter(target=target).exists()


@pytest.mark.parametrize(
    ("step", "calls"),
    [
        ("received", 1),
        ("chosen", 1),
        ("sent", 2),
        ("answered", 2),
        ("stored", 2),
        ("committed", 1),
        ("unacknowledged", 1),
    ],
)
def test_a_worker_killed_at_this_step_is_made_good_within_two_minutes(
    stub: VendorStub, clinic: Clinic, start: Start, tmp_path: Path, step: str, calls: int
) -> None:
    enqueue(clinic, RequestKind.PATIENT, PATIENT, wake=False)
    start(beat(tmp_path))
    dies = start(worker("tests.faults.dying", step, PATIENT, str(tmp_path / "flag")))
    assert dies.wait(timeout=WITHIN) == -signal.SIGKILL
    killed = time.monotonic()
    start(worker())
    assert eventually(lambda: is_answered(clinic), seconds=WITHIN)
    assert time.monotonic() - killed < WITHIN
    assert Patient.objects.for_clinic(clinic).filter(external_id=PATIENT).count() == 1
    assert stub.paths().count(PATH) == calls
    assert stub.smallest_gap() >= 1.0


def test_every_step_is_tried() -> None:
    (mark,) = (
        mark
        for mark in test_a_worker_killed_at_this_step_is_made_good_within_two_minutes.pytestmark  # type: ignore[attr-defined]
        if mark.name == "parametrize"
    )
    assert tuple(step for step, _ in mark.args[1]) == dying.STEPS


def test_what_kills_every_worker_is_parked_after_five_and_the_rest_goes_on(
    stub: VendorStub, clinic: Clinic, start: Start, tmp_path: Path
) -> None:
    stub.reply("/hwi/hwi-patients/mrn-2/", Reply(body={"external_id": "mrn-2"}))
    enqueue_each(clinic, RequestKind.PATIENT, [PATIENT, "mrn-2"], wake=False)
    start(beat(tmp_path))
    poisoned = Request.objects.for_clinic(clinic).filter(target=PATIENT)
    deaths, running = 0, start(worker("tests.faults.dying", "chosen", PATIENT, "-"))
    deadline = time.monotonic() + 300
    while not poisoned.filter(state="parked").exists() and time.monotonic() < deadline:
        if running.poll() is not None:
            deaths, running = deaths + 1, start(worker("tests.faults.dying", "chosen", PATIENT, "-"))
        time.sleep(0.2)
    request = poisoned.get()
    assert (request.state, request.attempts, deaths) == ("parked", 5, 5)
    assert "five times" in request.reason
    assert eventually(lambda: is_answered(clinic, "mrn-2"), seconds=WITHIN)
    assert PATH not in stub.paths()


def test_wrong_clocks_two_schedulers_and_a_new_redis_bring_no_two_requests_within_a_second(
    stub: VendorStub, clinic: Clinic, start: Start, redis: Valkey, tmp_path: Path
) -> None:
    stub.reply_to_everything(Reply(body={"external_id": PATIENT}))
    names = [f"mrn-{number}" for number in range(40)]
    enqueue_each(clinic, RequestKind.PATIENT, names, wake=False)
    for number, wrong_by in enumerate((TEN_MINUTES, -TEN_MINUTES)):
        start(worker("tests.faults.skewed", str(wrong_by), name=f"skewed-{number}"))
    for name in ("third", "fourth"):
        start(worker(name=name))
    for number in (1, 2):
        start(beat(tmp_path, number))
    for seen in (8, 20):
        assert eventually(lambda: len(stub.asked) >= seen, seconds=WITHIN)  # noqa: B023
        assert redis.process is not None
        redis.process.kill()
        redis.process.wait()
        redis.restart()
    mine = Request.objects.for_clinic(clinic).filter(target__in=names)
    assert eventually(lambda: not mine.exists(), seconds=300)
    assert stub.smallest_gap() >= 1.0


def test_workers_that_lose_the_keys_lock_again_and_again_send_nothing_twice_or_too_soon(
    stub: VendorStub, clinic: Clinic, start: Start, tmp_path: Path
) -> None:
    """Only the lock's connection is cut, while the work's goes on, and two workers wait for the key."""
    stub.reply_to_everything(Reply(body={"external_id": PATIENT}))
    patient = make_patient(clinic, "mrn-order")
    order = make_order(patient)
    names = [f"mrn-{number}" for number in range(20)]
    enqueue_each(clinic, RequestKind.PATIENT, names, wake=False)
    enqueue(clinic, RequestKind.DEVICE_CREATE, str(order.id), wake=False)
    for name in ("first", "second"):
        start(worker(name=name))
    start(beat(tmp_path))
    mine = Request.objects.for_clinic(clinic).filter(target__in=names)
    killed = 0
    while mine.exists() and killed < 60:
        with connection.cursor() as cursor:
            cursor.execute(KILL_LOCKS, [key_locks.NAME])
            killed += len(cursor.fetchall())
        time.sleep(0.7)
    assert killed > 5
    assert eventually(lambda: not mine.exists(), seconds=WITHIN)
    creates = [asked for asked in stub.asked if asked.method == "POST"]
    assert len(creates) <= 1
    assert stub.smallest_gap() >= 1.0


def test_two_schedulers_double_nothing(
    stub: VendorStub, clinic: Clinic, start: Start, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        start(worker(name=name))
    for number in (1, 2):
        start(beat(tmp_path, number))
    assert eventually(lambda: NightlySync.objects.for_clinic(clinic).exists(), seconds=WITHIN)
    assert eventually(lambda: Heartbeat.objects.count() >= 3, seconds=240)
    assert eventually(lambda: not Request.objects.for_clinic(clinic).exists(), seconds=WITHIN)
    assert NightlySync.objects.for_clinic(clinic).count() == 1
    first, last = (Heartbeat.objects.order_by(order)[0].minute for order in ("minute", "-minute"))
    assert Heartbeat.objects.count() <= (last - first).total_seconds() / 60 + 1
    lists = [path for path in stub.paths() if path not in (DEVICES, PATH)]  # a nightly run reads those again
    assert len(lists) == len(set(lists))


def test_workers_come_back_when_the_wire_to_redis_has_hung(
    stub: VendorStub, clinic: Clinic, start: Start, redis_url: str, tmp_path: Path
) -> None:
    server = urlsplit(redis_url)
    relay = Relay("127.0.0.1", server.port or 0)
    address = {"REDIS_URL": redis_url.replace(f":{server.port}/", f":{relay.port}/")}
    running = [start(worker(), **address), start(beat(tmp_path), **address)]
    enqueue(clinic, RequestKind.PATIENT, PATIENT, wake=False)
    assert eventually(lambda: is_answered(clinic), seconds=WITHIN)
    relay.flows.clear()
    enqueue(clinic, RequestKind.PATIENT, PATIENT, wake=False)
    assert not eventually(lambda: is_answered(clinic), seconds=30)
    relay.flows.set()
    assert eventually(lambda: is_answered(clinic), seconds=WITHIN)
    assert all(process.poll() is None for process in running)
    assert stub.smallest_gap() >= 1.0
    relay.close()


def test_a_vendor_that_sends_a_byte_a_second_is_cut_off_and_holds_up_nothing_else(
    stub: VendorStub, clinic: Clinic, start: Start, tmp_path: Path
) -> None:
    stub.reply(PATH, Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + b" " * 900, pause=1))
    stub.reply("/hwi/hwi-patients/mrn-2/", Reply(body={"external_id": "mrn-2"}))
    enqueue_each(clinic, RequestKind.PATIENT, [PATIENT, "mrn-2"], wake=False)
    start(worker())
    start(beat(tmp_path))
    cut = Call.objects.for_clinic(clinic).filter(outcome="doubtful")
    assert eventually(cut.exists, seconds=WITHIN)
    assert eventually(lambda: is_answered(clinic, "mrn-2"), seconds=WITHIN)
    first = cut.order_by("id")[0]
    assert first.reason == "Tenovi did not finish its answer within 30 seconds."
    assert first.milliseconds < 35_000
    assert Request.objects.for_clinic(clinic).filter(target=PATIENT).exists()
