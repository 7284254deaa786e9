"""What the scheduler wakes, and what that does when it happens twice."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from django.db import connection

from config.celery import app
from tenovi import disk
from tenovi.clock import seconds_from_now
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
    for age in (1, 13, 15, 100, 101):
        call = Call.objects.create(clinic=clinic, request_id=clinic.id, milliseconds=age, outcome="answered")
        Call.objects.for_clinic(clinic).filter(id=call.id).update(at=seconds_from_now(-age * DAY))
        Heartbeat.objects.create(minute=seconds_from_now(-age * DAY))
    forget()
    assert sorted(Call.objects.for_clinic(clinic).values_list("milliseconds", flat=True)) == [1, 13]
    assert Heartbeat.objects.count() == 4  # the last of the old ones stays


@pytest.mark.django_db
def test_the_disk_of_a_database_on_this_machine_is_looked_at_each_minute() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT setting FROM pg_settings WHERE name = 'data_directory'")
        row = cursor.fetchone()
    here = row is not None and Path(row[0]).exists()
    heartbeat()
    percent = Heartbeat.objects.order_by("-minute").values_list("disk_percent", flat=True)[0]
    assert (percent is not None) is here
    if row and percent is not None:
        assert percent == pytest.approx(disk.percent_of(shutil.disk_usage(row[0])), abs=1)


@pytest.mark.django_db
def test_of_a_database_that_does_not_tell_where_it_is_nothing_is_claimed() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE somebody")
        cursor.execute("SET LOCAL ROLE somebody")
        assert disk.percent_full() is None


@pytest.mark.parametrize(
    ("used", "free", "percent"), [(0, 10, 0), (899, 101, 89), (90, 10, 90), (10, 0, 100)]
)
def test_what_the_system_keeps_for_itself_is_no_room(used: int, free: int, percent: int) -> None:
    assert disk.percent_of((used + free + 50, used, free)) == percent


@pytest.mark.parametrize(
    ("percent", "levels"), [(None, []), (79, []), (80, ["WARNING"]), (89, ["WARNING"]), (90, ["ERROR"])]
)
@pytest.mark.django_db
def test_a_disk_that_fills_up_is_in_the_log_every_minute(
    percent: int | None, levels: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(disk, "percent_full", lambda: percent)
    heartbeat()
    assert [record.levelname for record in caplog.records if "disk" in record.message] == levels
