"""How much a run measures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Rounds of each comparison; the patients there are; and for the way in, seconds of load in a round
    (whole ones, for pgbench) after a warm-up."""

    rounds: int
    patients: int
    seconds: int
    warm_up: float


FULL = Size(rounds=9, patients=10_000, seconds=2, warm_up=0.5)
QUICK = Size(rounds=1, patients=200, seconds=1, warm_up=0.2)
"""Shows that everything runs; its figures mean nothing."""
