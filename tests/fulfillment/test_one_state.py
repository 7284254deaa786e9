"""An order's page has one state and one sentence for it, whatever has happened before."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from django.utils import timezone

from clinics.models import Clinic, Role
from fulfillment.models import Order, RequestEvent
from tests.factories import make_clinic, make_order
from tests.fulfillment.ordering import somebody
from tests.pages import signed_in, text_of

pytestmark = pytest.mark.django_db

NOT_THERE = ("nothing has reached Tenovi", "Nothing was ordered")
THERE = ("Sent to Tenovi", "Confirmed by Tenovi")


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


def order_with(clinic: Clinic, state: str, steps: str, **fields: Any) -> Order:
    order = make_order(somebody(clinic), state=state, **fields)
    for what in steps.split():
        RequestEvent.objects.create(clinic=clinic, order=order, what=what)
    return order


def sent(number: int = 1) -> dict[str, Any]:
    return {"sends": number, "first_sent_at": timezone.now()}


def page(clinic: Clinic, order: Order) -> str:
    return text_of(signed_in(clinic, Role.CLINIC_ADMIN).get(f"/c/alpha/orders/{order.id}/"))


CASES: list[tuple[str, str, dict[str, Any], str]] = [
    ("queued", "placed", {}, "It waits for its turn; nothing has reached Tenovi yet."),
    ("queued", "placed sent waits", {"reason": "Tenovi cannot be reached."}, "It is tried again by itself."),
    ("queued", "placed sent doubted looked sent_again", sent(), "it waits to be sent again"),
    ("sending", "placed sent", sent(), "It is being sent to Tenovi."),
    ("unknown", "placed sent doubted", sent(), "nobody knows whether it took the order"),
    ("needs_person", "placed sent doubted looked handed", sent(), "Somebody has to decide"),
    (
        "refused",
        "placed sent refused",
        {**sent(), "is_open": False},
        "Tenovi refused it. Nothing was ordered.",
    ),
]


@pytest.mark.parametrize(("state", "steps", "fields", "sentence"), CASES)
def test_each_state_is_said_in_one_sentence_that_the_history_bears_out(
    clinic: Clinic, state: str, steps: str, fields: dict[str, Any], sentence: str
) -> None:
    text = page(clinic, order_with(clinic, state, steps, **fields))
    assert sentence in text
    if NOT_THERE[0] in text:
        assert not any(word in text for word in THERE)


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(["waits", "doubted"], 2)))
def test_a_try_that_never_left_is_told_apart_from_one_that_did(
    clinic: Clinic, first: str, second: str
) -> None:
    order = order_with(clinic, "unknown", f"placed sent {first} sent {second}", **sent())
    text = page(clinic, order)
    assert text.count("Sending was tried") == text.count("Sent to Tenovi") == 1


def test_the_list_of_orders_says_the_same_sentence_as_the_page(clinic: Clinic) -> None:
    order = order_with(clinic, "queued", "placed sent waits", reason="Tenovi cannot be reached.")
    sentence = "Sending it was tried, and nothing has reached Tenovi. It is tried again by itself."
    assert sentence in page(clinic, order)
    client = signed_in(clinic, Role.CARE_MANAGER)
    assert sentence in text_of(client.get("/c/alpha/fulfillment/orders/"))
