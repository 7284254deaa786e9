"""Background work of the fulfillment room. PostgreSQL is the queue; these only look at it."""

from __future__ import annotations

from fulfillment.at_most_once.search import follow
from fulfillment.orders import progress
from fulfillment.orders.policy import ORDERS
from fulfillment.shipments import catch_up as shipments_catch_up
from fulfillment.special_orders.from_vendor import mend_withdrawals
from fulfillment.special_orders.policy import REPLACEMENTS, SUPPLIES
from tenovi.periodic import periodic_task


@periodic_task("fulfillment.follow_orders")
def follow_orders() -> None:
    """Search for orders whose answer was lost, and move on the others by the vendor's record."""
    follow(ORDERS)
    progress.catch_up()


@periodic_task("fulfillment.catch_up")
def catch_up() -> None:
    """Add the events that were lost, from the vendor's list of devices."""
    shipments_catch_up.add_missed_events()


@periodic_task("fulfillment.look_again")
def look_again() -> None:
    """Search for replacements and supplies whose answer was lost."""
    follow(REPLACEMENTS)
    follow(SUPPLIES)
    mend_withdrawals()
