"""How many clicks the most frequent questions take."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from clinics.models import User
from tests.browser.steps import Clicks, rows_of_csv, sign_in

ONLY_BATTERY = "Delphine Vantongeren"  # her scale reports its battery and nothing else


def test_the_patient_furthest_behind_is_one_click_away(page: Page, care_manager: User) -> None:
    sign_in(page, care_manager)
    clicks = Clicks(1)
    clicks.on(page.get_by_role("region", name="Furthest behind").get_by_role("link").first)
    expect(page.get_by_role("heading", level=1)).to_have_text("Nadia Foxhallow")
    expect(page.locator("#calendar .pace-words")).to_have_text("needs 10 of 12 left")


def test_nobody_who_can_still_reach_16_has_fewer_days(page: Page, care_manager: User) -> None:
    sign_in(page, care_manager)
    first = page.get_by_role("region", name="Furthest behind").get_by_role("listitem").first.inner_text()
    assert first == "Nadia Foxhallow 6 days, needs 10 of 12 left"
    late = page.locator("table.patients .pace:is(.behind, .on-pace)").filter(has_text="needs")
    fewest = late.locator("svg text").evaluate_all(
        "texts => Math.min(...texts.map((text) => +text.textContent))"
    )
    assert fewest == 6


def test_why_a_date_did_not_count_is_three_clicks_from_sign_in(page: Page, care_manager: User) -> None:
    sign_in(page, care_manager)
    clicks = Clicks(3)
    clicks.on(page.get_by_role("link", name=ONLY_BATTERY))
    clicks.on(page.get_by_role("link", name="Month before"))
    expect(page.locator("#calendar h2")).to_have_text("October 2025")
    clicks.on(page.locator("#calendar a.day.uncounted").first)
    expect(page.locator(".verdict-line")).to_have_text("RPM Does not count: only the battery reported.")
    expect(page.get_by_role("row", name="Battery").first).to_contain_text("a battery level is not vital")


def test_billing_finds_why_a_date_did_not_count_in_three_clicks(page: Page, billing: User) -> None:
    sign_in(page, billing)
    clicks = Clicks(3)
    clicks.on(page.get_by_role("link", name="Oct 2025", exact=True))
    expect(page.get_by_role("heading", level=1)).to_have_text("October 2025")
    clicks.on(page.get_by_role("link", name=f"Dates of {ONLY_BATTERY}"))
    clicks.on(page.locator(".strip a.day.uncounted").first)
    expect(page.locator(".verdict-line")).to_have_text("RPM Does not count: only the battery reported.")


def test_octobers_csv_is_two_clicks_from_sign_in(page: Page, billing: User) -> None:
    sign_in(page, billing)
    clicks = Clicks(2)
    clicks.on(page.get_by_role("link", name="Oct 2025", exact=True))
    with page.expect_download() as download:
        clicks.on(page.get_by_role("link", name="CSV of October 2025"))
    assert download.value.suggested_filename == "vital-days-demo-2025-10.csv"
    rows = rows_of_csv(download.value.path())
    assert {(row["window_start"], row["window_end"]) for row in rows} == {("2025-10-01", "2025-10-31")}
    assert len(rows) == 24
