"""Promise 1: an acknowledgement means that the bytes survive whatever happens next."""

from __future__ import annotations

import itertools
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from clinics.models import Clinic
from launcher import processes
from launcher.local import ROOT
from tests.faults.house import House, eventually, send_to_children
from tests.faults.ledger import NO_ANSWER, Sender, check_ledger, check_readings, statuses

ROUNDS, POSTS = 20, 500


@pytest.mark.timeout(400)
def test_what_was_acknowledged_survives_a_database_killed_at_any_moment(
    house: House, clinic: Clinic, bodies: Iterator[bytes]
) -> None:
    with Sender(house, clinic) as sender:
        for _ in range(ROUNDS):
            sending = threading.Thread(target=sender.insist, args=(list(itertools.islice(bodies, POSTS)),))
            sending.start()
            time.sleep(random.uniform(0.1, 1.5))
            house.kill_postgres()
            house.postgres.restart()
            sending.join()
    assert statuses(sender.posts)[200] == ROUNDS * POSTS
    assert statuses(sender.posts).keys() <= {200, 503}
    check_ledger(clinic, sender.posts)
    check_readings(clinic, sender.posts)


def test_a_web_worker_killed_between_insert_and_commit_has_acknowledged_nothing(
    house: House, clinic: Clinic, bodies: Iterator[bytes]
) -> None:
    with Sender(house, clinic) as sender:
        assert sender.post(next(bodies)).status == 200
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE measurements_measurement IN ACCESS EXCLUSIVE MODE")
            sending = threading.Thread(target=sender.post, args=(next(bodies),))
            sending.start()
            assert eventually(lambda: somebody_waits_for_a_lock(cursor), seconds=120, every=0.01)
            send_to_children(house.running["web"], signal.SIGKILL)
            sending.join()
        killed = sender.posts[-1]
        assert killed.status == NO_ANSWER
        assert eventually(lambda: sender.post(killed.body).status == 200, seconds=120), "nobody came instead"
    check_ledger(clinic, sender.posts)
    check_readings(clinic, sender.posts)


def somebody_waits_for_a_lock(cursor: CursorWrapper) -> bool:
    cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
    return bool(cursor.fetchone()[0])


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
def test_nothing_starts_on_a_database_that_may_forget_what_it_has_committed(house: House, name: str) -> None:
    commands = processes.prepare(demo=False), [sys.executable, "manage.py", "migrate"]
    assert [run(house, command).returncode for command in commands] == [0, 0]
    with house.setting(name, "off"):
        for command in commands:
            refused = run(house, command)
            assert refused.returncode == 1
            assert f"{name} = off" in refused.stdout + refused.stderr


def run(house: House, command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env=house.environment, capture_output=True, text=True, check=False
    )
