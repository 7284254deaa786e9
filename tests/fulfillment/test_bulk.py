"""A history loaded at once is what the webhooks would have made of it."""

from __future__ import annotations

import datetime

import pytest

from fulfillment.bulk_load import Arrival, load_events, load_orders
from fulfillment.models import FulfillmentEvent
from tests.factories import held_device, make_clinic, make_device, make_patient
from tests.fulfillment.vendor import NEW, OLD, history, news, order, shown, tell, tell_order, the_order

DAY = datetime.timedelta(days=1)
BEGUN = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)

pytestmark = pytest.mark.django_db


def test_loaded_events_keep_their_times_and_are_shown() -> None:
    clinic = make_clinic("alpha")
    device, unknown = held_device(clinic), make_device(make_clinic("beta"))
    steps = [
        news(device, "Shipped"),
        news(device, "Connected"),
        news(device, "Replaced", hardware_uuid=NEW, device_id=OLD),
    ]
    arrivals: list[Arrival] = [(step, BEGUN + n * DAY) for n, step in enumerate(steps)]
    assert load_events(clinic, [*arrivals, (news(unknown), BEGUN)]) == 3
    events = FulfillmentEvent.objects.for_clinic(clinic).order_by("id")
    assert [event.received_at for event in events] == [at for _, at in arrivals]
    assert {event.patient and event.patient.external_id for event in events} == {"mrn-7781"}
    assert (shown(device).status, shown(device).since) == ("Replaced", BEGUN + 2 * DAY)


def test_a_device_that_has_news_already_is_left_alone() -> None:
    clinic = make_clinic("alpha")
    device = held_device(clinic)
    tell(clinic, news(device, "Delivered"))
    assert load_events(clinic, [(news(device, "Shipped"), BEGUN)]) == 0
    assert history(device) == ["Delivered"]


def test_loaded_orders_find_their_patient_and_leave_known_ones_alone() -> None:
    clinic = make_clinic("alpha")
    patient = make_patient(clinic)
    messages: list[Arrival] = [
        (order(patient_id="MRN-7781", status=status), BEGUN) for status in ("Pending", "Shipped")
    ]
    assert load_orders(clinic, messages) == 2
    assert (the_order(clinic).patient, the_order(clinic).received_at) == (patient, BEGUN)
    assert load_orders(clinic, [(order(status="Delivered"), BEGUN)]) == 0
    assert tell_order(clinic, order(status="Delivered")) == {"stored": 1}
