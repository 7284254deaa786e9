"""Pages of rows as templates show them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from django.core.paginator import Page, Paginator

T = TypeVar("T")


def page_of(
    found: Any, number: str | int | None, size: int, rows: Callable[[list[Any]], Iterable[T]]
) -> Page[Any]:
    """Page `number` (the nearest one that exists) of a sorted queryset or list, its items turned
    into `rows` all at once, so that what they need is read in one query."""
    page: Page[Any] = Paginator(found, size).get_page(number)
    shown: Sequence[T] = list(rows(list(page.object_list)))
    page.object_list = shown
    return page
