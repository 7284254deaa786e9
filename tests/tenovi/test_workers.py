"""The queue with real processes: Celery's worker and scheduler, and one that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clinics.models import Clinic
from devices.models import Device
from launcher import processes
from measurements.models import Measurement
from tenovi.models import Request, RequestKind
from tenovi.outbound.enqueue import enqueue
from tenovi.outbound.sender import drain
from tests.factories import deliver, element, settled
from tests.vendor import DEVICES, vendor_clinic, wire_device, wire_page
from tests.vendor_stub import Reply, VendorStub
from tests.web_server import database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.clock]

ROOT = Path(__file__).parent.parent.parent
ONE = uuid.UUID(int=1)


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    return vendor_clinic()


def start(command: list[str], stub: VendorStub) -> subprocess.Popen[bytes]:
    """In a process group of its own, on the test's servers."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "TENOVI_BASE_URL": stub.url,
        "DEBUG": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    return subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)


def eventually(happened: Callable[[], bool], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@pytest.fixture
def workers(stub: VendorStub, tmp_path: Path) -> Iterator[None]:
    commands = [
        processes.worker("default,vendor", log_level="WARNING"),
        processes.beat(tmp_path / "beat", log_level="WARNING"),
    ]
    running = [start(command, stub) for command in commands]
    yield
    for process in running:
        process.terminate()
    for process in running:
        process.wait(timeout=120)


def test_a_reading_of_an_unknown_device_leaves_quarantine_by_itself(
    stub: VendorStub, clinic: Clinic, workers: None
) -> None:
    stub.reply(f"{DEVICES}{ONE}/", Reply(body=wire_device(1, "mrn-1")))
    assert settled(deliver(clinic, element(ONE, patient_id="mrn-1"))) == {"quarantined": 1}
    mine = Measurement.objects.for_clinic(clinic).filter(patient__external_id="mrn-1")
    assert eventually(mine.exists, seconds=300)
    assert len(stub.asked) == 1
    assert not Request.objects.for_clinic(clinic).exists()


def test_a_call_whose_process_was_killed_is_made_by_the_next(stub: VendorStub, clinic: Clinic) -> None:
    asked, killed = threading.Event(), threading.Event()

    def hang() -> None:
        asked.set()
        killed.wait(120)

    page = wire_page(wire_device(1))
    stub.reply(DEVICES, Reply(body=page.body, before=hang), page)
    enqueue(clinic, RequestKind.DEVICES)
    drain_once = "import django; django.setup(); from tenovi.outbound.sender import drain; drain()"
    with start([sys.executable, "-c", drain_once], stub) as process:
        assert asked.wait(120)
        assert Request.objects.for_clinic(clinic).get().state == "sending"
        os.killpg(process.pid, signal.SIGKILL)
    killed.set()
    assert eventually(lambda: drain().sent == 1, seconds=120)  # once PostgreSQL has noticed
    assert Device.objects.for_clinic(clinic).count() == 1
    assert not Request.objects.for_clinic(clinic).exists()
