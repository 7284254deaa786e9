"""Promise 3: without its database the door says 503 within seconds, and works again by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection

from clinics.models import Clinic
from tenovi.models import RefusalCount
from tests.faults.house import House, eventually, freeze, thaw
from tests.faults.ledger import Sender, check_ledger, check_readings, statuses

AWAY_SECONDS = 12
POSTS_A_SECOND = 20

pytestmark = pytest.mark.timeout(180)


@contextmanager
def stopped(house: House) -> Iterator[None]:
    house.postgres.stop()
    yield
    house.postgres.restart()


@contextmanager
def frozen(house: House) -> Iterator[None]:
    server = house.postgres.process
    assert server is not None
    freeze(server)
    yield
    thaw(server)


def read_only(house: House) -> AbstractContextManager[None]:
    return house.setting("default_transaction_read_only", "on")


@contextmanager
def without_free_connections(house: House) -> Iterator[None]:
    url = house.environment["DATABASE_URL"]
    end_another = """
        SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND application_name <> 'hog' LIMIT 1
    """
    with ExitStack() as hogs:

        def take_one() -> psycopg.Connection[Any]:
            return hogs.enter_context(psycopg.connect(url, autocommit=True, application_name="hog"))

        first = take_one()
        for _ in range(1000):
            try:
                take_one()
            except psycopg.OperationalError:
                if first.execute(end_another).fetchone() is None:
                    break
        yield


@pytest.mark.parametrize("trouble", [stopped, frozen, read_only, without_free_connections])
def test_while_the_database_is_away_the_sender_is_told_so_within_three_seconds(
    house: House,
    clinic: Clinic,
    bodies: Iterator[bytes],
    trouble: Callable[[House], AbstractContextManager[None]],
) -> None:
    with Sender(house, clinic) as sender:
        with sender.steadily(bodies, a_second=POSTS_A_SECOND):
            assert eventually(lambda: statuses(list(sender.posts))[200] > 0, seconds=120)
            connection.close()
            with trouble(house):
                broken = time.monotonic()
                time.sleep(AWAY_SECONDS)
                mended = time.monotonic()
            began_again = len(sender.posts)
            assert eventually(lambda: statuses(sender.posts[began_again:])[200] > 0, seconds=120)
        refused = [post for post in sender.posts if broken < post.began < mended - 3]
        assert len(refused) > AWAY_SECONDS * POSTS_A_SECOND / 2
        assert statuses(refused).keys() == {503}
        assert all(int(post.retry_after) > 0 for post in refused)
        assert max(post.seconds for post in refused) < 3
        assert statuses(sender.posts).keys() == {200, 503}
    check_ledger(clinic, sender.posts)
    check_readings(clinic, sender.posts)
    assert RefusalCount.objects.filter(cause="unavailable").exists(), "the window is not noted"
