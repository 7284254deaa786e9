"""axe-core looks at every page, in both themes, and every page fits a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from clinics.models import Clinic, Role, User
from tests.browser.conftest import Enter
from tests.browser.every_page import Route, routes, samples
from tests.browser.steps import charts_are_drawn, path_of, patient_named
from tests.factories import make_clinic, make_user

AXE = (Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js").read_text()
RUN = "async (rules) => (await axe.run({ ...rules, resultTypes: ['violations'] })).violations"
SERIOUS = ("serious", "critical")
PHONE: ViewportSize = {"width": 390, "height": 844}
ROLES = sorted({route.role for route in routes()})


def findings(page: Page) -> list[str]:
    """What axe holds against the page as it is now, in both themes."""
    page.evaluate(AXE)
    found: list[dict[str, Any]] = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        expect(page.locator("html")).to_have_attribute("data-bs-theme", theme)
        rules = {} if theme == "light" else {"runOnly": ["color-contrast"]}
        found += page.evaluate(RUN, rules)
    return [
        f"{page.url}: {one['id']} ({one['impact']}): {node['html']}"
        for one in found
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("route", routes(), ids=lambda route: route.name)
def test_axe_finds_nothing_serious(route: Route, clinic: Clinic, enter: Enter, page: Page) -> None:
    enter(make_user("somebody@demo.test", clinic, route.role))
    found = []
    for address in route.addresses(samples(clinic)):
        page.goto(address)
        charts_are_drawn(page)
        found += findings(page)
    assert found == []


@pytest.mark.parametrize("role", ROLES)
def test_no_page_is_wider_than_a_phone(role: str, clinic: Clinic, enter: Enter, page: Page) -> None:
    enter(make_user("somebody@demo.test", clinic, role))
    page.set_viewport_size(PHONE)
    wider = []
    known = samples(clinic)
    theirs = [route for route in routes() if route.role == role]
    for address in (address for route in theirs for address in route.addresses(known)):
        page.goto(address)
        charts_are_drawn(page)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wider.append(address)
    assert wider == []


def test_axe_finds_nothing_serious_where_nothing_happened_yet(
    transactional_db: None, enter: Enter, page: Page
) -> None:
    clinic = make_clinic("new")
    enter(make_user("admin@new.test", clinic, Role.CLINIC_ADMIN))
    found = []
    for route in routes():
        if route.parameters == {"clinic"}:
            page.goto(route.address({"clinic": clinic.slug}))
            found += findings(page)
    assert found == []


def test_axe_finds_nothing_serious_outside_a_clinic(
    clinic: Clinic, care_manager: User, enter: Enter, page: Page, complaints: list[str]
) -> None:
    found = []
    for address in ("/password/", "/sign-in/"):
        page.goto(address)
        found += findings(page)
    page.get_by_label("E-mail").fill("nobody@demo.test")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    found += findings(page)
    enter(care_manager)
    for address in ("/?choose", "/account/", "/account/second-factor/", "/nowhere/", "/c/demo/deliveries/"):
        page.goto(address)
        found += findings(page)
    assert found == []
    assert [text.partition(" (")[0] for text in complaints] == [
        "console: Failed to load resource: the server responded with a status of 404",
        "console: Failed to load resource: the server responded with a status of 403",
    ]
    complaints.clear()


def test_other_dates_can_be_chosen_on_a_phone(clinic: Clinic, enter: Enter, page: Page) -> None:
    enter(make_user("somebody@demo.test", clinic, Role.CARE_MANAGER))
    page.set_viewport_size(PHONE)
    page.goto(path_of(patient_named(clinic, "P-0001"), "?from=2025-11-10&to=2025-11-12"))
    form = page.locator(".span-form")
    expect(form).to_be_hidden()  # it would cover the charts that were just asked for
    page.get_by_text("Other dates").click()
    box = form.bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]
    page.get_by_role("button", name="Show").click(trial=True)


@pytest.mark.parametrize("width", [961, 1101, 1301])
def test_the_bar_of_an_admin_fits_a_small_window(
    width: int, clinic: Clinic, enter: Enter, page: Page
) -> None:
    enter(make_user("somebody@demo.test", clinic, Role.CLINIC_ADMIN))
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(f"/c/{clinic.slug}/patients/")
    last_door = page.get_by_role("navigation", name="Main").get_by_role("link").last.bounding_box()
    search = page.get_by_role("searchbox").bounding_box()
    account = page.locator(".account").bounding_box()
    assert last_door and search and account
    assert search["width"] >= 150
    assert last_door["x"] + last_door["width"] <= search["x"]
    assert account["x"] + account["width"] <= width
