"""One order, replacement or request for supplies is at most one create, whatever fails: each point at which a worker can die, with each reply."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from clinics.models import Clinic
from tests.fulfillment.crashing import KINDS, POINTS, REPLIES, Cell, clinic_at_its_vendor, crash
from tests.sandbox_server import Sandbox

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

Table = dict[tuple[str, str, str], Cell]
"""By the kind, the point and the reply."""


@pytest.fixture
def clinic(sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Clinic:
    return clinic_at_its_vendor(sandbox, settings, monkeypatch)


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    cells: Table = {}
    yield cells
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        for kind in KINDS:
            print(f"\n\n{drawn(cells, kind)}\n")


def drawn(cells: Table, kind: str) -> str:
    """Creates at the vendor and final states; a row for each reply, a column for each point."""
    points = [point for point in POINTS if (kind, point, "ok") in cells]
    rows = [
        [f"{kind}, killed", *points],
        *([reply, *(cells[kind, point, reply].as_text for point in points)] for reply in REPLIES),
    ]
    return "\n".join("".join(f"{text:<26}" for text in row) for row in rows)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_there_orders_at_most_once(
    clinic: Clinic, sandbox: Sandbox, table: Table, point: str, kind: str
) -> None:
    wrong = {}
    for number, reply in enumerate(REPLIES):
        cell = crash(clinic, sandbox, number, point, reply, kind=KINDS[kind])
        table[kind, point, reply] = cell
        if not cell.is_right:
            wrong[reply] = cell
    assert wrong == {}
