"""Whatever judges a reading is read after the lock that protects it: zone, owner, assignment."""

from __future__ import annotations

import contextlib
import datetime
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, transaction

from clinics.actions.clinic_settings import change_settings
from clinics.models import Clinic, Role, User
from common import locks
from devices.models import Assignment, Device
from measurements.actions.exclusion import exclude_reading
from measurements.elements import settle
from measurements.models import Measurement, VitalDay
from measurements.reclassify import claim_readings
from measurements.recount import drifted_patients, lock_patients
from measurements.rezone import follow_time_zones
from tenovi.strict_json import value_of
from tests.factories import (
    assign,
    deliver,
    element,
    held_device,
    make_clinic,
    make_device,
    make_patient,
    make_user,
)
from tests.web_server import database_url

pytestmark = pytest.mark.django_db(transaction=True)

LATE = {"timestamp": "2025-03-05T03:00:00Z", "timezone_offset": None}
"""The 4th in New York, the 5th in Kolkata."""


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic()


@pytest.fixture
def by(clinic: Clinic) -> User:
    return make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN)


@contextlib.contextmanager
def held(device: Device) -> Iterator[psycopg.Connection[Any]]:
    """Somebody else is busy with this device, until the block ends."""
    with psycopg.connect(database_url()) as other:
        other.execute(
            "SELECT pg_advisory_xact_lock(%s)", [locks._key(device.clinic.id, device.hwi_device_id.bytes)]
        )
        yield other


class Beside(threading.Thread):
    """Runs something with a connection of its own; `ended` raises what it raised."""

    def __init__(self, deed: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self.deed = deed
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self.deed()
        except Exception as error:
            self.error = error
        finally:
            connection.close()

    def waits(self) -> None:
        """Return once it waits for a lock."""
        for _ in range(600):
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = "
                    "(SELECT oid FROM pg_database WHERE datname = current_database())"
                )
                if cursor.fetchone()[0]:
                    return
            time.sleep(0.1)
        raise AssertionError("It never waited.")

    def ended(self) -> None:
        self.join(60)
        assert not self.is_alive()
        if self.error:
            raise self.error


def move(clinic: Clinic, by: User, zone: str) -> None:
    now = Clinic.objects.get(pk=clinic.pk)
    wanted = {
        name: getattr(now, name)
        for name in ("name", "locale", "billing_window", "idle_minutes", "second_factor_required")
    }
    change_settings(clinic=now, by=by, timezone=zone, **wanted)


def dates(clinic: Clinic) -> list[int]:
    rows = Measurement.objects.for_clinic(clinic).order_by("taken_at")
    return [date.day for date in rows.values_list("local_date", flat=True)]


def proven(clinic: Clinic) -> None:
    call_command("rebuild_vital_days", clinic=clinic.slug, check=True)


def test_a_delivery_that_waited_goes_by_the_zone_of_now(clinic: Clinic, by: User) -> None:
    device = held_device(clinic)
    with held(device):
        delivery = Beside(lambda: deliver(clinic, element(device, **LATE)))
        delivery.waits()
        move(clinic, by, "Asia/Kolkata")
    delivery.ended()
    assert dates(clinic) == [5]


@pytest.mark.parametrize("is_held", [True, False])
def test_a_change_of_zone_waits_for_what_is_being_stored(clinic: Clinic, by: User, is_held: bool) -> None:
    device = held_device(clinic) if is_held else make_device(clinic)
    stored, released = threading.Event(), threading.Event()

    def delivery() -> None:
        with transaction.atomic():
            settle(
                clinic, [_element(device)], received_at=datetime.datetime.now(datetime.UTC), source="webhook"
            )
            stored.set()
            assert released.wait(60)

    storing = Beside(delivery)
    assert stored.wait(60)
    move(clinic, by, "Asia/Kolkata")
    following = Beside(lambda: follow_time_zones(seconds=600))
    following.waits()
    released.set()
    storing.ended()
    following.ended()
    assert dates(clinic) == [5]
    proven(clinic)


def _element(device: Device) -> Any:
    return value_of(json.dumps(element(device, **LATE)).encode())


def test_a_zone_that_was_taken_back_leaves_no_date_of_the_other(clinic: Clinic, by: User) -> None:
    device = held_device(clinic)
    move(clinic, by, "Asia/Kolkata")
    deliver(clinic, element(device, **LATE))
    assert dates(clinic) == [5]
    move(clinic, by, "America/New_York")
    follow_time_zones(seconds=600)
    assert dates(clinic) == [4]
    proven(clinic)
    assert Clinic.objects.get(pk=clinic.pk).judged_timezone == "America/New_York"


def test_a_claim_holds_no_assignment_while_it_waits_for_a_device(clinic: Clinic) -> None:
    device = make_device(clinic)
    deliver(clinic, element(device))
    assign(device, make_patient(clinic))
    with held(device) as other:
        claiming = Beside(claim_readings)
        claiming.waits()
        other.execute("SET LOCAL lock_timeout = '30s'")
        other.execute("SELECT id FROM devices_assignment FOR UPDATE")
    claiming.ended()
    assert VitalDay.objects.for_clinic(clinic).count() == 1
    assert Assignment.objects.for_clinic(clinic).get().claimed_at


def test_an_exclusion_follows_a_reading_that_changed_hands(clinic: Clinic, by: User) -> None:
    device = held_device(clinic)
    other = make_patient(clinic, "other")
    deliver(clinic, element(device))
    reading = Measurement.objects.for_clinic(clinic).select_related("clinic").get()
    with held(device) as moving:
        excluding = Beside(lambda: exclude_reading(reading=reading, by=by, reason="wrong arm"))
        excluding.waits()
        moving.execute("UPDATE measurements_measurement SET patient_id = %s", [other.id])
        moving.execute("UPDATE measurements_vitalday SET patient_id = %s", [other.id])
        moving.execute("UPDATE measurements_latestreading SET patient_id = %s", [other.id])
    excluding.ended()
    assert not VitalDay.objects.for_clinic(clinic).filter(readings__gt=0).exists()
    assert drifted_patients(clinic) == []


def test_a_device_that_a_patient_gets_while_its_lock_is_awaited_is_held_too(clinic: Clinic) -> None:
    device = held_device(clinic)
    patient = Assignment.objects.for_clinic(clinic).get().holder
    added = make_device(clinic)
    locked, released = threading.Event(), threading.Event()

    def lock() -> None:
        with transaction.atomic():
            lock_patients(clinic, [patient.id])
            locked.set()
            assert released.wait(60)

    with held(device):
        locking = Beside(lock)
        locking.waits()
        assign(added, patient)
    assert locked.wait(60)
    with psycopg.connect(database_url()) as other:
        key = locks._key(clinic.id, added.hwi_device_id.bytes)
        assert other.execute("SELECT pg_try_advisory_xact_lock(%s)", [key]).fetchone() == (False,)
    released.set()
    locking.ended()
