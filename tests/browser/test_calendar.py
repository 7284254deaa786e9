"""The calendar, the billing page and the export tell the same dates."""

from __future__ import annotations

import datetime

import pytest
from django.urls import reverse
from playwright.sync_api import Page

from clinics.models import Clinic, User
from tests.browser.conftest import Enter
from tests.browser.steps import Row, dates_of, path_of, patient_named, rows_of_csv

# A plain one; with control solution; in both programs; a battery and no more; one day a month;
# half a day ahead of the clinic; with late and estimated readings.
PATIENTS = ("P-0001", "P-0003", "P-0011", "P-0014", "P-0015", "P-0020", "P-0023")
MONTHS = ("2025-10", "2025-11")


def export(page: Page, month: str) -> list[Row]:
    """The rows of the month's CSV, as the page's own button gives them."""
    page.goto(reverse("billing", args=["demo"]) + f"?month={month}")
    with page.expect_download() as download:
        page.locator(".page-head").get_by_role("link", name="CSV of").click()
    return rows_of_csv(download.value.path())


def exported_dates(row: Row) -> list[datetime.date]:
    return [datetime.date.fromisoformat(date) for date in row["dates"].split(";") if date]


@pytest.mark.parametrize("month", MONTHS)
def test_the_calendar_counts_the_dates_of_the_export(
    month: str, clinic: Clinic, billing: User, care_manager: User, enter: Enter, page: Page
) -> None:
    enter(billing)
    rows = export(page, month)
    enter(care_manager)
    for external_id in PATIENTS:
        page.goto(path_of(patient_named(clinic, external_id), f"?month={month}&view=table"))
        dates = {date for row in rows if row["external_id"] == external_id for date in exported_dates(row)}
        assert dates_of(page.locator("#calendar a.day.counted")) == sorted(dates), external_id


@pytest.mark.parametrize("month", MONTHS)
def test_the_billing_strip_counts_the_dates_of_the_export(
    month: str, clinic: Clinic, billing: User, enter: Enter, page: Page
) -> None:
    enter(billing)
    rows = [row for row in export(page, month) if row["external_id"] in PATIENTS]
    assert len(rows) == len(PATIENTS) + 1  # one of them is in two programs
    for row in rows:
        key = f"{patient_named(clinic, row['external_id']).id}-{row['program']}"
        page.goto(reverse("billing", args=["demo"]) + f"?month={month}&open={key}")
        opened = page.locator("tbody.is-open")
        assert dates_of(opened.locator(".strip a.day.counted")) == exported_dates(row)
        assert opened.locator(".days-bar text").text_content() == row["vital_days"]
        assert opened.get_by_role("cell").nth(2).inner_text() == row["vendor_vital_days"]


def test_a_day_opens_to_the_readings_that_count(
    clinic: Clinic, care_manager: User, enter: Enter, page: Page
) -> None:
    """Among the readings of a counted date, as many say yes as its cell on the calendar. A pressure and its
    pulse are two readings in one row."""
    enter(care_manager)
    page.goto(path_of(patient_named(clinic, "P-0003"), "?month=2025-10"))
    cell = page.locator("#calendar a.day.counted").first
    words = cell.get_attribute("title") or ""
    cell.click()
    page.wait_for_url("**/2025-10-*/")
    rows = page.get_by_role("row").filter(has=page.locator(".verdict.yes"))
    yes = rows.locator("xpath=descendant-or-self::*[starts-with(@id, 'reading-')]").count()
    assert yes and words.endswith(f": counted, {yes} readings")
