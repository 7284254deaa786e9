"""What was not simply stored is in sight of who can do something about it: at once, with its reason."""

from __future__ import annotations

import datetime
import json
import uuid

import pytest
from django.utils import timezone

from clinics.models import Clinic
from common.formats import clock_time
from tenovi.inbound.reasons import sentence
from tenovi.models import Delivery, Heartbeat
from tests.factories import deliver, element, held_device, make_clinic
from tests.pages import signed_in, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.clock]

LIST = "/c/alpha/deliveries/"
PATIENTS = "/c/alpha/patients/"
NOT_STORED = {
    "not_json": b'{"metric"',
    "no_object": b"[]",
    "unknown_device": json.dumps(element(uuid.uuid4())).encode(),
}


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.mark.parametrize("role", ["clinic_admin", "operator"])
@pytest.mark.parametrize("reason", NOT_STORED)
def test_what_was_not_stored_is_listed_at_once_with_all_that_is_known(
    clinic: Clinic, role: str, reason: str
) -> None:
    body, browser = NOT_STORED[reason], signed_in(clinic, role)
    deliver(clinic, body, REMOTE_ADDR="203.0.113.7")
    kept = Delivery.objects.for_clinic(clinic).get()
    received = kept.received_at.astimezone(clinic.zone)
    assert sentence(reason) in text_of(browser.get(LIST))
    page = text_of(browser.get(f"{LIST}{kept.id}/"))
    for known in (sentence(reason), clock_time(received, clinic.zone), "203.0.113.7", f"{len(body)} bytes"):
        assert known in page
    assert body.decode() in text_of(browser.get(f"{LIST}{kept.id}/raw/"))


@pytest.mark.parametrize(
    ("elements", "told"),
    [(1, ("1 waits: the device", "1 needs attention.")), (2, ("2 wait: the device", "2 need attention."))],
)
def test_what_waits_is_counted_in_a_sentence(clinic: Clinic, elements: int, told: tuple[str, ...]) -> None:
    deliver(clinic, [element(uuid.uuid4()) for _ in range(elements)])
    page = text_of(signed_in(clinic, "clinic_admin").get(LIST))
    assert all(words in page for words in told)


def test_what_waits_for_more_than_a_day_is_told_on_every_page_of_who_can_do_something(clinic: Clinic) -> None:
    admin, nurse = signed_in(clinic, "clinic_admin"), signed_in(clinic, "care_manager")
    deliver(clinic, element(uuid.uuid4()))
    deliver(clinic, element(held_device(clinic)))
    for hours, told in ((23, ""), (25, "more than a day"), (50, "more than 2 days")):
        age(clinic, hours)
        page = text_of(admin.get(PATIENTS))
        assert (f"A delivery has waited for {told} to be settled." in page) is bool(told)
        assert ("A delivery has waited" in page) is bool(told)
        assert "A delivery has waited" not in text_of(nurse.get(PATIENTS))


def age(clinic: Clinic, hours: int) -> None:
    moment = timezone.now() - datetime.timedelta(hours=hours)
    Delivery.objects.for_clinic(clinic).update(received_at=moment)


@pytest.mark.parametrize(("percent", "told"), [(None, False), (89, False), (90, True), (100, True)])
def test_a_disk_that_is_nearly_full_is_told_on_every_page(
    clinic: Clinic, percent: int | None, told: bool
) -> None:
    Heartbeat.objects.create(minute=timezone.now().replace(second=0, microsecond=0), disk_percent=percent)
    admin = signed_in(clinic, "clinic_admin")
    assert ("The disk of the database is" in text_of(admin.get(PATIENTS))) is told
    figure = "Disk of the database" in text_of(admin.get("/c/alpha/operations/"))
    assert figure is (percent is not None)
