"""Pages of a list: what belongs together is never torn apart, and nothing is lost or shown twice."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from common.pages import LOOK_AHEAD, page_of


def pages(items: list[tuple[int, int]], size: int) -> list[tuple[list[tuple[int, int]], int, int]]:
    """Every page as (rows, first, last)."""
    found = []
    number, last = 1, 1
    while number <= last:
        page = page_of(items, number, size, lambda rows: rows, group=lambda item: item[0])
        found.append((list(page.object_list), page.start_index(), page.end_index()))
        number, last = number + 1, page.paginator.num_pages
    return found


@given(lengths=st.lists(st.integers(1, 2 * LOOK_AHEAD + 3), max_size=12), size=st.integers(1, 7))
@example(lengths=[], size=3)
@example(lengths=[3 * LOOK_AHEAD], size=2)
def test_groups_stay_whole_and_everything_is_on_one_page(lengths: list[int], size: int) -> None:
    items = [(group, place) for group, length in enumerate(lengths) for place in range(length)]
    shown = pages(items, size)
    assert [item for rows, _, _ in shown for item in rows] == items
    of_group = [{group for group, _ in rows} for rows, _, _ in shown]
    assert sum(len(groups) for groups in of_group) == len(lengths)
    for rows, first, last in shown:
        if rows:
            assert rows == items[first - 1 : last]
