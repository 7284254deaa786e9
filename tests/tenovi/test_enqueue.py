"""Asking the vendor: one row per thing, whoever asks and however often."""

from __future__ import annotations

import uuid

import pytest
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.test import Client

from clinics.models import Clinic, Role
from tenovi.clock import seconds_from_now
from tenovi.models import Delivery, ParkedKey, Priority, Request, RequestKind
from tenovi.outbound.api_keys import (
    Cause,
    account_digest,
    clinics_that_may_call,
    keys_of,
    park,
    why_nothing_is_sent,
)
from tenovi.outbound.enqueue import enqueue, enqueue_each, overview
from tests.factories import deliver, element, make_clinic, make_user

pytestmark = pytest.mark.django_db

DEVICE = "0b7c1f5e-6a0d-4b1e-9a55-2f4d7a1c9e01"


@pytest.fixture
def clinic() -> Clinic:
    return with_key(make_clinic(), "key-of-alpha")


def with_key(clinic: Clinic, key: str, domain: str = "alpha-domain") -> Clinic:
    clinic.tenovi_api_key, clinic.tenovi_domain = key, domain
    clinic.save()
    return clinic


def requests(clinic: Clinic) -> list[Request]:
    return list(Request.objects.for_clinic(clinic).most_urgent_first())


def test_asking_twice_is_one_row_with_the_greater_urgency(clinic: Clinic) -> None:
    enqueue(clinic, RequestKind.DEVICE, DEVICE)
    enqueue(clinic, RequestKind.DEVICE, DEVICE, priority=Priority.PERSON)
    enqueue(clinic, RequestKind.DEVICE, DEVICE, priority=Priority.BACKGROUND)
    assert [request.priority for request in requests(clinic)] == [Priority.PERSON]


def test_two_clinics_may_ask_for_the_same(clinic: Clinic) -> None:
    other = make_clinic("beta")
    for asking in (clinic, other):
        enqueue(asking, RequestKind.DEVICE, DEVICE)
    assert len(requests(clinic)) == len(requests(other)) == 1


def test_asking_for_many_is_one_statement(clinic: Clinic, django_assert_num_queries: pytest.Function) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]
        enqueue_each(clinic, RequestKind.PATIENT, [f"mrn-{number}" for number in range(500)])
    assert len(requests(clinic)) == 500


def test_a_kind_nobody_can_send_is_refused(clinic: Clinic) -> None:
    with pytest.raises(ValueError, match=r"devices\.paint"):
        enqueue(clinic, "devices.paint")


def test_a_parked_request_rests_until_its_pause_is_over(clinic: Clinic) -> None:
    enqueue(clinic, RequestKind.DEVICES)
    everything = Request.objects.for_clinic(clinic)
    everything.update(state="parked", attempts=5, cursor="page=7", not_before=seconds_from_now(60))
    enqueue(clinic, RequestKind.DEVICES)
    assert requests(clinic)[0].state == "parked"
    everything.update(not_before=Now())
    enqueue(clinic, RequestKind.DEVICES)
    (request,) = requests(clinic)
    assert (request.state, request.attempts, request.cursor) == ("waiting", 0, "")


def test_a_person_who_insists_does_not_wait(clinic: Clinic) -> None:
    enqueue(clinic, RequestKind.DEVICES)
    Request.objects.for_clinic(clinic).update(state="parked", attempts=5, not_before=seconds_from_now(60))
    enqueue(clinic, RequestKind.DEVICES, insist=True)
    assert Request.objects.for_clinic(clinic).due().count() == 1


def test_what_a_person_asks_for_again_is_theirs_and_starts_anew(clinic: Clinic) -> None:
    def request() -> Request:
        return Request.objects.for_clinic(clinic).get()

    first = {"by": "first", "hardware": "old"}
    enqueue(clinic, RequestKind.DEVICE_UNLINK, "a", priority=Priority.PERSON, params=first)
    Request.objects.for_clinic(clinic).update(state="parked", attempts=5, not_before=seconds_from_now(60))
    again = {"by": "second", "hardware": "new"}
    enqueue(clinic, RequestKind.DEVICE_UNLINK, "a", priority=Priority.PERSON, params=again)
    assert (request().state, request().attempts, request().params) == ("waiting", 0, again)
    assert Request.objects.for_clinic(clinic).due().count() == 1


def test_a_request_asked_for_again_keeps_what_it_has_learned(clinic: Clinic) -> None:
    enqueue(clinic, RequestKind.HARDWARE_LOG, params={"path": 1})
    enqueue(clinic, RequestKind.HARDWARE_LOG, priority=Priority.PERSON)
    assert Request.objects.for_clinic(clinic).get().params == {"path": 1}


def test_fields_of_two_requests_become_one(clinic: Clinic) -> None:
    for fields in (["name"], ["email", "name"]):
        enqueue(clinic, RequestKind.PATIENT_PUSH, "P-1", priority=Priority.PERSON, params={"fields": fields})
    assert Request.objects.for_clinic(clinic).get().params == {"fields": ["email", "name"]}
    enqueue(clinic, RequestKind.PATIENT_PUSH, "P-1", params={"create": True})
    assert Request.objects.for_clinic(clinic).get().params == {"create": True}


def test_a_request_is_sent_exactly_while_somebody_has_claimed_it(clinic: Clinic) -> None:
    enqueue(clinic, RequestKind.DEVICES)
    with pytest.raises(IntegrityError), transaction.atomic():
        Request.objects.for_clinic(clinic).update(state="sending")


def test_the_overview_says_what_waits_and_why_nothing_moves(clinic: Clinic) -> None:
    sharing = with_key(make_clinic("beta"), "key-of-alpha", "beta-domain")
    enqueue(clinic, RequestKind.DEVICES)
    enqueue_each(sharing, RequestKind.PATIENT, ["a", "b", "c"])
    seen = overview(clinic)
    assert (seen.waiting, seen.parked_reason, seen.last_call) == (1, "", None)
    assert seen.eta_seconds == pytest.approx(4 * 1.05, abs=0.1)  # they share the key's second
    park(account_digest("key-of-alpha", clinic), Cause.KEY_REFUSED, "Tenovi refuses the API key.")
    assert overview(clinic).parked_reason == "Tenovi refuses the API key."


def test_a_wrong_domain_stops_its_clinic_and_not_the_others_with_that_key(clinic: Clinic) -> None:
    sharing = with_key(make_clinic("beta"), "key-of-alpha", "beta-domain")
    park(account_digest("key-of-alpha", clinic), Cause.DOMAIN_UNKNOWN, "unknown")
    (key,) = keys_of([clinic, sharing])
    assert clinics_that_may_call(key) == (sharing,)


def test_asked_to_slow_down_twice_the_key_rests_twice_as_long_up_to_five_minutes(clinic: Clinic) -> None:
    pauses = [park("scope", Cause.SLOW_DOWN, "slower") for _ in range(10)]
    assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert park("scope", Cause.SLOW_DOWN, "slower", seconds=900) == 900


def test_a_new_key_is_used_at_once(clinic: Clinic) -> None:
    park(account_digest("key-of-alpha", clinic), Cause.KEY_REFUSED, "refused")
    assert why_nothing_is_sent(clinic) == "refused"
    with_key(clinic, "key-after-the-mend")
    assert why_nothing_is_sent(clinic) == ""


def test_keys_that_cannot_be_used_are_explained(clinic: Clinic) -> None:
    assert "No Tenovi API key" in why_nothing_is_sent(make_clinic("beta"))
    clinic.tenovi_api_key_encrypted = b"stored with another CREDENTIALS_KEY"
    assert "CREDENTIALS_KEY" in why_nothing_is_sent(clinic)
    assert keys_of([clinic]) == []


def test_no_key_stands_in_the_table_of_parked_keys(clinic: Clinic) -> None:
    park(account_digest("key-of-alpha", clinic), Cause.KEY_REFUSED, "refused")
    assert "key-of-alpha" not in str(ParkedKey.objects.values())
    assert "key-of-alpha" not in repr(keys_of([clinic]))


def test_the_page_of_a_delivery_says_what_the_vendor_said_about_its_device(
    clinic: Clinic, client: Client
) -> None:
    deliver(clinic, element(uuid.UUID(DEVICE)))
    enqueue(clinic, RequestKind.DEVICE, DEVICE)
    Request.objects.for_clinic(clinic).update(reason="Tenovi does not know this device.")
    client.force_login(make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN))
    page = client.get(f"/c/alpha/deliveries/{Delivery.objects.for_clinic(clinic).get().id}/")
    assert "Tenovi does not know this device." in page.content.decode()
