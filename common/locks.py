"""Lock names that have no row yet, such as a device whose first delivery is being stored."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable

from django.db import connection, transaction

MOST_NAMES = 50
"""More names at once are held as one lock on the whole clinic. PostgreSQL has room for some thousands of
locks in all transactions together, and lists of a thousand devices come in dozens at a time."""

HOLD_EACH = """
WITH clinic AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(%s))
SELECT pg_advisory_xact_lock(key) FROM clinic, unnest(%s::bigint[]) AS key
"""
HOLD_ALL = "SELECT pg_advisory_xact_lock(%s)"


def hold(clinic_id: uuid.UUID, names: Iterable[bytes]) -> None:
    """Lock these names in this clinic until this transaction ends.

    They are taken in one order, so two callers that share names never wait for each other in a circle.
    """
    keys = sorted({_key(clinic_id, name) for name in names})
    whole = _key(clinic_id, b"")
    with connection.cursor() as cursor:
        if len(keys) > MOST_NAMES:
            cursor.execute(HOLD_ALL, [whole])
        else:
            cursor.execute(HOLD_EACH, [whole, keys])


def hold_what(clinic_id: uuid.UUID, names: Callable[[], set[bytes]]) -> None:
    """Lock the names that `names` returns, until it returns the same ones under the locks.

    Must be called inside a transaction. Names added meanwhile are not locked on top, which would break
    the order: all locks are given back and taken anew.
    """
    wanted = names()
    while True:
        attempt = transaction.savepoint()
        hold(clinic_id, wanted)
        now = names()
        if now <= wanted:
            transaction.savepoint_commit(attempt)
            return
        transaction.savepoint_rollback(attempt)  # PostgreSQL releases the locks that it took
        wanted |= now


def _key(clinic_id: uuid.UUID, name: bytes) -> int:
    digest = hashlib.blake2b(clinic_id.bytes + name, digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
