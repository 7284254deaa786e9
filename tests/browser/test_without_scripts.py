"""Pages are useful before their scripts run, and where none ever do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from clinics.models import Clinic, User
from devices.models import Device
from tests.browser.conftest import Enter
from tests.browser.steps import path_of, patient_named, sign_in
from tests.chromium import profile
from tests.factories import assign, deliver, element


@pytest.fixture
def context(browser: Browser, live_server: LiveServer, complaints: list[str]) -> Iterator[BrowserContext]:
    with profile(browser, live_server, complaints, java_script_enabled=False) as context:
        yield context


def test_each_chart_leads_to_the_same_readings_as_a_table(
    clinic: Clinic, care_manager: User, page: Page
) -> None:
    sign_in(page, care_manager)
    page.get_by_role("link", name="Marisol Quenbrook").click()
    charts = page.locator("section.chart")
    expect(charts).to_have_count(2)
    for chart in charts.all():
        expect(chart.get_by_role("link", name="See the same readings as a table.")).to_be_visible()
    charts.first.get_by_role("link").click()
    expect(page.get_by_role("table", name="Readings, newest first").get_by_role("row").nth(1)).to_be_visible()


def test_other_dates_can_be_chosen(clinic: Clinic, care_manager: User, enter: Enter, page: Page) -> None:
    enter(care_manager)
    page.goto(path_of(patient_named(clinic, "P-0001"), "?view=table"))
    page.get_by_text("Other dates").click()
    page.get_by_label("From").fill("2025-10-06")
    page.get_by_label("to", exact=True).fill("2025-10-06")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#trend-title")).to_have_text("Oct 6, 2025 to Oct 6, 2025")
    times = page.locator("#readings tbody th").all_inner_texts()
    assert times and all(time.startswith("Mon, Oct 6, ") for time in times)


def test_a_billing_row_opens_to_its_dates_and_closes(
    clinic: Clinic, billing: User, enter: Enter, page: Page
) -> None:
    enter(billing)
    page.goto("/c/demo/billing/?month=2025-10")
    page.get_by_role("link", name="Dates of Priya Larkmont, RPM").click()
    expect(page.locator(".strip .day")).to_have_count(31)
    expect(page.locator(".strip a.day.counted")).to_have_count(9)
    page.get_by_role("link", name="Close the dates of Priya Larkmont, RPM").click()
    expect(page.locator(".strip")).to_have_count(0)


def test_patients_are_sorted_and_searched(
    clinic: Clinic, care_manager: User, enter: Enter, page: Page
) -> None:
    enter(care_manager)
    page.goto("/c/demo/patients/")
    names = page.locator("table.patients tbody th a")
    page.get_by_role("columnheader", name="Patient").get_by_role("link").click()
    expect(names.first).to_have_text("Yesenia Castellamar")
    page.get_by_role("searchbox").fill("p-0007")
    page.get_by_role("searchbox").press("Enter")
    expect(names).to_have_text(["Odessa Hollowmere"])


def test_what_waits_is_settled_again(clinic: Clinic, admin: User, enter: Enter, page: Page) -> None:
    """A reading came before its device was known; once it is, a person can try it again at once."""
    device = Device(clinic=clinic, kind="tenovi-bpm", hwi_device_id="0f4f2c9b-6f3e-4c0e-9d0c-5a3a7a1f2b11")
    deliver(clinic, element(device, timestamp="2025-11-19T13:00:00Z", created="2025-11-19T13:00:20Z"))
    enter(admin)
    page.goto("/c/demo/deliveries/")
    expect(page.locator(".lede")).to_contain_text("the device is not known yet")
    device.save()
    assign(device, patient_named(clinic, "P-0016"))
    page.get_by_role("button", name="Settle again").click()
    expect(page.get_by_role("status")).to_have_text("1 tried again, 0 still waiting.")
    expect(page.locator(".lede")).to_have_text("Everything that came in is settled.")
