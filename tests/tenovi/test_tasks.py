"""What the scheduler wakes, and what that does when it happens twice."""

from __future__ import annotations

import pytest

from config.celery import app
from tenovi.keys import seconds_from_now
from tenovi.models import Call, Heartbeat
from tenovi.tasks import forget, heartbeat
from tests.factories import make_clinic

DAY = 24 * 3600


@pytest.mark.parametrize("entry", app.conf.beat_schedule.values(), ids=lambda entry: str(entry["task"]))
def test_what_is_scheduled_exists_and_does_not_pile_up(entry: dict[str, object]) -> None:
    app.loader.import_default_modules()
    assert entry["task"] in app.tasks
    assert entry["options"] == {"expires": entry["schedule"]}


def test_calls_of_the_vendor_have_a_queue_of_their_own() -> None:
    queues = {
        name: app.amqp.router.route({}, name)["queue"].name for name in ("tenovi.drain", "tenovi.heartbeat")
    }
    assert queues == {"tenovi.drain": "vendor", "tenovi.heartbeat": "default"}


@pytest.mark.django_db
def test_two_schedulers_leave_one_heartbeat_a_minute() -> None:
    for _ in range(3):
        heartbeat()
    (beat,) = Heartbeat.objects.all()[:1]
    assert (beat.minute.second, beat.minute.microsecond) == (0, 0)
    assert Heartbeat.objects.count() <= 2  # one, unless a minute ended in between


@pytest.mark.django_db
def test_what_is_old_is_forgotten() -> None:
    clinic = make_clinic()
    for age in (1, 13, 15, 100):
        call = Call.objects.create(clinic=clinic, request_id=clinic.id, milliseconds=age, outcome="answered")
        Call.objects.for_clinic(clinic).filter(id=call.id).update(at=seconds_from_now(-age * DAY))
        Heartbeat.objects.create(minute=seconds_from_now(-age * DAY))
    forget()
    assert sorted(Call.objects.for_clinic(clinic).values_list("milliseconds", flat=True)) == [1, 13]
    assert Heartbeat.objects.count() == 3
