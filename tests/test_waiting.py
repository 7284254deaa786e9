"""Nothing waits without a deadline, a sweeper, or something that a person can do."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from django.db.models import TextChoices
from django.db.models.functions import Now
from django.urls import get_resolver
from django.utils import timezone

from clinics.models import Clinic
from devices import sync
from devices.models import NightlySync
from fulfillment.at_most_once import search
from fulfillment.models import Replacement
from fulfillment.order_states import OrderState
from fulfillment.special_orders.from_vendor import mend_withdrawals
from fulfillment.tasks import look_again
from measurements import reconcile_schedule
from measurements.models import DeviceCheck
from tenovi.inbound import deliveries
from tenovi.models import ParkedKey, Request, RequestKind, RequestState
from tenovi.models.ledger import DeliveryState, ItemState
from tenovi.outbound import results
from tenovi.outbound.api_keys import PAUSES, Cause
from tenovi.outbound.enqueue import enqueue
from tenovi.outbound.sender import drain
from tests.factories import held_device
from tests.vendor import PATIENTS, vendor_clinic
from tests.vendor_stub import Reply, VendorStub

pytestmark = pytest.mark.django_db(transaction=True)

ENDS = "it does not wait"
End = str | Callable[..., object]
"""What ends a wait: the function that sweeps or bounds it, or the page's address of a person's action."""

WAITS: dict[type[TextChoices], dict[str, End]] = {
    RequestState: {
        "waiting": drain,  # and after five attempts it is parked
        "sending": results.give_back_abandoned,
        "parked": "request-retry",
        "unknown": search.mend,
    },
    DeviceCheck.State: {
        "waiting": reconcile_schedule.look,
        "verified": ENDS,
        "skipped": ENDS,
        "unverified": "completeness-compare",
    },
    OrderState: {
        "queued": search.mend,
        "sending": search.mend,
        "unknown": search.start_due_searches,
        "needs_person": "order-decide",
        "confirmed": ENDS,
        "withdrawing": mend_withdrawals,
        "fulfilled": ENDS,
        "refused": ENDS,
        "cancelled": ENDS,
    },
    DeliveryState: {
        "pending": deliveries.settle_pending,
        "quarantined": "deliveries",
        "settled": ENDS,
        "rejected": ENDS,
    },
    ItemState: {
        "pending": deliveries.settle_pending,
        "quarantined": "deliveries",
        "stored": ENDS,
        "updated": ENDS,
        "duplicate": ENDS,
        "discarded": ENDS,
    },
}


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    return vendor_clinic()


@pytest.mark.parametrize("states", WAITS, ids=lambda states: states.__qualname__)
def test_every_state_says_what_ends_it(states: type[TextChoices]) -> None:
    assert set(WAITS[states]) == set(states.values)
    addresses = {end for end in WAITS[states].values() if isinstance(end, str) and end != ENDS}
    assert addresses <= {name for name in get_resolver().reverse_dict if isinstance(name, str)}


def test_every_pause_of_a_key_has_a_longest() -> None:
    assert set(PAUSES) == set(Cause.values)
    assert max(most for _, most in PAUSES.values()) <= 900


def test_whatever_the_vendor_never_answers_stops_after_five_attempts(
    stub: VendorStub, clinic: Clinic
) -> None:
    """Parked where a person may try again or give up, in doubt where its room looks, or gone where it is told
    elsewhere; never waiting for ever. One list is answered, so that the vendor is there."""
    stub.reply_to_everything(Reply(500, {}))
    stub.reply(PATIENTS, Reply(body=[]))
    rows = Request.objects.for_clinic(clinic)
    span = {"created_gte": "2026-11-01", "created_lt": "2026-11-02"}
    for kind in RequestKind.values:
        params = span if kind == RequestKind.MEASUREMENTS else span | {"external_id": "mrn-1"}
        enqueue(clinic, kind, f"{uuid.UUID(int=7)}/1", params=params, wake=False)
    for _ in range(results.MOST_ATTEMPTS + 1):
        drain()
        rows.filter(state="waiting").update(not_before=Now())
    assert not rows.filter(state__in=["waiting", "sending"]).exists()
    assert not ParkedKey.objects.exists()


def test_a_replacement_whose_request_is_gone_is_looked_for(clinic: Clinic) -> None:
    device = held_device(clinic)
    fields = {
        "clinic": clinic,
        "device": device,
        "parts": ["Gateway"],
        "asked_at": timezone.now(),
        "changed_at": timezone.now(),
    }
    queued = Replacement.objects.create(**fields, state="queued", token="a")
    sending = Replacement.objects.create(**fields, state="sending", token="c")
    leaving = Replacement.objects.create(**fields, state="withdrawing", token="b", vendor_id="17")
    look_again()
    sending.refresh_from_db()
    queued.refresh_from_db()
    leaving.refresh_from_db()
    assert (queued.state, sending.state, leaving.state) == ("queued", "unknown", "confirmed")
    assert Request.objects.for_clinic(clinic).filter(kind=RequestKind.REPLACEMENT_CREATE).count() == 1
    assert Request.objects.for_clinic(clinic).filter(kind=RequestKind.REPLACEMENTS).exists()


def test_a_night_is_marked_only_with_what_it_asks_for(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*args: object, **options: object) -> None:
        raise SystemExit

    with monkeypatch.context() as crash, pytest.raises(SystemExit):
        crash.setattr(sync, "ask_for_everything", dies)
        sync.start_due()
    assert not NightlySync.objects.for_clinic(clinic).exists()
    assert sync.start_due() == 1
    assert Request.objects.for_clinic(clinic).filter(kind=RequestKind.DEVICES).exists()
