"""In every test: each transaction locks devices and assignments in the one order of `devices.locks`, and
several rows of devices by their key."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from common import locks

# What waits for rows that others may hold: a row just inserted nobody else holds.
ROWS = re.compile(
    r'(?:UPDATE "?(devices_device|devices_assignment)|DELETE FROM "?(devices_assignment))\b'
    r'|^SELECT (?:(?! FROM ).)* FROM "?(devices_device|devices_assignment)\b.*\bFOR (?:NO KEY )?UPDATE',
    re.DOTALL,
)
NAMES, DEVICES, ASSIGNMENTS = "names of devices", "rows of devices", "rows of assignments"
PLACES = {"devices_device": DEVICES, "devices_assignment": ASSIGNMENTS}
ORDER = [NAMES, DEVICES, ASSIGNMENTS]
BY_KEY = re.compile(r'ORDER BY (?:"devices_device"\.)?"hwi_device_id" ASC FOR ')
HEAD, TAIL = (
    re.compile(r'^SELECT .*? FROM "devices_device"', re.DOTALL),
    re.compile(r" FOR (?:NO KEY )?UPDATE.*$"),
)


class LockOrder:
    """What one transaction has locked so far, in the innermost sense of the test: one atomic block that
    is not inside another of the code under test."""

    def __init__(self) -> None:
        self.base = len(connection.savepoint_ids) if connection.in_atomic_block else -1
        self.wrong: list[str] = []
        self.begin()

    def begin(self) -> None:
        self.held: set[Any] = set()
        self.devices: dict[uuid.UUID, uuid.UUID] = {}
        self.reached = 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        depth = len(connection.savepoint_ids) if connection.in_atomic_block else -1
        if depth <= self.base:
            self.begin()
        elif str(sql) in (locks.HOLD_EACH, locks.HOLD_ALL):
            self._hold(params)
        elif found := ROWS.search(str(sql)):
            place = PLACES[found[found.lastindex or 0]]
            rows = _rows(str(sql), params) if place == DEVICES else {}
            if not (
                place == DEVICES
                and self.reached > ORDER.index(DEVICES)
                and rows.keys() <= self.devices.keys()
            ):
                self._take(place, str(sql))
            self._take_rows(rows, str(sql))
        return execute(sql, params, many, context)

    def _hold(self, params: Any) -> None:
        whole, keys = params[0], set(params[1]) if len(params) > 1 else {params[0]}
        if not (keys <= self.held or whole in self.held):
            self._take(NAMES, "a name that was not held yet")
        self.held |= keys

    def _take_rows(self, rows: dict[uuid.UUID, uuid.UUID], what: str) -> None:
        """Rows of devices that are not locked yet come by their key, after all that are."""
        new = {number: key for number, key in rows.items() if number not in self.devices}
        in_order = len(new) < 2 or BY_KEY.search(what)
        if new and (not in_order or min(new.values()) < max(self.devices.values(), default=uuid.UUID(int=0))):
            self.wrong.append(f"{DEVICES} in another order: {' '.join(what.split())[:160]}")
        self.devices |= new

    def _take(self, place: str, what: str) -> None:
        number = ORDER.index(place)
        if number < self.reached:
            self.wrong.append(f"{place} after {ORDER[self.reached]}: {' '.join(what.split())[:160]}")
        self.reached = max(self.reached, number)


def _rows(sql: str, params: Any) -> dict[uuid.UUID, uuid.UUID]:
    """The rows of devices that a statement locks, each with its key: those it selects, or those it names by
    whichever of their ids."""
    wanted, given = (
        'SELECT "devices_device"."id", "devices_device"."hwi_device_id" FROM "devices_device"',
        params,
    )
    if HEAD.match(sql):
        asked = TAIL.sub("", HEAD.sub(wanted, sql, count=1))
    else:
        asked, given = f"{wanted} WHERE id = ANY(%s) OR hwi_device_id = ANY(%s)", [_uuids(params)] * 2
    with connection.connection.cursor() as cursor:  # past the wrapper that called us
        cursor.execute(asked, given)
        return dict(cursor.fetchall())


def _uuids(params: Any) -> list[uuid.UUID]:
    found = []
    for param in params or ():
        found += [
            one for one in (param if isinstance(param, list) else [param]) if isinstance(one, uuid.UUID)
        ]
    return found


_watching: list[LockOrder] = []


@contextmanager
def undone() -> Iterator[None]:
    """Run an example from the same start as the others: roll its block back, and watch the atomic
    blocks in it as those of a test are watched."""
    with transaction.atomic():
        for watch in _watching:
            watch.base += 1
        try:
            yield
        finally:
            for watch in _watching:
                watch.base -= 1
            transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def locks_are_taken_in_order(request: pytest.FixtureRequest) -> Iterator[LockOrder | None]:
    if not any(request.node.iter_markers("django_db")):
        yield None
        return
    request.getfixturevalue("_django_db_helper")  # the transaction of the test itself is not watched
    watch = LockOrder()
    begins = connection.set_autocommit

    def set_autocommit(*args: Any, **kwargs: Any) -> None:
        watch.begin()
        begins(*args, **kwargs)

    connection.set_autocommit = set_autocommit  # type: ignore[method-assign]
    _watching.append(watch)
    try:
        with connection.execute_wrapper(watch):
            yield watch
    finally:
        _watching.remove(watch)
        del connection.set_autocommit
    assert not watch.wrong, f"Somebody who locks in the usual order would wait in a circle: {watch.wrong}"
