"""Background work of the fulfillment room. PostgreSQL is the queue; these only look at it."""

from __future__ import annotations

from fulfillment.orders import search
from fulfillment.shipments import catch_up as shipments_catch_up
from fulfillment.special_orders import actions
from tenovi.periodic import periodic_task


@periodic_task("fulfillment.follow_orders")
def follow_orders() -> None:
    """Look for orders that nobody is sure of, adopt those that have turned up, and see how far the others
    have come."""
    search.mend()
    search.start_looks()
    search.adopt_what_turned_up()
    search.catch_up()


@periodic_task("fulfillment.catch_up")
def catch_up() -> None:
    """Show how far devices are when only the vendor's list has told it."""
    shipments_catch_up.add_missed_events()


@periodic_task("fulfillment.look_again")
def look_again() -> None:
    """Read the vendor's lists that tell whether something in doubt was taken."""
    actions.look_again()
