"""One request a second per key, measured where it counts: at the vendor."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from redis import Redis

from tenovi.client.errors import LimiterAway, SlotLost
from tenovi.outbound import limiter as rules
from tenovi.outbound.limiter import SPACING, Limiter, Slot, key_digest
from tests.vendor_stub import KEY, Reply, VendorStub

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def redis() -> Iterator[Redis]:
    with Redis.from_url(settings.REDIS_URL) as connection:
        connection.delete(f"vitaldays:line:{key_digest(KEY)}")
        yield connection


def fast(redis: Redis) -> Limiter:
    """The same rules with a shorter second."""
    return Limiter(redis, spacing=0.1)


def come_near(slot: Slot) -> None:
    """Wait for a place as long as it takes: whoever drains the queue comes back again and again."""
    while not slot.reserve():
        pass


def test_four_processes_never_send_two_requests_within_a_second(redis: Redis) -> None:
    with VendorStub() as stub:
        stub.reply_to_everything(Reply(body=[]))
        command = [sys.executable, "-m", "tests.tenovi.sending_process", stub.url, settings.REDIS_URL, "2"]
        senders = [subprocess.Popen(command, cwd=ROOT) for _ in range(4)]
        assert [sender.wait(timeout=300) for sender in senders] == [0, 0, 0, 0]
        assert len(stub.asked) == 8
        assert stub.smallest_gap() >= 1.0  # however busy it is


def test_who_comes_next_is_given_the_earliest_place_so_that_the_budget_is_used(redis: Redis) -> None:
    """The places are what the rules say, however busy the machine; the spacing leaves 95 of 100 seconds."""
    key, limiter = uuid.uuid4().hex, Limiter(redis, spacing=60)
    first = limiter.slot(key)
    for step in ("reserve", "sent", "answered"):
        limiter.run(step, first._key, first._me)
    for somebody in ("second", "third"):
        limiter.run("reserve", first._key, somebody)
        place, last = redis.hmget(f"vitaldays:line:{first._key}", "slot", "last")
        assert int(place or 0) - int(last or 0) == 60_000_000
        limiter.run("release", first._key, somebody)
    assert 1 / SPACING >= 0.93


def test_the_first_request_after_redis_lost_its_memory_waits_an_interval(redis: Redis) -> None:
    slot = fast(redis).slot(uuid.uuid4().hex)
    started = time.monotonic()
    assert slot.reserve()
    slot.confirm()
    assert time.monotonic() - started >= 0.1


def test_a_line_restored_from_another_run_of_redis_waits_an_interval(redis: Redis) -> None:
    key = uuid.uuid4().hex
    redis.hset(f"vitaldays:line:{key_digest(key)}", mapping={"run": "an-earlier-run", "last": 1})
    slot = fast(redis).slot(key)
    started = time.monotonic()
    assert slot.reserve()
    slot.confirm()
    assert time.monotonic() - started >= 0.1


def test_the_interval_counts_from_the_answer_not_from_the_permission(redis: Redis) -> None:
    key = uuid.uuid4().hex
    first, second = fast(redis).slot(key), fast(redis).slot(key)
    assert first.reserve()
    first.confirm()
    time.sleep(0.3)  # held up between permission and sending, or on its way to the vendor
    first.sent()
    answered = time.monotonic()
    first.answered()
    assert second.reserve()
    second.confirm()
    assert time.monotonic() - answered >= 0.1


def test_while_an_answer_is_awaited_nobody_else_may_send(redis: Redis) -> None:
    key = uuid.uuid4().hex
    first, second = fast(redis).slot(key), fast(redis).slot(key)
    assert first.reserve()
    first.confirm()
    first.sent()
    with pytest.raises(SlotLost):
        second.confirm()


def test_a_holder_that_died_costs_a_pause_and_then_loses_its_place(redis: Redis) -> None:
    key = uuid.uuid4().hex
    dead, alive = fast(redis).slot(key), fast(redis).slot(key)
    assert dead.reserve()
    come_near(alive)
    alive.confirm()
    alive.sent()
    alive.answered()
    with pytest.raises(SlotLost):
        dead.confirm()


def test_a_penalty_holds_for_every_process(redis: Redis) -> None:
    key = uuid.uuid4().hex
    first, second = fast(redis).slot(key), fast(redis).slot(key)
    first.penalise(60)
    assert not second.reserve()


def test_a_reservation_given_back_is_free_at_once(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    key = uuid.uuid4().hex
    monkeypatch.setattr(rules, "HOLD", 600.0)  # for so long nobody else would come near
    first, second = fast(redis).slot(key), fast(redis).slot(key)
    assert first.reserve()
    first.release()
    assert second.reserve()


def test_different_keys_do_not_wait_for_each_other(redis: Redis) -> None:
    limiter = Limiter(redis, spacing=30)
    blocked, free = limiter.slot(uuid.uuid4().hex), fast(redis).slot(uuid.uuid4().hex)
    assert not blocked.reserve()
    assert free.reserve()


def test_a_clock_of_redis_set_back_does_not_stop_a_key_for_long(redis: Redis) -> None:
    key = uuid.uuid4().hex
    assert fast(redis).slot(key).reserve()
    redis.hset(f"vitaldays:line:{key_digest(key)}", mapping={"last": 9_000_000_000_000_000, "holder": ""})
    assert fast(redis).slot(key).reserve()


def test_without_redis_nobody_may_send() -> None:
    slot = Limiter.at("redis://127.0.0.1:9/0").slot(KEY)
    with pytest.raises(LimiterAway):
        slot.reserve()
    with pytest.raises(LimiterAway):
        slot.confirm()


def test_the_key_stands_nowhere_in_redis(redis: Redis) -> None:
    key = uuid.uuid4().hex
    assert fast(redis).slot(key).reserve()
    names = list(redis.scan_iter("vitaldays:line:*"))
    assert f"vitaldays:line:{key_digest(key)}".encode() in names
    assert not any(key.encode() in name for name in names)
