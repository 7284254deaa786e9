"""Where a device is follows from what its events say, not from the order in which they came."""

from __future__ import annotations

import datetime
import random
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fulfillment.vendor_statuses import (
    ORDER_STATUSES,
    STATUSES,
    Shown,
    Stage,
    names_of,
    order_status_named,
    shown_status,
    status_named,
)

START = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
NAMES = [status.name for status in STATUSES]


@dataclass(frozen=True)
class Told:
    status: str
    hardware_uuid: str = ""
    replaced_hardware_uuid: str = ""
    tracking_link: str = ""
    former_hardware_uuid: str = ""
    received_at: datetime.datetime = START


def arriving(events: list[Told]) -> list[Told]:
    """The same events, received one a minute in this order."""
    minute = datetime.timedelta(minutes=1)
    return [replace(event, received_at=START + n * minute) for n, event in enumerate(events)]


def shows(*events: Told) -> str:
    return shown_status(arriving(list(events))).status.name


def what_it_says(shown: Shown) -> tuple[str, str, str]:
    return shown.status.name, shown.hardware_uuid, shown.tracking_link


# Hardware "0" is replaced by "1" and so on; each cycle has statuses of its own, unknown ones among them.
cycles = st.lists(
    st.lists(st.sampled_from([*NAMES, "Out for Delivery", "lost"]), max_size=6), min_size=1, max_size=4
)


def events_of(cycle: int, statuses: list[str]) -> list[Told]:
    hardware = str(cycle)
    begun = [Told("Replaced", hardware, str(cycle - 1), f"Replaced {hardware}")] if cycle else []
    return [*begun, *(Told(status, hardware, "", f"{status} {hardware}") for status in statuses)]


@settings(deadline=None)
@given(
    cycles=cycles, before=st.lists(st.sampled_from(NAMES[:6]), max_size=3), seed=st.integers(), data=st.data()
)
def test_any_order_and_any_repetition_of_events_shows_the_same(
    cycles: list[list[str]], before: list[str], seed: int, data: st.DataObject
) -> None:
    events = [Told(status) for status in before]
    events += [event for n, statuses in enumerate(cycles) for event in events_of(n, statuses)]
    if not events:
        events = [Told("Shipped", "0")]
    repeated = events + data.draw(st.lists(st.sampled_from(events), max_size=5))
    random.Random(seed).shuffle(repeated)
    assert what_it_says(shown_status(arriving(repeated))) == what_it_says(shown_status(arriving(events)))


@settings(deadline=None)
@given(
    status=st.sampled_from(NAMES),
    late=st.lists(st.sampled_from(NAMES), max_size=8),
)
def test_what_is_shown_never_moves_backwards_within_a_cycle(status: str, late: list[str]) -> None:
    before = shown_status(arriving([Told(status, "A")]))
    after = shown_status(arriving([Told(status, "A"), *(Told(name, "A") for name in late)]))
    assert after.status.rank >= before.status.rank


def test_a_late_shipped_does_not_replace_delivered() -> None:
    assert shows(Told("Delivered", "A"), Told("Shipped", "A")) == "Delivered"


def test_a_replacement_begins_anew_and_its_own_events_lead_on() -> None:
    connected = Told("Connected", "A")
    replaced = Told("Replaced", "B", "A")
    assert shows(connected, replaced) == "Replaced"
    assert shows(connected, replaced, Told("Shipped", "B")) == "Shipped"
    assert shows(Told("Delivered", "B"), replaced, connected) == "Delivered"
    assert (
        shows(Told("Delivered", "B"), replaced, Told("Connected", "A"), Told("Connected", "B")) == "Connected"
    )


def test_a_replacement_of_a_replacement_is_followed() -> None:
    first, second = Told("Replaced", "B", "A"), Told("Replaced", "C", "B")
    assert shown_status(arriving([second, Told("Connected", "A"), first])).hardware_uuid == "C"


def test_a_replacement_that_names_no_new_hardware_ends_the_old() -> None:
    assert shows(Told("Connected", "A"), Told("Replaced", "", "A")) == "Replaced"
    assert shows(Told("Replaced", "A"), Told("Connected", "A")) == "Replaced"


def test_new_hardware_begins_anew_without_a_replacement_too() -> None:
    assert shows(Told("Returned", "A"), Told("Shipped", "B")) == "Shipped"
    assert shows(Told("Returned", "A"), Told("Shipped", "B"), Told("Delivered", "A")) == "Shipped"


def test_hardware_that_comes_back_is_current_again() -> None:
    events = [Told("Connected", "A"), Told("Replaced", "B", "A"), Told("Replaced", "A", "B")]
    assert shown_status(arriving(events)).hardware_uuid == "A"


def test_events_from_before_any_hardware_was_chosen_belong_to_the_first() -> None:
    asked = Told("Client Action Required")
    assert shows(asked, Told("Ready to Ship", "A")) == "Client Action Required"
    assert shows(asked, Told("Shipped", "A")) == "Shipped"
    assert shows(asked, Told("Connected", "A"), Told("Replaced", "B", "A")) == "Replaced"


def test_unlinking_ends_everything_even_when_it_names_no_hardware() -> None:
    assert shows(Told("Unlinked"), Told("Connected", "A"), Told("Replaced", "B", "A")) == "Unlinked"


def test_an_unknown_status_is_shown_only_when_nothing_else_is_known() -> None:
    assert shows(Told("Out for Delivery", "A")) == "Out for Delivery"
    assert shows(Told("Pending Shipment", "A"), Told("Out for Delivery", "A")) == "Pending Shipment"


def test_since_is_when_the_status_was_first_told_in_this_cycle() -> None:
    events = arriving(
        [Told("Delivered", "A"), Told("Replaced", "B", "A"), Told("Delivered", "B"), Told("Delivered", "B")]
    )
    assert shown_status(events).since == events[2].received_at


def test_the_link_of_a_parcel_outlives_events_that_have_none() -> None:
    events = arriving([Told("Shipped", "A", tracking_link="ups.com/1"), Told("Delivered", "A")])
    assert shown_status(events).tracking_link == "ups.com/1"
    assert shown_status([*events, Told("Replaced", "B", "A")]).tracking_link == ""


def test_all_thirteen_statuses_have_their_own_place_and_words() -> None:
    assert len(STATUSES) == len({status.rank for status in STATUSES}) == 13
    assert all(status.meaning and status.turn for status in (*STATUSES, *ORDER_STATUSES))
    staged = [name for stage in Stage if stage != Stage.OTHER for name in names_of(stage)]
    assert sorted(staged) == sorted(NAMES)


@pytest.mark.parametrize(
    "text", ["Client Action Required", "client_action_required", "CLIENT  ACTION-REQUIRED"]
)
def test_a_status_is_known_in_any_spelling(text: str) -> None:
    assert status_named(text).name == "Client Action Required"


def test_a_status_nobody_knows_keeps_its_text() -> None:
    assert (status_named("Löst in transit").name, status_named("").stage) == ("Löst in transit", Stage.OTHER)
    assert order_status_named("Lost").stage == Stage.OTHER
    assert order_status_named("pending").name == "Pending"
