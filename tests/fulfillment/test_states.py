"""One table of states for orders and one for parcels: they decide, they are drawn, and they agree."""

from __future__ import annotations

import itertools
import uuid

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from fulfillment.models import Shipment
from fulfillment.order_states import MAY_BECOME, ORDER, SPECIAL_ORDER, Lifecycle, OrderState
from fulfillment.state_diagrams import redrawn
from fulfillment.vendor_statuses import CYCLE_BEGINS, MAY_FOLLOW, STATUSES, may_follow, status_named
from tests.factories import assign, deliver, make_clinic, make_device, make_patient

NAMES = [status.name for status in STATUSES]
TOLD = """
Pending Shipment, Dropship Requested, Ready to Ship, On Hold, Client Action Required, Shipped, Dropshipped,
Delivered, Connected, Returned, Replaced, Unlinked, Unknown Gateway ID
"""
"""The vendor's list: https://docs.tenovi.com/hwi-api/webhooks/fulfillment-webhooks, and the last one of
https://tenovi.com/api-docs/, activating devices."""


def test_every_status_of_the_vendor_is_in_the_table() -> None:
    assert {name.strip() for name in TOLD.split(",")} == set(NAMES) == set(MAY_FOLLOW)
    assert {after for following in MAY_FOLLOW.values() for after in following} <= set(NAMES)
    assert set(CYCLE_BEGINS) <= set(NAMES)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(NAMES, NAMES)))
def test_what_may_follow_is_further_along_and_nothing_leads_back(before: str, after: str) -> None:
    assert may_follow(before, after) == (status_named(before).rank < status_named(after).rank)


def test_a_text_that_nobody_knows_gives_way_and_replaces_nothing() -> None:
    for name in NAMES:
        assert may_follow("Lost in the Mail", name)
        assert not may_follow(name, "Lost in the Mail")


@pytest.mark.django_db
@pytest.mark.parametrize("before", NAMES)
def test_what_is_shown_follows_the_table_whatever_comes_next(before: str) -> None:
    """Each status after this one, each on a device of its own."""
    clinic = make_clinic("alpha")
    patient = make_patient(clinic)
    for number, after in enumerate(NAMES, start=1):
        device = make_device(clinic, hwi_device_id=uuid.UUID(int=number))
        assign(device, patient)
        for status in (before, after, after):
            deliver(
                clinic, {"hwi_device_id": str(device.hwi_device_id), "status": status}, kind="fulfillment"
            )
        shown = Shipment.objects.for_clinic(clinic).get(device=device).status
        assert shown == (after if may_follow(before, after) else before), after


@pytest.mark.parametrize("lifecycle", [ORDER, SPECIAL_ORDER], ids=["order", "special order"])
def test_each_kind_takes_only_steps_of_the_one_table(lifecycle: Lifecycle) -> None:
    for before, after in itertools.product(OrderState, OrderState):
        if after in lifecycle.table.get(before, {}):
            assert after in MAY_BECOME[before]
            lifecycle.check(before, after)
        else:
            with pytest.raises(ValueError, match="cannot become"):
                lifecycle.check(before, after)


def test_every_step_of_the_table_is_taken_by_some_kind() -> None:
    taken = {
        (before, after)
        for lifecycle in (ORDER, SPECIAL_ORDER)
        for before, following in lifecycle.table.items()
        for after in following
    }
    assert taken == {(before, after) for before, following in MAY_BECOME.items() for after in following}


def test_an_order_that_is_settled_goes_nowhere() -> None:
    settled = {state for state, following in ORDER.table.items() if not following}
    assert settled == {OrderState.CONFIRMED, OrderState.REFUSED, OrderState.CANCELLED}


def test_nothing_is_sent_again_by_software_but_what_the_vendor_put_off() -> None:
    for lifecycle in (ORDER, SPECIAL_ORDER):
        before_queued = {
            state for state, following in lifecycle.table.items() if OrderState.QUEUED in following
        }
        assert before_queued <= {OrderState.SENDING, OrderState.UNCONFIRMED, OrderState.NEEDS_PERSON}


def test_the_page_is_drawn_from_the_tables() -> None:
    page = (settings.BASE_DIR / "docs" / "orders.md").read_text(encoding="utf-8")
    assert redrawn(page) == page, "run manage.py draw_states"
    assert all(f"| {name} |" in page for name in NAMES)
    assert all(f"{state} -->" in page for state in OrderState)
    call_command("draw_states", check=True)


def test_an_old_page_fails_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fulfillment.management.commands.draw_states.redrawn", lambda page: page + "new")
    with pytest.raises(CommandError, match="older than the states"):
        call_command("draw_states", check=True)
