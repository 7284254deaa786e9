"""A worker that dies while it creates something at the vendor: each point once, with a reply that makes it hard. All pairs are in
`tests/faults/test_orders.py`."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from tests.fulfillment.crashing import KINDS, POINTS, Cell, clinic_at_its_vendor, crash
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

HARD = {
    "before it is marked": ("created, then 500", 1, "confirmed"),
    "before sending": ("ok", 0, "needs_person"),
    "while sending": ("ok", 0, "needs_person"),
    "after sending": ("created, then closed", 1, "confirmed"),
    "reply, not stored": ("ok", 1, "confirmed"),
    "reply stored": ("429", 1, "confirmed"),
    "while looking": ("created, then a web page", 1, "confirmed"),
}
"""For each point a reply, what the vendor has afterwards, and where the order ends."""


def test_every_point_is_tried() -> None:
    assert HARD.keys() == POINTS.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_however_a_worker_dies_there_is_at_most_one_device_and_it_is_found(
    sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    clinic = clinic_at_its_vendor(sandbox, settings, monkeypatch)
    ends = {}
    for number, (point, (reply, _, _)) in enumerate(HARD.items()):
        cell = crash(clinic, sandbox, number, point, reply, kind=KINDS[kind], deadline=30)
        assert cell.is_right, (point, cell)
        ends[point] = cell
    assert ends == {
        point: Cell(killed=True, created=created, posted=ends[point].posted, state=state)
        for point, (_, created, state) in HARD.items()
    }
    assert {point: cell.posted for point, cell in ends.items()} == {
        **dict.fromkeys(POINTS, 1),
        "before sending": 0,
        "reply stored": 2,  # put off without a trace: the one case that is sent again
    }
