"""The operations page and `queue/`: whoever keeps the clinic running sees what waits and why."""

from __future__ import annotations

import datetime
import uuid

import pytest
from django.test import Client
from django.utils import timezone

from clinics.models import AuditEvent, Clinic, Role
from tenovi.models import Call, Heartbeat, ParkedKey, Priority, Request, RequestKind
from tenovi.outbound.api_keys import Cause, account_digest, park
from tenovi.outbound.enqueue import enqueue, enqueue_each
from tenovi.pages.operations import lasting
from tests.factories import make_clinic, make_user
from tests.rest import api_client

pytestmark = [pytest.mark.django_db, pytest.mark.clock]

PAGE = "/c/alpha/operations/"
QUEUE = "/api/v1/clinics/alpha/queue/"


@pytest.fixture
def clinic() -> Clinic:
    clinic = make_clinic(tenovi_domain="alpha-domain")
    clinic.tenovi_api_key = "key-of-alpha"
    clinic.save()
    return clinic


@pytest.fixture
def admin(clinic: Clinic, client: Client) -> Client:
    client.force_login(make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN))
    return client


def shown(client: Client, page: str = PAGE) -> str:
    answer = client.get(page)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def said(clinic: Clinic, **changes: object) -> Call:
    fields = {
        "request_id": clinic.id,
        "kind": "devices.list",
        "method": "GET",
        "path": "/hwi/hwi-devices/",
        "status": 200,
        "milliseconds": 87,
        "outcome": "answered",
    }
    return Call.objects.create(clinic=clinic, **(fields | changes))


def stopped(clinic: Clinic, state: str = "parked") -> Request:
    enqueue(clinic, RequestKind.DEVICE_UNLINK if state == "parked" else RequestKind.DEVICE_CREATE, "a-device")
    Request.objects.for_clinic(clinic).update(
        state=state, attempts=5, cursor="page=2", reason="Tenovi had an error of its own (500)."
    )
    return Request.objects.for_clinic(clinic).get()


def test_the_queue_says_over_rest_what_waits_and_what_was_said_last(clinic: Clinic) -> None:
    api = api_client(make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN))
    assert api.get(QUEUE).json() == {
        "waiting": 0,
        "oldest_seconds": 0.0,
        "eta_seconds": 0.0,
        "parked_reason": "",
        "last_call": None,
    }
    enqueue_each(clinic, RequestKind.PATIENT, ["a", "b"])
    call = said(clinic, status=None, outcome="doubtful", reason="Tenovi did not answer in time.")
    call.refresh_from_db()
    park(account_digest("key-of-alpha", clinic), Cause.KEY_REFUSED, "Tenovi refuses the API key.")
    body = api.get(QUEUE).json()
    assert (body["waiting"], body["eta_seconds"], body["parked_reason"]) == (
        2,
        pytest.approx(2.1),
        "Tenovi refuses the API key.",
    )
    assert body["last_call"] == {
        "at": call.at.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z"),
        "kind": "devices.list",
        "method": "GET",
        "path": "/hwi/hwi-devices/",
        "status": None,
        "milliseconds": 87,
        "outcome": "doubtful",
        "reason": "Tenovi did not answer in time.",
    }


@pytest.mark.parametrize("role", [Role.CARE_MANAGER, Role.BILLING])
def test_who_does_not_run_the_clinic_does_not_see_the_queue(
    clinic: Clinic, role: str, client: Client
) -> None:
    user = make_user("somebody@alpha.test", clinic, role)
    assert api_client(user).get(QUEUE).status_code == 403
    client.force_login(user)
    for address in (PAGE, f"{PAGE}{uuid.uuid4()}/retry/", f"{PAGE}{uuid.uuid4()}/cancel/"):
        assert (client.get if address == PAGE else client.post)(address).status_code == 403


def test_what_waits_is_counted_by_kind_and_urgency_with_an_estimate(clinic: Clinic, admin: Client) -> None:
    assert "everything that was asked of Tenovi is answered" in shown(admin)
    enqueue_each(clinic, RequestKind.GATEWAY, [f"{number:012X}" for number in range(600)], priority=80)
    enqueue(clinic, RequestKind.DEVICE_UNLINK, "a-device", priority=Priority.PERSON)
    page = shown(admin)
    assert "601 waiting; all answered in about 11 min." in page
    assert page.index("Unlink a device") < page.index("One gateway")
    assert page.index("A person waits") < page.index("<td>Background</td>")


def test_a_list_under_way_shows_how_far_it_is(clinic: Clinic, admin: Client) -> None:
    enqueue(clinic, RequestKind.DEVICES)
    Request.objects.for_clinic(clinic).update(pages=2, total=2300, cursor="page=3&page_size=500")
    page = shown(admin)
    assert "1,000 of 2,300" in page
    assert "about 4 s left" in page  # three more pages


def test_a_refused_key_is_told_on_every_page_of_who_can_mend_it(clinic: Clinic, admin: Client) -> None:
    assert 'role="alert"' not in shown(admin, "/c/alpha/patients/")
    park(
        account_digest("key-of-alpha", clinic),
        Cause.KEY_REFUSED,
        "Tenovi refuses the API key. Create a new one.",
    )
    ParkedKey.objects.update(until=timezone.now())  # on trial, and still not mended
    assert "Tenovi refuses the API key. Create a new one." in shown(admin, "/c/alpha/patients/")
    assert "The API key is left alone" in shown(admin)
    admin.force_login(make_user("care@alpha.test", clinic, Role.CARE_MANAGER))
    assert "Tenovi refuses" not in shown(admin, "/c/alpha/patients/")


def test_a_passing_pause_is_not_worth_a_word(clinic: Clinic, admin: Client) -> None:
    park(account_digest("key-of-alpha", clinic), Cause.SLOW_DOWN, "Tenovi asks us to slow down.")
    assert "Tenovi asks us" not in shown(admin, "/c/alpha/patients/")
    ParkedKey.objects.update(since=timezone.now() - datetime.timedelta(minutes=2))
    assert "Tenovi asks us" in shown(admin, "/c/alpha/patients/")


def test_background_work_that_has_stopped_is_told(clinic: Clinic, admin: Client) -> None:
    minute = timezone.now().replace(second=0, microsecond=0)
    Heartbeat.objects.create(minute=minute - datetime.timedelta(minutes=30))
    assert "background work of Vitaldays has stopped" in shown(admin, "/c/alpha/patients/")
    Heartbeat.objects.create(minute=minute)
    assert "background work of Vitaldays has stopped" not in shown(admin)


def test_calls_are_listed_with_latency_outcome_and_reason(clinic: Clinic, admin: Client) -> None:
    said(clinic, items=240, failed=3)
    said(
        clinic,
        status=502,
        outcome="doubtful",
        reason="Tenovi had an error of its own (502).",
        milliseconds=1234,
    )
    said(make_clinic("beta"), path="/of/another/clinic/")
    page = shown(admin)
    for text in ("List of devices", "GET /hwi/hwi-devices/", "87 ms", "3 unusable", "1,234 ms", "(502)"):
        assert text in page
    assert "another" not in page


def test_a_stopped_request_is_tried_again_by_a_person(clinic: Clinic, admin: Client) -> None:
    request = stopped(clinic)
    assert "Tenovi had an error of its own (500)." in shown(admin)
    answer = admin.post(f"{PAGE}{request.id}/retry/", follow=True)
    assert "asked again" in answer.content.decode()
    request.refresh_from_db()
    assert (request.state, request.attempts, request.cursor) == ("waiting", 0, "")
    event = AuditEvent.objects.filter(action="vendor_request_retried").get()
    assert (event.actor_label, event.detail["target"]) == ("admin@alpha.test", "a-device")
    assert admin.post(f"{PAGE}{request.id}/retry/").status_code == 404


def test_a_stopped_request_is_given_up_by_a_person(clinic: Clinic, admin: Client) -> None:
    request = stopped(clinic)
    admin.post(f"{PAGE}{request.id}/cancel/")
    assert not Request.objects.for_clinic(clinic).exists()
    assert AuditEvent.objects.filter(action="vendor_request_cancelled").count() == 1


def test_what_may_have_happened_cannot_be_sent_again_from_here(clinic: Clinic, admin: Client) -> None:
    request = stopped(clinic, "unknown")
    page = shown(admin)
    assert "It may have happened at Tenovi." in page
    assert "Try again" not in page
    for verb in ("retry", "cancel"):
        assert admin.post(f"{PAGE}{request.id}/{verb}/").status_code == 404


def test_another_clinics_request_is_not_there(clinic: Clinic, admin: Client) -> None:
    request = stopped(make_clinic("beta"))
    assert admin.post(f"{PAGE}{request.id}/retry/").status_code == 404


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.3, "1 s"), (59, "59 s"), (61, "2 min"), (7000, "117 min"), (7201, "3 h"), (200_000, "3 days")],
)
def test_how_long_something_takes_reads_well(seconds: float, words: str) -> None:
    assert lasting(seconds) == words
