"""The tables in which the rooms say what they do about deliveries and answers."""

from __future__ import annotations

import pytest

from tenovi import registry
from tenovi.models import RequestKind
from tenovi.models.ledger import DeliveryKind
from tenovi.outbound.calls import CALLS, WRITES
from tenovi.registry import DELIVERIES, REQUESTS, Handler, no_body

PATIENT_READ = Handler(answer=lambda request, answer: 0)


def test_every_kind_of_request_and_delivery_has_a_handler() -> None:
    assert REQUESTS.keys() == set(RequestKind)
    assert DELIVERIES.keys() == set(DeliveryKind)


def test_what_is_sent_has_a_body_where_its_call_needs_one_and_nowhere_else() -> None:
    with_body = {kind for kind, handler in REQUESTS.items() if handler.payload is not no_body}
    assert with_body == {kind for kind, write in WRITES.items() if write.has_body}
    assert not with_body & CALLS.keys()


def test_a_kind_that_does_not_exist_fails_at_start() -> None:
    with pytest.raises(ValueError, match="raed"):
        registry.add_requests({"patients.raed": PATIENT_READ})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="measurement"):
        registry.add_deliveries({"measurement": lambda delivery, elements: []})  # type: ignore[dict-item]


def test_a_kind_that_is_registered_twice_fails_at_start() -> None:
    before = REQUESTS[RequestKind.PATIENT]
    with pytest.raises(RuntimeError, match="Two handlers for patients"):
        registry.add_requests({RequestKind.PATIENT: PATIENT_READ})
    assert REQUESTS[RequestKind.PATIENT] is before
