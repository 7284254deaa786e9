"""Promise 14: whatever is restarted while readings come in, nothing acknowledged is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from clinics.models import Clinic
from tests.faults.house import House, eventually
from tests.faults.ledger import NO_ANSWER, Sender, check_ledger, check_readings, statuses

ROUNDS, POSTS_A_SECOND = 5, 50


@pytest.mark.timeout(600)
def test_restarting_every_process_five_times_loses_nothing_acknowledged(
    house: House, clinic: Clinic, bodies: Iterator[bytes]
) -> None:
    house.start_workers()
    connection.close()
    with Sender(house, clinic) as sender:
        with sender.steadily(bodies, a_second=POSTS_A_SECOND):
            for _ in range(ROUNDS):
                for name in list(house.running):
                    house.restart(name)
                    assert eventually(house.answers, seconds=240)
                house.postgres.stop()
                house.postgres.restart()
                house.valkey.stop()
                house.valkey.restart()
                until_acknowledged_again(sender)
        assert statuses(sender.posts).keys() <= {200, 503, NO_ANSWER}
        assert statuses(sender.posts)[200] > len(sender.posts) / 2
    check_ledger(clinic, sender.posts)
    check_readings(clinic, sender.posts)


def until_acknowledged_again(sender: Sender) -> None:
    before = len(sender.posts)
    assert eventually(lambda: statuses(sender.posts[before:])[200] > POSTS_A_SECOND, seconds=240)
