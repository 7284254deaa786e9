"""What the completeness page and the billing page say about the comparison with the vendor."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import time_machine
from django.db.models.functions import Now
from django.test import Client

from clinics.models import Clinic, Role
from devices.models import Assignment, Device
from measurements.completeness import of_span
from measurements.models import Cause, DeviceCheck, Reconciliation, Verification
from tests.factories import held_device, make_clinic, make_user
from tests.pages import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.clock]
OCTOBER = (
    datetime.datetime(2026, 10, 1, 4, tzinfo=datetime.UTC),
    datetime.datetime(2026, 11, 1, 4, tzinfo=datetime.UTC),
)
DAY = datetime.timedelta(days=1)
HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic()


def verify(device: Device, start: datetime.datetime, end: datetime.datetime) -> None:
    Verification.objects.create(
        clinic=device.clinic, device=device, verified_from=start, verified_to=end, checked_at=end
    )


@pytest.mark.parametrize(
    ("start", "end", "complete"),
    [
        (OCTOBER[0], OCTOBER[1], True),
        (OCTOBER[0] - DAY, OCTOBER[1] + DAY, True),
        (OCTOBER[0] + DAY, OCTOBER[1] + DAY, False),
        (OCTOBER[0] - DAY, OCTOBER[1] - DAY, False),
    ],
)
def test_a_month_is_complete_only_when_all_of_it_was_compared(
    clinic: Clinic, start: datetime.datetime, end: datetime.datetime, complete: bool
) -> None:
    device = held_device(clinic)
    verify(device, start, end)
    assert of_span(clinic, *OCTOBER).unverified == (() if complete else (device,))


def test_one_device_that_was_never_compared_is_named(clinic: Clinic) -> None:
    verify(held_device(clinic), *OCTOBER)
    other = held_device(clinic, external_id="other")
    found = of_span(clinic, *OCTOBER)
    assert (found.devices, found.unverified) == (2, (other,))


@time_machine.travel(OCTOBER[1] + 20 * DAY)
def test_the_billing_page_says_whether_the_month_is_complete(clinic: Clinic, client: Any) -> None:
    device = held_device(clinic)
    client.force_login(make_user("billing@example.com", clinic, Role.BILLING))
    page = client.get("/c/alpha/billing/?month=2026-10").content.decode()
    assert "devices is not verified for all of October 2026" in page
    verify(device, *OCTOBER)
    page = client.get("/c/alpha/billing/?month=2026-10").content.decode()
    assert "Every reading the vendor holds for October 2026 is here" in page


def compare(clinic: Clinic, until: datetime.datetime, **fields: Any) -> Reconciliation:
    """A comparison of the whole clinic that ended."""
    fields = {"cause": Cause.NIGHTLY, "since": until - 3 * DAY, "finished_at": until} | fields
    return Reconciliation.objects.create(clinic=clinic, until=until, **fields)


def billing_page(clinic: Clinic, now: datetime.datetime) -> str:
    browser = Client()
    with time_machine.travel(now, tick=False):
        browser.force_login(make_user(f"billing-{now:%d%H}@example.com", clinic, Role.BILLING))
        return text_of(browser.get("/c/alpha/billing/?month=2026-10"))


def test_on_the_first_of_a_month_nothing_is_amiss_before_the_first_night_could_compare_it(
    clinic: Clinic,
) -> None:
    device = held_device(clinic)
    verify(device, OCTOBER[0] - 30 * DAY, OCTOBER[0] - DAY)
    said = billing_page(clinic, OCTOBER[0] + HOUR)
    assert "No reading of October 2026 is compared with what Tenovi holds yet" in said
    assert "every device is compared each night from 2:00 AM EDT" in said
    assert "not verified" not in said
    compare(clinic, OCTOBER[0] + 2 * HOUR, finished_at=None)
    assert "the first comparison is under way" in billing_page(clinic, OCTOBER[0] + 3 * HOUR)


def test_a_month_under_way_is_judged_as_far_as_it_could_be_compared(clinic: Clinic) -> None:
    good, bad = held_device(clinic), held_device(clinic, external_id="other")
    night = OCTOBER[0] + 10 * DAY + 2 * HOUR
    compare(clinic, night)
    verify(good, OCTOBER[0], night)
    verify(bad, OCTOBER[0], night - DAY)
    said = billing_page(clinic, night + 8 * HOUR)
    assert "1 of 2 devices is not verified for October 2026 until Sun, Oct 11, 1:55 AM EDT" in said
    Verification.objects.for_clinic(clinic).filter(device=bad).update(verified_to=night)
    said = billing_page(clinic, night + 9 * HOUR)
    assert "received before Sun, Oct 11, 1:55 AM EDT , is here" in said


def test_a_device_that_came_after_the_last_night_is_not_missing_in_it(clinic: Clinic) -> None:
    night = OCTOBER[0] + 10 * DAY + 2 * HOUR
    compare(clinic, night)
    verify(held_device(clinic), OCTOBER[0], night)
    new = held_device(clinic, external_id="new")
    Assignment.objects.for_clinic(clinic).filter(device=new).update(starts_at=night + HOUR)
    assert "is here, verified" in billing_page(clinic, night + 8 * HOUR)


def test_the_night_after_its_end_decides_about_the_whole_month(clinic: Clinic) -> None:
    device = held_device(clinic)
    compare(clinic, OCTOBER[1] - 22 * HOUR)
    verify(device, OCTOBER[0], OCTOBER[1] - 22 * HOUR)
    assert "is here, verified" in billing_page(clinic, OCTOBER[1] + HOUR)
    assert "not verified for all of October 2026" in billing_page(clinic, OCTOBER[1] + 30 * HOUR)


def completeness_page(clinic: Clinic) -> Any:
    browser = Client()
    browser.force_login(make_user("who@example.com", clinic, Role.CLINIC_ADMIN))
    return browser.get("/c/alpha/completeness/")


def test_what_is_in_use_and_what_was_compared_add_up_in_words(clinic: Clinic) -> None:
    held, former, lacking = (held_device(clinic, external_id=name) for name in ("a", "b", "c"))
    Assignment.objects.for_clinic(clinic).filter(device=former).update(ends_at=Now())
    verify(held, *OCTOBER)
    run = compare(clinic, OCTOBER[1], planned_at=OCTOBER[1])
    for device in (held, former, lacking):
        DeviceCheck.objects.create(
            clinic=clinic,
            reconciliation=run,
            device=device,
            since=OCTOBER[0],
            state="unverified" if device == lacking else "verified",
            reason="Tenovi does not know this device." if device == lacking else "",
        )
    answer = completeness_page(clinic)
    said = text_of(answer)
    assert "1 of 2 devices in use is compared with what Tenovi holds, 1 not" in said
    assert "done, 3 devices, 1 of them not in use now" in said
    row = answer.content.decode().partition("Devices in use, least verified first")[2]
    assert row.count("#alert-triangle") == 2, "never compared, and why: by a shape, not by colour alone"


def test_fifty_devices_at_a_time_are_listed_the_least_verified_first(clinic: Clinic, client: Any) -> None:
    for number in range(51):
        device = held_device(clinic, external_id=f"patient-{number}")
        if number:
            verify(device, OCTOBER[0], OCTOBER[1] + number * DAY)
        else:
            never = device
    client.force_login(make_user("admin@example.com", clinic, Role.CLINIC_ADMIN))
    first, second = (client.get(f"/c/alpha/completeness/?page={page}").content.decode() for page in (1, 2))
    assert (first.count('<span class="ident">'), second.count('<span class="ident">')) == (50, 1)
    assert str(never.hwi_device_id) in first
    assert str(device.hwi_device_id) in second


def test_a_comparison_is_started_by_those_who_may(clinic: Clinic, client: Any) -> None:
    held_device(clinic)
    address = "/c/alpha/completeness/compare/"
    client.force_login(make_user("care@example.com", clinic, Role.CARE_MANAGER))
    assert client.post(address, {"days": "35"}).status_code == 403
    client.force_login(make_user("admin@example.com", clinic, Role.CLINIC_ADMIN))
    assert client.post(address, {"days": "35"}).status_code == 302
    run = Reconciliation.objects.for_clinic(clinic).get()
    assert (run.until - run.since).days == 35
    assert "0</span> of <span" in client.get("/c/alpha/completeness/").content.decode()
