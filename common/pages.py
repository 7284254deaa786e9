"""Cut lists into the pages that templates show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import dropwhile, takewhile
from typing import Any, TypeVar

from django.core.paginator import Page, Paginator

T = TypeVar("T")

LOOK_AHEAD = 20
"""How many items beyond a page are read at once to find those that belong to its last."""


class WholePage(Page[Any]):
    """A page that begins and ends where no group is torn apart; it counts what it really holds."""

    def __init__(self, page: Page[Any], items: list[Any], before: int) -> None:
        super().__init__(items, page.number, page.paginator)
        self._before, self._items = before, len(items)

    def start_index(self) -> int:
        return self._before + 1 if self._items else self._before

    def end_index(self) -> int:
        return self._before + self._items


def page_of(
    found: Any,
    number: str | int | None,
    size: int,
    rows: Callable[[list[Any]], Iterable[T]],
    group: Callable[[Any], object] | None = None,
) -> Page[Any]:
    """Return page `number` (the nearest one that exists) of a sorted queryset or list, its items turned
    into `rows` all at once, so that what they need is read in one query.

    Items next to each other with an equal `group` stay on the page where the first of them stands."""
    page: Page[Any] = Paginator(found, size).get_page(number)
    if group is not None:
        page = _whole(found, page, size, group)
    shown: Sequence[T] = list(rows(list(page.object_list)))
    page.object_list = shown
    return page


def _whole(found: Any, page: Page[Any], size: int, group: Callable[[Any], object]) -> WholePage:
    start = (page.number - 1) * size
    end = start + size
    read = list(found[max(start - 1, 0) : end + LOOK_AHEAD])
    before, items = (read[:1], read[1:]) if start else ([], read)
    own, after = items[:size], items[size:]
    kept = list(dropwhile(lambda one: bool(before) and group(one) == group(before[0]), own))
    start += len(own) - len(kept)
    end += len(after)
    last = group(kept[-1]) if kept else None
    while kept and after:
        same = list(takewhile(lambda one: group(one) == last, after))
        kept += same
        if len(same) < len(after):
            break
        after = list(found[end : end + LOOK_AHEAD])
        end += len(after)
    return WholePage(page, kept, start)
