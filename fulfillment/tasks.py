"""Background work of the fulfillment room. PostgreSQL is the queue; these only look at it."""

from __future__ import annotations

from fulfillment import asks, catching_up, order_outcomes
from tenovi.periodic import periodic_task


@periodic_task("fulfillment.follow_orders")
def follow_orders() -> None:
    """Look for orders that nobody is sure of, adopt those that have turned up, and see how far the others
    have come."""
    order_outcomes.mend()
    order_outcomes.start_looks()
    order_outcomes.adopt_what_turned_up()
    order_outcomes.catch_up()


@periodic_task("fulfillment.catch_up")
def catch_up() -> None:
    """Show how far devices are when only the vendor's list has told it."""
    catching_up.catch_up()


@periodic_task("fulfillment.look_again")
def look_again() -> None:
    """Read the vendor's lists that tell whether something in doubt was taken."""
    asks.look_again()
