"""Every comparison with the vendor ends, and one device that nobody can answer for blocks no other."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from clinics.models import Clinic, Role
from devices.models import Device
from measurements import reconcile_schedule
from measurements.models import DeviceCheck, Reconciliation
from measurements.reconcile import GIVEN_UP
from tenovi.models import Heartbeat, RefusalCount, Request, RequestKind
from tenovi.outbound.sender import drain
from tenovi.tasks import forget
from tests.factories import held_device, make_user
from tests.vendor import vendor_clinic
from tests.vendor_stub import Reply, VendorStub

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.clock]

HOUR, DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)
UNKNOWN = Reply(404, {"detail": "Not found."})
FAILING = Reply(500, {})


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    return vendor_clinic()


@pytest.fixture
def straggler(clinic: Clinic, stub: VendorStub) -> Device:
    """One device of two that the vendor does not answer for; every path else is answered with nothing."""
    stub.reply_to_everything(Reply(body=[]))
    held_device(clinic, external_id="other")
    return held_device(clinic)


def readings_of(device: Device) -> str:
    return f"/hwi/hwi-devices/{device.hwi_device_id}/measurements/"


def beats(*moments: datetime.datetime) -> None:
    for moment in moments:
        Heartbeat.objects.get_or_create(minute=moment.replace(second=0, microsecond=0))


def away(clinic: Clinic) -> None:
    """We answered 503 just now."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    RefusalCount.objects.update_or_create(
        clinic_id=clinic.id, start=hour, cause="unavailable", defaults={"last_at": timezone.now()}
    )


def outages(clinic: Clinic) -> list[Reconciliation]:
    return list(Reconciliation.objects.for_clinic(clinic).filter(cause="outage").order_by("until"))


def check_of(run: Reconciliation, device: Device) -> DeviceCheck:
    return DeviceCheck.objects.for_clinic(run.clinic).get(reconciliation=run, device=device)


def later(clinic: Clinic) -> None:
    """Three minutes have passed since every comparison, and what waits may be sent."""
    Reconciliation.objects.for_clinic(clinic).update(until=F("until") - datetime.timedelta(minutes=3))


def test_a_device_that_the_vendor_does_not_know_is_an_answer(
    clinic: Clinic, stub: VendorStub, straggler: Device, client: Client
) -> None:
    stub.reply(readings_of(straggler), UNKNOWN)
    away(clinic)
    reconcile_schedule.look()
    (run,) = outages(clinic)  # the night's and the week's may be due at the same time
    asked = check_of(run, straggler).target
    assert Request.objects.for_clinic(clinic).filter(target=asked).exists()
    drain()
    (run,) = outages(clinic)
    assert run.finished_at
    check = check_of(run, straggler)
    assert (check.state, check.reason) == ("unverified", "Tenovi does not know this device.")
    assert not Request.objects.for_clinic(clinic).filter(target=asked).exists()
    client.force_login(make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN))
    assert "Tenovi does not know this device." in client.get("/c/alpha/completeness/").content.decode()


def test_a_device_that_brings_no_answer_does_not_hold_up_the_next_comparison(
    clinic: Clinic, stub: VendorStub, straggler: Device
) -> None:
    stub.reply(readings_of(straggler), FAILING)
    away(clinic)
    reconcile_schedule.look()
    drain()
    (run,) = outages(clinic)
    assert run.finished_at is None
    later(clinic)
    away(clinic)
    reconcile_schedule.look()
    assert len(outages(clinic)) == 2


def test_a_comparison_whose_devices_were_not_asked_about_yet_is_not_begun_twice(
    clinic: Clinic, straggler: Device
) -> None:
    for _ in range(3):
        away(clinic)
        reconcile_schedule.look()
        later(clinic)
    assert len(outages(clinic)) == 1


def before_it_was_sent(clinic: Clinic) -> None:
    """Nothing was sent yet."""


def while_it_waits_after_a_failure(clinic: Clinic) -> None:
    drain()


def when_it_was_parked(clinic: Clinic) -> None:
    drain()
    Request.objects.for_clinic(clinic).update(state="parked", attempts=5, reason="failed")


@pytest.mark.parametrize("moment", [before_it_was_sent, while_it_waits_after_a_failure, when_it_was_parked])
def test_giving_a_request_up_at_any_moment_ends_the_comparison_and_blocks_nothing(
    clinic: Clinic, stub: VendorStub, straggler: Device, moment: Callable[[Clinic], None]
) -> None:
    stub.reply(readings_of(straggler), FAILING)
    away(clinic)
    reconcile_schedule.look()
    moment(clinic)
    Request.objects.for_clinic(clinic).filter(kind=RequestKind.MEASUREMENTS).delete()
    reconcile_schedule.look()
    (run,) = outages(clinic)
    assert run.finished_at
    check = check_of(run, straggler)
    assert (check.state, check.reason) == ("unverified", GIVEN_UP)
    later(clinic)
    away(clinic)
    reconcile_schedule.look()
    assert len(outages(clinic)) == 2


def test_what_always_fails_ends_its_comparison_in_words(
    clinic: Clinic, stub: VendorStub, straggler: Device
) -> None:
    stub.reply(readings_of(straggler), FAILING)
    away(clinic)
    reconcile_schedule.look()
    for _ in range(5):
        drain()
        Request.objects.for_clinic(clinic).filter(state="waiting").update(not_before=Now())
    (run,) = outages(clinic)
    check = check_of(run, straggler)
    assert (check.state, check.reason) == ("unverified", "Tenovi had an error of its own (500).")
    assert run.finished_at


# Times without a heartbeat.


@pytest.mark.parametrize("days", [0.1, 6, 8, 40, 200])
def test_a_time_without_a_heartbeat_is_seen_however_long_it_was(clinic: Clinic, days: float) -> None:
    now = timezone.now()
    begun = (now - days * DAY - 2 * HOUR).replace(second=0, microsecond=0)
    beats(begun - datetime.timedelta(minutes=1), begun, now - datetime.timedelta(minutes=1), now)
    Clinic.objects.filter(id=clinic.id).update(created_at=begun - DAY)
    forget()  # it runs as soon as we are back
    reconcile_schedule.look()
    assert [run.since for run in outages(clinic)] == [begun - 2 * DAY]


def test_a_time_without_a_heartbeat_is_seen_once(clinic: Clinic, stub: VendorStub) -> None:
    stub.reply_to_everything(Reply(body=[]))
    now = timezone.now()
    beats(now - 20 * DAY, now - 9 * DAY, now - 9 * DAY + datetime.timedelta(minutes=1))
    Clinic.objects.filter(id=clinic.id).update(created_at=now - 30 * DAY)
    for _ in range(3):
        reconcile_schedule.look()
        drain()
    assert len(outages(clinic)) == 1


def test_heartbeats_are_forgotten_save_the_last_of_the_old() -> None:
    now = timezone.now()
    beats(*(now - (91 + n) * DAY for n in range(4)), now - DAY)
    forget()
    assert Heartbeat.objects.count() == 2
