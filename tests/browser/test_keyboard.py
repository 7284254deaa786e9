"""Everything can be done without a mouse."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from clinics.models import Clinic, User
from tests.browser.conftest import Enter
from tests.browser.steps import charts_are_drawn, path_of, patient_named

OPERABLE = "a[href], button, summary, input:not([type=hidden]), select, textarea, [tabindex='0']"
NUMBER_THEM = """(operable) => [...document.querySelectorAll(operable)]
  .filter((element) => element.checkVisibility())
  .map((element, n) => { element.dataset.place = n; return n; })"""
HERE = """() => {
  const { dataset, tagName } = document.activeElement;
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(document.activeElement);
  const shown = (outlineStyle !== "none" && outlineWidth !== "0px") || boxShadow !== "none";
  return { at: tagName === "BODY" ? null : Number(dataset.place), shown, what: document.activeElement.outerHTML };
}"""


@pytest.fixture
def signed_in(clinic: Clinic, care_manager: User, enter: Enter, page: Page) -> Page:
    enter(care_manager)
    return page


@pytest.mark.parametrize("query", ["", "?view=table"])
def test_tab_reaches_everything_in_reading_order_and_shows_where_it_is(
    query: str, clinic: Clinic, signed_in: Page
) -> None:
    signed_in.goto(path_of(patient_named(clinic, "P-0015"), query))
    charts_are_drawn(signed_in)
    everything = signed_in.evaluate(NUMBER_THEM, OPERABLE)
    met = []
    for _ in everything:
        signed_in.keyboard.press("Tab")
        here = signed_in.evaluate(HERE)
        assert here["shown"], here["what"]
        met.append(here["at"])
    assert met == everything


def test_slash_goes_to_search_and_enter_finds(signed_in: Page) -> None:
    signed_in.goto("/c/demo/patients/")
    signed_in.keyboard.press("/")
    expect(signed_in.get_by_role("searchbox")).to_be_focused()
    signed_in.keyboard.type("larkmont")
    signed_in.keyboard.press("Enter")
    expect(signed_in.locator("table.patients tbody th a")).to_have_text(["Priya Larkmont"])


def test_slash_is_a_character_where_somebody_types(signed_in: Page) -> None:
    signed_in.goto("/c/demo/patients/")
    signed_in.keyboard.press("/")
    signed_in.keyboard.type("a/b")
    expect(signed_in.get_by_role("searchbox")).to_have_value("a/b")


def test_the_first_tab_stop_skips_to_the_content(clinic: Clinic, signed_in: Page) -> None:
    signed_in.goto("/c/demo/patients/")
    signed_in.keyboard.press("Tab")
    skip = signed_in.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    signed_in.keyboard.press("Enter")
    expect(signed_in.locator("main")).to_be_focused()
    signed_in.keyboard.press("Tab")
    expect(signed_in.get_by_role("link", name="Archived patients")).to_be_focused()


def test_signing_in_and_out_needs_no_mouse(page: Page, care_manager: User) -> None:
    page.goto("/")
    page.keyboard.type(care_manager.email)
    page.keyboard.press("Tab")
    page.keyboard.type("correct-horse-battery")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Patients")
    account = page.locator("summary").filter(has_text=care_manager.email)
    account.focus()
    page.keyboard.press("Enter")
    for _ in ("Your clinics", "Your account", "Sign out"):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Sign out")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.goto("/c/demo/patients/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_escape_closes_the_account_menu_where_it_was_opened(signed_in: Page) -> None:
    signed_in.goto("/c/demo/patients/")
    account = signed_in.locator("details.account summary")
    account.press("Enter")
    expect(signed_in.get_by_role("button", name="Sign out")).to_be_visible()
    signed_in.keyboard.press("Tab")
    signed_in.keyboard.press("Escape")
    expect(signed_in.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(account).to_be_focused()
