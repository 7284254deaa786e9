"""Holding names: whoever shares one waits, nobody else does, and the locks never get too many."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from clinics.models import Clinic
from common.locks import MOST_NAMES, hold
from tests.factories import make_clinic

pytestmark = pytest.mark.django_db(transaction=True)

FEW = [b"cuff", b"scale"]
MANY = [b"scale", *(b"device %d" % number for number in range(1000))]


def locks() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted"
        )
        (count,) = cursor.fetchone()
    return int(count)


@contextmanager
def held_elsewhere(clinic: Clinic, names: list[bytes]) -> Iterator[None]:
    """By another transaction."""
    holding, enough = threading.Event(), threading.Event()

    def keep() -> None:
        with transaction.atomic():
            hold(clinic.id, names)
            holding.set()
            enough.wait(300)
        connection.close()

    other = threading.Thread(target=keep)
    other.start()
    try:
        assert holding.wait(120)
        yield
    finally:
        enough.set()
        other.join()


def waits(action: Callable[[], None]) -> bool:
    """Whether the action could not be done at once."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '200ms'")
        try:
            with transaction.atomic():
                action()
        except Exception as error:
            assert getattr(error.__cause__, "sqlstate", "") == "55P03"
            return True
    return False


@pytest.mark.parametrize(
    ("held", "wanted", "expected"),
    [
        (FEW, [b"scale"], True),
        (FEW, [b"watch"], False),
        (FEW, [], False),
        (FEW, MANY, True),
        (MANY, FEW, True),
        (MANY, [b"watch"], True),  # the price of not counting a thousand
        (MANY, MANY, True),
    ],
)
def test_who_shares_a_name_waits(held: list[bytes], wanted: list[bytes], expected: bool) -> None:
    clinic = make_clinic("alpha")
    with held_elsewhere(clinic, held):
        assert waits(lambda: hold(clinic.id, wanted)) is expected


def test_another_clinic_never_waits() -> None:
    clinic, other = make_clinic("alpha"), make_clinic("beta")
    with held_elsewhere(clinic, MANY):
        assert not waits(lambda: hold(other.id, MANY))


@pytest.mark.parametrize("names", [FEW, MANY])
def test_a_transaction_never_takes_more_than_a_few_dozen_locks(names: list[bytes]) -> None:
    clinic = make_clinic("alpha")
    with transaction.atomic():
        hold(clinic.id, names)
        assert 0 < locks() <= MOST_NAMES + 1
    assert locks() == 0
