"""Promise 2: the door needs PostgreSQL alone; what Redis was to wake is done within minutes of its return."""

from __future__ import annotations

import itertools
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import redis
from django.db import connection, transaction

from clinics.models import Clinic
from tenovi.models import Delivery
from tests.factories import element
from tests.faults.house import House, eventually, freeze, thaw
from tests.faults.ledger import Sender, check_ledger, check_readings, slowest, statuses, within
from tests.vendor import DEVICES, wire_device
from tests.vendor_stub import Reply, VendorStub

POSTS, UNKNOWN, LOCKED_OUT, PEACEFUL = 500, 5, 5, 200
SECONDS_TO_RECOVER = 180

pytestmark = pytest.mark.timeout(300)


@contextmanager
def stopped(house: House) -> Iterator[None]:
    assert house.valkey.process is not None
    house.valkey.process.kill()
    house.valkey.process.wait()
    yield
    house.valkey.restart()


@contextmanager
def frozen(house: House) -> Iterator[None]:
    assert house.valkey.process is not None
    freeze(house.valkey.process)
    yield
    thaw(house.valkey.process)


@contextmanager
def flushed(house: House) -> Iterator[None]:
    """Again and again, so that no message of ours survives."""
    enough = threading.Event()

    def flush() -> None:
        with redis.Redis.from_url(house.environment["REDIS_URL"]) as link:
            while not enough.wait(0.05):
                link.flushall()

    flushing = threading.Thread(target=flush)
    flushing.start()
    yield
    enough.set()
    flushing.join()


@contextmanager
def full(house: House) -> Iterator[None]:
    with redis.Redis.from_url(house.environment["REDIS_URL"]) as link:
        link.config_set("maxmemory-policy", "noeviction")
        link.config_set("maxmemory", "1mb")
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            link.set("anything", "x" * 2_000_000)
        yield
        link.config_set("maxmemory", 0)


@pytest.mark.parametrize("trouble", [stopped, frozen, flushed, full])
def test_without_redis_every_delivery_is_acknowledged_and_none_is_forgotten(
    house: House,
    clinic: Clinic,
    bodies: Iterator[bytes],
    vendor: VendorStub,
    trouble: Callable[[House], AbstractContextManager[None]],
) -> None:
    newcomers = [uuid.uuid4() for _ in range(UNKNOWN)]
    for newcomer in newcomers:
        vendor.reply(f"{DEVICES}{newcomer}/", Reply(body=wire_device(newcomer.int, "mrn-7781")))
    with Sender(house, clinic) as peaceful, Sender(house, clinic) as sender:
        peaceful.send(itertools.islice(bodies, PEACEFUL))
        with trouble(house):
            usual = sender.send(itertools.islice(bodies, POSTS))
            sender.send(json.dumps(element(newcomer)).encode() for newcomer in newcomers)
            leave_pending(sender, bodies)
            assert statuses(sender.posts) == {200: POSTS + UNKNOWN + LOCKED_OUT}
            assert slowest(usual) < within(1, slowest(peaceful.posts))
        assert eventually(lambda: everything_is_settled(house, clinic), seconds=SECONDS_TO_RECOVER, every=1)
    check_ledger(clinic, sender.posts)
    check_readings(clinic, sender.posts)
    assert vendor.smallest_gap() >= 1.0


def everything_is_settled(house: House, clinic: Clinic) -> bool:
    house.tend()
    return not Delivery.objects.for_clinic(clinic).exclude(state="settled").exists()


def leave_pending(sender: Sender, bodies: Iterator[bytes]) -> None:
    """As long as maintenance holds the table of readings, deliveries can only be kept."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE measurements_measurement IN ACCESS EXCLUSIVE MODE")
        sender.send(itertools.islice(bodies, LOCKED_OUT))
        assert Delivery.objects.for_clinic(sender.clinic).filter(state="pending").count() == LOCKED_OUT
