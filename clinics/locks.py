"""Locks on names that have no row yet, such as a device whose first delivery is being stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from django.db import connection

from clinics.models import Clinic


def hold(clinic: Clinic, names: Iterable[bytes]) -> None:
    """Until this transaction ends, nobody else holds any of these names in this clinic.

    They are taken in one order, so two callers that share names never wait for each other in a circle.
    """
    keys = sorted({_key(clinic, name) for name in names})
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) AS key", [keys])


def _key(clinic: Clinic, name: bytes) -> int:
    digest = hashlib.blake2b(clinic.id.bytes + name, digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
