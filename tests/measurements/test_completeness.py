"""What the completeness page and the billing page say about the comparison with the vendor."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from clinics.models import Clinic, Role
from devices.models import Device
from measurements.completeness import of_span
from measurements.models import Reconciliation, Verification
from tests.factories import held_device, make_clinic, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.clock]
OCTOBER = (
    datetime.datetime(2026, 10, 1, 4, tzinfo=datetime.UTC),
    datetime.datetime(2026, 11, 1, 4, tzinfo=datetime.UTC),
)
DAY = datetime.timedelta(days=1)


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


def test_the_billing_page_says_whether_the_month_is_complete(clinic: Clinic, client: Any) -> None:
    device = held_device(clinic)
    client.force_login(make_user("billing@example.com", clinic, Role.BILLING))
    page = client.get("/c/alpha/billing/?month=2026-10").content.decode()
    assert "devices are not verified for all of October 2026" in page
    verify(device, *OCTOBER)
    page = client.get("/c/alpha/billing/?month=2026-10").content.decode()
    assert "Every reading the vendor holds for October 2026 is here" in page


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
