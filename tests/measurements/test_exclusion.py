"""A reading that a person excluded counts for nothing, until somebody restores it."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from clinics.models import AuditEvent, Clinic, Role, User
from devices.models import Device
from measurements.actions.exclusion import exclude_reading, restore_reading
from measurements.models import LatestReading, Measurement, VitalDay
from tests.factories import deliver, element, held_device, make_clinic, make_user, settled

pytestmark = [pytest.mark.django_db, pytest.mark.clock]

REASON = "Someone else used the device"
DAY = datetime.date(2025, 3, 4)


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def nurse(clinic: Clinic) -> User:
    return make_user("alice@alpha.test", clinic)


@pytest.fixture
def cuff(clinic: Clinic) -> Device:
    """A cuff with one use, of two readings, on one date."""
    device = held_device(clinic)
    both = [element(device), element(device, metric="pulse", value_1=71, value_2=0)]
    assert settled(deliver(clinic, both)) == {"stored": 2}
    return device


def reading(device: Device, metric: str = "blood_pressure") -> Measurement:
    return Measurement.objects.for_clinic(device.clinic).select_related("clinic").get(metric=metric)


def days(clinic: Clinic) -> list[tuple[int, int]]:
    return list(VitalDay.objects.for_clinic(clinic).values_list("readings", "vendor_readings"))


def latest(clinic: Clinic) -> set[str]:
    return set(LatestReading.objects.for_clinic(clinic).values_list("metric", flat=True))


def test_days_and_latest_values_follow_at_once(clinic: Clinic, cuff: Device, nurse: User) -> None:
    exclude_reading(reading=reading(cuff), by=nurse, reason=REASON)
    assert (days(clinic), latest(clinic)) == ([(1, 2)], {"pulse"})
    exclude_reading(reading=reading(cuff, "pulse"), by=nurse, reason=REASON)
    assert (days(clinic), latest(clinic)) == ([(0, 2)], set())
    restore_reading(reading=reading(cuff), by=nurse, reason="a mistake")
    assert (days(clinic), latest(clinic)) == ([(1, 2)], {"blood_pressure"})


def test_what_is_stored_says_who_when_and_why(clinic: Clinic, cuff: Device, nurse: User) -> None:
    exclude_reading(reading=reading(cuff), by=nurse, reason=REASON)
    excluded = reading(cuff)
    assert (excluded.excluded, excluded.counts) == (True, False)
    assert (excluded.excluded_by, excluded.exclusion_reason) == (nurse, REASON)
    assert excluded.excluded_at
    restore_reading(reading=excluded, by=nurse, reason="a mistake")
    restored = reading(cuff)
    assert (restored.excluded, restored.counts) == (False, True)
    assert (restored.excluded_by, restored.excluded_at, restored.exclusion_reason) == (None, None, None)


def test_both_decisions_stay_in_the_record_with_their_reasons(
    clinic: Clinic, cuff: Device, nurse: User
) -> None:
    exclude_reading(reading=reading(cuff), by=nurse, reason=REASON)
    restore_reading(reading=reading(cuff), by=nurse, reason="a mistake")
    events = AuditEvent.objects.filter(action__startswith="reading_").order_by("id")
    told = [(event.action, event.actor_label, event.target_id, event.detail) for event in events]
    where = {"patient": str(reading(cuff).patient_id), "metric": "blood_pressure", "date": str(DAY)}
    assert told == [
        ("reading_excluded", nurse.email, str(reading(cuff).id), {**where, "reason": REASON}),
        ("reading_restored", nurse.email, str(reading(cuff).id), {**where, "reason": "a mistake"}),
    ]


def test_a_second_exclusion_changes_nothing(clinic: Clinic, cuff: Device, nurse: User) -> None:
    exclude_reading(reading=reading(cuff), by=nurse, reason=REASON)
    before = reading(cuff).excluded_at
    exclude_reading(reading=reading(cuff), by=make_user("bob@alpha.test", clinic), reason="again")
    assert (reading(cuff).excluded_at, reading(cuff).excluded_by) == (before, nurse)
    assert AuditEvent.objects.filter(action="reading_excluded").count() == 1


def test_the_rebuild_finds_nothing_to_correct(clinic: Clinic, cuff: Device, nurse: User) -> None:
    exclude_reading(reading=reading(cuff), by=nurse, reason=REASON)
    call_command("rebuild_vital_days", "--clinic", "alpha", "--check")


def test_the_same_reading_sent_again_stays_excluded(clinic: Clinic, cuff: Device, nurse: User) -> None:
    exclude_reading(reading=reading(cuff), by=nurse, reason=REASON)
    assert settled(deliver(clinic, element(cuff))) == {"duplicates": 1}
    assert (reading(cuff).excluded, days(clinic), latest(clinic)) == (True, [(1, 2)], {"pulse"})


def test_a_newer_upload_of_an_excluded_hour_stays_excluded(clinic: Clinic, nurse: User) -> None:
    watch = held_device(clinic, "tenovi-watch")
    hour = {"metric": "steps", "value_2": 0, "filter_params": {}}
    deliver(clinic, element(watch, value_1=100, **hour))
    exclude_reading(reading=reading(watch, "steps"), by=nurse, reason=REASON)
    newer = element(watch, value_1=180, created="2025-03-05T01:00:00Z", **hour)
    assert settled(deliver(clinic, newer)) == {"updated": 1}
    assert reading(watch, "steps").value_1 == 180 and not latest(clinic)


@pytest.mark.parametrize(
    "change",
    [
        {"excluded": True, "counts": False},
        {"exclusion_reason": "left over"},
        {"excluded": True, "counts": False, "exclusion_reason": ""},
    ],
)
def test_the_database_refuses_half_an_exclusion(cuff: Device, change: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match="exclusion_has_who_when_and_why"), transaction.atomic():
        Measurement.objects.for_clinic(cuff.clinic).update(**change)


def address(found: Measurement, decision: str = "exclude") -> str:
    return reverse(f"reading-{decision}", args=["alpha", found.patient_id, found.local_date, found.id])


def test_a_care_manager_excludes_one_use_and_restores_half_of_it(
    client: Client, clinic: Clinic, cuff: Device, nurse: User
) -> None:
    client.force_login(nurse)
    page = client.post(address(reading(cuff)), {"reason": REASON, "together": "on"}, follow=True)
    assert "Blood pressure, Heart rate excluded. RPM: Does not count" in page.content.decode()
    assert page.content.decode().count(f"“{REASON}”, alice@alpha.test") == 1  # one row, said of both
    assert days(clinic) == [(0, 2)]
    client.post(address(reading(cuff, "pulse"), "restore"), {"reason": "a mistake"})
    assert (days(clinic), reading(cuff).excluded) == ([(1, 2)], True)


def test_without_a_reason_the_page_asks_again_and_keeps_the_rest(
    client: Client, clinic: Clinic, cuff: Device, nurse: User
) -> None:
    client.force_login(nurse)
    page = client.post(address(reading(cuff)), {"reason": "  "}).content.decode()
    assert "Say why in a few words" in page
    assert '<details class="decision" open>' in page and 'name="together">' in page
    long = client.post(address(reading(cuff)), {"reason": "x" * 201, "together": "on"}).content.decode()
    assert f'value="{"x" * 201}"' in long and 'name="together" checked>' in long
    assert days(clinic) == [(2, 2)]


@pytest.mark.parametrize(
    ("role", "status"), [(Role.CARE_MANAGER, 302), (Role.CLINIC_ADMIN, 302), (Role.BILLING, 403)]
)
def test_who_may_exclude_and_restore(
    client: Client, clinic: Clinic, cuff: Device, role: str, status: int
) -> None:
    client.force_login(make_user("somebody@alpha.test", clinic, role))
    found = reading(cuff)
    for decision in ("exclude", "restore"):
        assert client.post(address(found, decision), {"reason": REASON}).status_code == status
    denied = AuditEvent.objects.filter(action="access_denied").values_list("detail__route", flat=True)
    assert list(denied) == (["reading-exclude", "reading-restore"] if status == 403 else [])


def test_a_reading_of_another_clinic_does_not_exist(client: Client, cuff: Device) -> None:
    outsider = make_user("charlie@beta.test", make_clinic("beta"))
    client.force_login(outsider)
    found = reading(cuff)
    theirs = reverse("reading-exclude", args=["beta", found.patient_id, found.local_date, found.id])
    assert {client.post(path, {"reason": REASON}).status_code for path in (address(found), theirs)} == {404}
    assert not reading(cuff).excluded


def test_a_reading_is_found_on_its_own_date_only(
    client: Client, clinic: Clinic, cuff: Device, nurse: User
) -> None:
    client.force_login(nurse)
    found = reading(cuff)
    elsewhere = reverse(
        "reading-exclude", args=["alpha", found.patient_id, datetime.date(2025, 3, 5), found.id]
    )
    assert client.post(elsewhere, {"reason": REASON}).status_code == 404


def test_a_decision_needs_the_forms_own_token(clinic: Clinic, cuff: Device, nurse: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(nurse)
    assert client.post(address(reading(cuff)), {"reason": REASON}).status_code == 403
    assert client.get(address(reading(cuff))).status_code == 405


def test_billing_staff_see_that_it_was_excluded_and_not_why(
    client: Client, clinic: Clinic, cuff: Device, nurse: User
) -> None:
    exclude_reading(reading=reading(cuff), by=nurse, reason=REASON)
    client.force_login(make_user("bob@alpha.test", clinic, Role.BILLING))
    page = client.get(reverse("billing-day", args=["alpha", reading(cuff).patient_id, DAY])).content.decode()
    assert "excluded by a person" in page
    assert REASON not in page and nurse.email not in page
