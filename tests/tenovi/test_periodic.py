"""Work of the scheduler runs one at a time over all processes, and long work leaves room for short work."""

from __future__ import annotations

import contextlib
import datetime
import threading
import uuid
from collections.abc import Iterator

import pytest
from celery import current_app
from django.db import connection, transaction

from clinics.models import Clinic
from common.locks import hold
from config.celery import app
from devices.models import Device
from launcher import processes
from measurements.models import Measurement
from measurements.rezone import follow_time_zones
from tenovi.models import Delivery, Heartbeat
from tenovi.periodic import LONG_WORK, RUNS_ALONE, try_lock
from tests.factories import assign, deliver, element, held_device, make_clinic, make_device, make_patient
from tests.tenovi.test_workers import eventually, start
from tests.vendor_stub import VendorStub

OWN_LOCK = {"tenovi.drain": "one at a time for each API key, so that keys are served side by side"}
SHORT = {"tenovi.heartbeat", "tenovi.settle_pending"}


@pytest.mark.parametrize("name", sorted({entry["task"] for entry in app.conf.beat_schedule.values()}))
def test_whatever_is_scheduled_runs_alone(name: str) -> None:
    app.loader.import_default_modules()
    assert name in app.tasks
    assert (name in RUNS_ALONE) is (name not in OWN_LOCK)
    assert RUNS_ALONE.get(name, False) is (name in SHORT)


def test_long_work_and_all_short_work_have_a_thread_each() -> None:
    command = processes.worker("default")
    assert int(command[command.index("--concurrency") + 1]) >= 1 + len(SHORT)


@pytest.mark.django_db(transaction=True)
def test_a_lock_is_held_by_one_connection_and_free_after_it() -> None:
    answers: list[bool] = []

    def ask() -> None:
        with try_lock("x") as is_ours:
            answers.append(is_ours)
        connection.close()

    def in_another_thread() -> None:
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join(30)

    with try_lock("x") as is_ours:
        assert is_ours
        in_another_thread()
    in_another_thread()
    with contextlib.suppress(ZeroDivisionError), try_lock("x"):
        raise ZeroDivisionError
    in_another_thread()
    assert answers == [False, True, True]


@contextlib.contextmanager
def held(clinic: Clinic, device: Device) -> Iterator[None]:
    """Somebody else stores readings of this device for as long as this lasts."""
    with transaction.atomic():
        hold(clinic.id, [device.hwi_device_id.bytes])
        yield


def waiting_for_a_device() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database"
            " WHERE d.datname = current_database() AND locktype = 'advisory' AND NOT granted"
        )
        (count,) = cursor.fetchone()
    return int(count)


def pending_delivery(clinic: Clinic) -> uuid.UUID:
    """One that was kept and could not be settled, of a device that nobody holds."""
    device = make_device(clinic)
    assign(device, make_patient(clinic, f"of-{device.id}"))
    answer = deliver(clinic, element(device)).json()
    Measurement.objects.for_clinic(clinic).filter(device=device).delete()
    Delivery.objects.for_clinic(clinic).filter(id=answer["delivery"]).update(state="pending")
    return uuid.UUID(answer["delivery"])


@pytest.mark.django_db(transaction=True)
def test_while_dates_are_worked_out_deliveries_are_settled_and_heartbeats_written(
    stub: VendorStub,
) -> None:
    clinic = make_clinic()
    device = held_device(clinic)
    deliver(clinic, element(device))
    Clinic.objects.update(timezone="Asia/Kolkata")
    clinic.refresh_from_db()
    delivery = Delivery.objects.for_clinic(clinic).filter(id=pending_delivery(clinic))
    worker = start(processes.worker("default", log_level="ERROR"), stub)
    try:
        with held(clinic, device):
            for _ in range(4):
                current_app.send_task("measurements.follow_time_zones", queue="default")
                current_app.send_task("measurements.claim_readings", queue="default")
            assert eventually(lambda: waiting_for_a_device() > 0, seconds=60)
            current_app.send_task("tenovi.heartbeat", queue="default")
            assert eventually(Heartbeat.objects.exists, seconds=60)
            current_app.send_task("tenovi.settle_pending", queue="default")
            assert eventually(delivery.filter(state="settled").exists, seconds=60)
            assert waiting_for_a_device() == 1
        done = Clinic.objects.filter(judged_timezone="Asia/Kolkata")
        assert eventually(done.exists, seconds=60)
    finally:
        worker.terminate()
        worker.wait(timeout=30)


@pytest.mark.django_db(transaction=True)
def test_of_two_processes_one_works_and_the_other_comes_again(stub: VendorStub) -> None:
    """What woke the other may have come too late for the run under way, so it is not dropped."""
    clinic = make_clinic()
    device = held_device(clinic)
    deliver(clinic, element(device))
    Clinic.objects.update(timezone="Asia/Kolkata")
    worker = start(processes.worker("default", log_level="ERROR"), stub)
    try:
        with try_lock(LONG_WORK) as is_ours:  # as another process does
            assert is_ours
            current_app.send_task("measurements.follow_time_zones", queue="default")
            current_app.send_task("tenovi.heartbeat", queue="default")
            assert eventually(Heartbeat.objects.exists, seconds=60)  # and the one before it has had its turn
            assert not Clinic.objects.filter(judged_timezone="Asia/Kolkata").exists()
        assert eventually(Clinic.objects.filter(judged_timezone="Asia/Kolkata").exists, seconds=60)
    finally:
        worker.terminate()
        worker.wait(timeout=30)


@pytest.mark.django_db
def test_a_large_clinic_is_done_slice_by_slice_and_starts_anew_when_its_zone_changes_again() -> None:
    clinic = make_clinic(timezone="America/New_York")
    devices = [held_device(clinic, external_id=f"p{number}") for number in range(5)]
    late = "2025-03-04T20:00:00.000000Z"
    for device in devices:
        deliver(clinic, element(device, timestamp=late, timezone_offset=None))
    rows = Measurement.objects.for_clinic(clinic)

    def moved(day: int) -> int:
        return rows.filter(local_date=datetime.date(2025, 3, day)).count()

    Clinic.objects.update(timezone="Asia/Kolkata")  # where it is the next day
    assert [(follow_time_zones(seconds=0), moved(5)) for _ in range(3)] == [(0, 1), (0, 2), (0, 3)]
    Clinic.objects.update(timezone="America/Chicago")
    slices = 0
    while follow_time_zones(seconds=0) == 0:
        slices += 1
    assert (slices, moved(4), moved(5)) == (5, 5, 0)
    assert follow_time_zones(seconds=0) == 0
    done = Clinic.objects.get()
    assert (done.judged_timezone, done.judging_timezone, done.judged_until) == ("America/Chicago", "", None)
