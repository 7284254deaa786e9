"""Draw the states of orders, special orders and parcels for `docs/orders.md`.

The pictures and tables come from the tables that decide, so that the page cannot fall behind them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

from fulfillment.order_states import ORDER, SPECIAL_ORDER, Lifecycle, OrderState
from fulfillment.vendor_statuses import CYCLE_BEGINS, MAY_FOLLOW, STATUSES

DRAWN = re.compile(r"(<!-- drawn: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def redrawn(page: str) -> str:
    """Return the page with everything between `<!-- drawn: name -->` and `<!-- end -->` drawn anew."""
    parts: dict[str, Callable[[], Iterator[str]]] = {
        "states": partial(_states, ORDER),
        "special_states": partial(_states, SPECIAL_ORDER),
        "statuses": _statuses,
        "table": _table,
    }
    return DRAWN.sub(lambda found: f"{found[1]}{chr(10).join(parts[found[2]]())}\n{found[3]}", page)


def _states(lifecycle: Lifecycle) -> Iterator[str]:
    yield from ("```mermaid", "stateDiagram-v2", f"    [*] --> {OrderState.QUEUED}")
    for before, following in lifecycle.table.items():
        for after, why in following.items():
            yield f"    {before} --> {after}: {why}"
        if not following:
            yield f"    {before} --> [*]"
    yield "```"


def _statuses() -> Iterator[str]:
    yield from ("```mermaid", "stateDiagram-v2", "    direction LR")
    for name in MAY_FOLLOW:
        yield f"    {_short(name)}: {name}"
    for before, following in MAY_FOLLOW.items():
        for after in following:
            yield f"    {_short(before)} --> {_short(after)}"
    yield "    new: New hardware"
    for name in CYCLE_BEGINS:
        yield f"    new --> {_short(name)}: a new cycle"
    yield "```"


def _table() -> Iterator[str]:
    yield from ("| Status | Means | Next step |", "|---|---|---|")
    for status in STATUSES:
        yield f"| {status.name} | {status.meaning} | {status.turn} |"


def _short(name: str) -> str:
    return name.replace(" ", "")
