"""Calls that show no valid secret are told to who can mend it, with the next step, until they are over."""

from __future__ import annotations

import datetime
import json
import uuid

import pytest
from django.db.models import F
from django.test import Client

from clinics import webhook_secrets
from clinics.models import Clinic
from tenovi import tasks
from tenovi.inbound import deliveries, refusals
from tenovi.models import RefusalCount
from tenovi.models.ledger import RefusalCause
from tests.factories import basic, credentials, deliver, element, held_device, knock, make_clinic
from tests.pages import signed_in, text_of

pytestmark = pytest.mark.django_db

PAGES = ("/c/alpha/deliveries/", "/c/alpha/operations/", "/c/alpha/webhooks/")
READINGS = "/webhooks/alpha/measurements/"
REFUSED = "refused in the last hour"


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


def refuse(times: int = 1, path: str = READINGS) -> None:
    for _ in range(times):
        assert knock("POST", path, basic("tenovi", "wrong")).status_code == 401


def time_passes(minutes: int) -> None:
    age = datetime.timedelta(minutes=minutes)
    RefusalCount.objects.update(last_at=F("last_at") - age, start=F("start") - age)


@pytest.mark.parametrize("role", ["clinic_admin", "operator"])
def test_refused_calls_stand_on_every_page_of_who_can_act_with_the_next_step(
    clinic: Clinic, role: str
) -> None:
    refuse(62)
    browser = signed_in(clinic, role)
    for page in PAGES:
        answer = browser.get(page)
        assert "62 calls (Readings 62) were refused in the last hour" in text_of(answer), page
        assert '<a href="/c/alpha/webhooks/vendor/">Register again</a>' in answer.content.decode()
    assert "no valid secret was shown" in text_of(answer)


@pytest.mark.parametrize(("role", "page"), [("care_manager", "patients/"), ("billing", "billing/")])
def test_who_can_do_nothing_about_it_is_not_told(clinic: Clinic, role: str, page: str) -> None:
    refuse()
    assert REFUSED not in text_of(signed_in(clinic, role).get(f"/c/alpha/{page}"))


def test_after_an_hour_without_any_they_are_told_no_more(clinic: Clinic) -> None:
    refuse()
    admin = signed_in(clinic, "clinic_admin")
    for minutes, told in ((0, True), (58, True), (3, False)):
        time_passes(minutes)
        assert (REFUSED in text_of(admin.get(PAGES[0]))) is told


def test_a_call_with_a_retired_secret_is_told_as_such(clinic: Clinic) -> None:
    first = credentials(clinic)
    second = webhook_secrets.add_basic(clinic, "tenovi", "the new one")
    webhook_secrets.retire(clinic.webhook_secrets.exclude(id=second.id).get())
    assert knock("POST", READINGS, first).status_code == 401
    page = text_of(signed_in(clinic, "clinic_admin").get(PAGES[0]))
    assert "a secret that was retired here was shown" in page


def test_once_calls_are_let_in_again_it_says_that_the_gap_is_fetched(clinic: Clinic) -> None:
    refuse(2)
    deliver(clinic, element(held_device(clinic)))
    page = signed_in(clinic, "clinic_admin").get(PAGES[0])
    said = text_of(page)
    assert "Calls are let in again. Before, 2 calls (Readings 2) were refused" in said
    assert "is fetched by itself" in said
    assert REFUSED not in said
    refuse()
    assert REFUSED in text_of(signed_in(clinic, "operator").get(PAGES[0]))


def test_what_was_fetched_and_waits_is_no_call_that_was_let_in(clinic: Clinic) -> None:
    refuse()
    body = json.dumps(element(uuid.uuid4())).encode()
    deliveries.receive(clinic, "measurements", body, content_type="", address=None, fetched=True)
    admin = signed_in(clinic, "clinic_admin")
    assert REFUSED in text_of(admin.get(PAGES[0]))
    assert "In the last hour 0" in text_of(admin.get("/c/alpha/operations/"))


def test_one_door_that_lets_in_does_not_speak_for_another(clinic: Clinic) -> None:
    refuse(2)
    refuse(1, "/webhooks/alpha/fulfillment/")
    deliver(clinic, element(held_device(clinic)))
    said = text_of(signed_in(clinic, "clinic_admin").get(PAGES[0]))
    assert "1 call (Shipping 1) was refused in the last hour" in said
    assert "Before, 2 calls (Readings 2) were refused" in said


def test_another_clinics_refused_calls_are_not_told_here(clinic: Clinic) -> None:
    make_clinic("beta")
    refuse(1, "/webhooks/beta/measurements/")
    refuse(1, "/webhooks/nobody/measurements/")
    assert REFUSED not in text_of(signed_in(clinic, "clinic_admin").get(PAGES[0]))


def test_operations_count_them_and_the_page_of_the_webhooks_names_the_door(clinic: Clinic) -> None:
    admin = signed_in(clinic, "clinic_admin")
    assert "Refused in the last hour 0" in text_of(admin.get("/c/alpha/operations/"))
    refuse(3)
    assert "Refused in the last hour 3" in text_of(admin.get("/c/alpha/operations/"))


def test_a_script_that_watches_reads_them_beside_readiness(clinic: Clinic) -> None:
    assert Client().get("/readyz").json()["refused_calls_last_hour"] == 0
    refuse(2)
    refuse(1, "/webhooks/nobody/measurements/")
    assert Client().get("/readyz").json()["refused_calls_last_hour"] == 2


def test_strangers_fill_no_table_however_many_clinics_they_make_up(clinic: Clinic) -> None:
    for number in range(50):
        refuse(1, f"/webhooks/made-up-{number}/measurements/")
    assert RefusalCount.objects.count() <= 2  # one for each minute it took


def test_counts_that_nobody_needs_any_more_are_deleted(clinic: Clinic) -> None:
    refuse()
    tasks.forget()
    assert RefusalCount.objects.count() == 1
    time_passes(91 * 24 * 60)
    tasks.forget()
    assert not RefusalCount.objects.exists()


@pytest.mark.parametrize("cause", RefusalCause.values)
def test_every_cause_is_either_fetched_at_once_or_when_it_is_over(cause: str) -> None:
    assert (cause in refusals.KEPT_OUT) != (cause in refusals.WITHOUT_SECRET)
