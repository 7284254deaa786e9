"""What the measurements come to, beside what they aim at."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from launcher.say import line


@dataclass(frozen=True)
class Line:
    """One figure: the median of its rounds. `unit` is %, × or what is counted; without an aim it is there
    to be read."""

    title: str
    unit: str
    rounds: list[float]
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def value(self) -> float:
        return statistics.median(self.rounds)

    @property
    def aim(self) -> str:
        if self.at_least is not None:
            return f"≥ {self._text(self.at_least)}"
        return f"≤ {self._text(self.at_most)}" if self.at_most is not None else ""

    @property
    def verdict(self) -> str:
        is_short = self.at_least is not None and self.value < self.at_least
        is_over = self.at_most is not None and self.value > self.at_most
        return "missed" if is_short or is_over else "met" if self.aim else ""

    @property
    def figure(self) -> str:
        return self._text(self.value)

    @property
    def spread(self) -> str:
        """The least and the greatest of the rounds."""
        least, greatest = self._text(min(self.rounds)), self._text(max(self.rounds))
        return "" if least == greatest else f"{least} – {greatest}"

    def _text(self, value: float) -> str:
        if self.unit == "%":
            return f"{100 * value:.0f} %"
        return f"{value:,.0f} {self.unit}" if value >= 100 else f"{value:.3g} {self.unit}"


def print_table(lines: list[Line]) -> None:
    """Title, median, spread over the rounds, aim and verdict; the note below where there is one."""
    width = max(len(one.title) for one in lines)
    line(f"\n{'':{width}}  {'median':>10}  {'spread':>20}  {'aim':>10}")
    for one in lines:
        line(
            f"{one.title:{width}}  {one.figure:>10}  {one.spread:>20}  {one.aim:>10}  {one.verdict}".rstrip()
        )
        if one.note:
            line(f"  {one.note}")
