"""Whatever is posted at these doors: an answer of the public table, and no element left hanging."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinics.models import Clinic
from tests.factories import deliver, held_device, make_clinic
from tests.fulfillment.vendor import news, order

pytestmark = pytest.mark.django_db
tried = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

texts = st.one_of(
    st.sampled_from(["", " ", "\0", "\ud800", "Shipped", "2025-03-04T10:00:00Z", "9999-12-31T23:59:59Z"]),
    st.text(st.characters(codec=None), max_size=20),
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
changes = st.dictionaries(
    st.sampled_from([*order(), "hwi_device_id", "device_id", "device_name", "x"]), values
)


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


def check(clinic: Clinic, kind: str, body: list[dict[str, Any]]) -> None:
    with transaction.atomic():
        answer = deliver(clinic, json.dumps(body).replace("Infinity", "1e400").encode(), kind=kind)
        assert answer.status_code in (200, 400)
        if answer.status_code == 200:
            assert answer.json()["pending"] == 0
        transaction.set_rollback(True)


@tried
@given(changed=st.lists(changes, min_size=1, max_size=3))
def test_news_with_any_value_anywhere_is_settled(clinic: Clinic, changed: list[dict[str, Any]]) -> None:
    device = held_device(clinic)
    check(clinic, "fulfillment", [news(device) | each for each in changed])


@tried
@given(changed=st.lists(changes, min_size=1, max_size=3))
def test_orders_with_any_value_anywhere_are_settled(clinic: Clinic, changed: list[dict[str, Any]]) -> None:
    check(clinic, "special-orders", [order() | each for each in changed])
